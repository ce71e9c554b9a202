"""The services whose jobs are asked about, by the names that ``--on`` has for them."""

from forebay.commands.jobs.options import Entry, JobsOptions


def jobs_of(options: JobsOptions) -> list[Entry]:
    """Does what is asked of jobs.

    Returns:
        For ``list`` the jobs, the newest first; for ``logs`` the messages, the oldest first; for
        ``describe`` and ``cancel`` the one job, as it is then.

    Raises:
        InputError: the service refuses, there is no such job, or it is over already.
        RunFailed: nothing answers.
    """
    if options.on == "flink":
        from forebay.commands.jobs import flink

        return flink.jobs(options)
    if options.on == "vertex":
        from forebay.commands.jobs import vertex

        return vertex.jobs(options)
    from forebay.commands.jobs import dataflow

    return dataflow.jobs(options)
