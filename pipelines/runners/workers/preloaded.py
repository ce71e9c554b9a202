"""What a worker uses, imported before there is one: all that pipelines are made of, and TensorFlow.

A pipeline's own modules import TensorFlow late, so that commands begin at once. Here nobody waits.
"""

from forebay.console.tensorflow import kept_for_good, quiet_tensorflow

with quiet_tensorflow(), kept_for_good():
    import apache_beam.runners.worker.sdk_worker_main  # noqa: F401

    import forebay.pipelines.predictions.answers
    import forebay.pipelines.preprocess
    import forebay.pipelines.transform.steps
    import forebay.storage.run.loaded_model  # noqa: F401
