"""Running a pipeline on an engine, and errors as the user should see them."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TextIO, cast

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    StandardOptions,
)
from apache_beam.runners.runner import create_runner

from forebay.console.logs import logs_filtered
from forebay.console.machine import refusal_in
from forebay.console.shared import shared
from forebay.console.stores import store_failure_in
from forebay.console.tensorflow import native_logs_hidden
from forebay.pipelines.runners.engine import Engine, Work
from forebay.pipelines.runners.failures import raised_in, telling_line, text_of, without_step
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.remembered import RememberedOptions, state_specs_remembered
from forebay.pipelines.runners.whole_elements import send_whole_elements
from forebay.pipelines.shuffle.coders import register_coders
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.transforms import errors
from forebay.transforms.errors import InputError

# They log the traceback of whatever a step raises, in this process or as a worker tells it, and
# that a wheel has to fit the workers.
_WORKER_LOGGERS = (
    "apache_beam.runners.common", "apache_beam.runners.worker",
    "apache_beam.runners.portability.local_job_service",
    "apache_beam.runners.portability.stager",
)  # fmt: skip


# Applies the steps of a pipeline.
Build = Callable[[beam.Pipeline], None]


@dataclass(frozen=True)
class Runner:
    """What pipelines are run with.

    Attributes:
        engine: where.
        options: Beam's options.
        folder: what they write to, as far as it is known.
    """

    engine: Engine
    options: PipelineOptions
    folder: str = ""

    @property
    def can_be_copied(self) -> bool:
        """Whether a copy of this process can run pipelines with it.

        Beam's local runner works in the process that it is called in, and the job server of a
        cluster does not care which one that is. Other runners may start what only this one ends.
        """
        runner = self.options.view_as(StandardOptions).runner
        is_of_cluster = runner == "PortableRunner" and not isinstance(self.engine, Local)
        return runner == "FnApiRunner" or is_of_cluster


@contextmanager
def opened(engine: Engine, work: Work) -> Iterator[Runner]:
    """Makes an engine ready for pipelines.

    Args:
        engine: the engine.
        work: what it is to do.

    Raises:
        InputError: they name a runner that there is not, or one beside the engine's.
        UserError: something that the engine needs is not there.
    """
    runner = PipelineOptions(list(work.beam)).view_as(StandardOptions).runner
    if runner is None:
        with engine.open(work) as own:
            yield Runner(engine, RememberedOptions([*own, *work.beam]), work.folder)
        return
    if engine != Local():
        raise InputError(
            f"--runner={runner} is given to Beam, and --on {engine.name} chooses another; leave "
            "one of them out"
        )
    try:
        create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(
            f"--runner={runner} cannot be used ({error}); "
            "correct its name, or install what it needs"
        ) from error
    yield Runner(engine, RememberedOptions(list(work.beam)), work.folder)


def run_pipeline(build: Build, runner: Runner, *, waits: bool = True) -> None:
    """Builds a pipeline, runs it and waits for its end.

    Args:
        build: applies the steps to the pipeline it is given.
        runner: what it is run with.
        waits: whether it is waited for.

    Raises:
        UserError: a step raised one; it comes back as it was raised.
        RunFailed: the pipeline failed otherwise.
    """
    # Arrow's own allocators keep what is freed, which memory limits then count.
    pa.set_memory_pool(pa.system_memory_pool())
    send_whole_elements()
    options = deepcopy(runner.options)  # some runners write into them what one job has
    with as_outside_notebooks(), state_specs_remembered():
        pipeline = built(build, runner.engine, options)
        try:
            with _worker_tracebacks_hidden(), _own_words_only(options):
                result = pipeline.run()
                if not waits:
                    return
                with runner.engine.watched(result):
                    result.wait_until_finish()
        except errors.ForebayError as error:
            said = without_step(str(error))
            if said == str(error):
                raise
            raise type(error)(said) from error
        except Exception as error:
            if str(error).startswith(KeyboardInterrupt.__name__):  # as Beam tells it of a step
                raise KeyboardInterrupt from error
            raise _as_raised(error, runner) from error


def built(build: Build, engine: Engine, options: PipelineOptions) -> beam.Pipeline:
    """Builds a pipeline.

    Raises:
        InputError: Beam refuses its options.
    """
    register_coders(Partitioned)
    try:
        pipeline = beam.Pipeline(options=options)
    except ValueError as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
        raise InputError(f"Beam refuses its options ({said}); correct those after --") from error
    engine.prepare(pipeline)
    build(pipeline)
    return pipeline


@shared
@contextmanager
def as_outside_notebooks() -> Iterator[None]:
    """Lets Beam build and clean up in a notebook as everywhere.

    There it would put the cell's number before our labels, leave its folder to the interactive
    runner, and load Beam's data frames, which fail beside pandas 3.
    """
    kept = beam.pipeline.alter_label_if_ipython, beam.pipeline.is_in_ipython
    beam.pipeline.alter_label_if_ipython = lambda transform, pvalueish: None
    beam.pipeline.is_in_ipython = lambda: False
    try:
        yield
    finally:
        beam.pipeline.alter_label_if_ipython, beam.pipeline.is_in_ipython = kept


def _own_words_only(options: PipelineOptions) -> AbstractContextManager[None]:
    """Keeps the greetings of each worker's TensorFlow away, where workers are processes."""
    mode = options.view_as(DirectOptions).direct_running_mode
    return native_logs_hidden() if mode == "multi_processing" else nullcontext()


@shared
@contextmanager
def _worker_tracebacks_hidden() -> Iterator[None]:
    """Keeps Beam's workers from telling, logged and printed, what is raised to the caller too."""
    loggers = [logging.getLogger(name) for name in _WORKER_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    hidden = redirect_stderr(cast(TextIO, _WithoutWorkerTracebacks(sys.stderr)))
    try:
        with hidden, logs_filtered([""], _not_of_a_job):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _not_of_a_job(record: logging.LogRecord) -> bool:
    """Tells whether a message is other than what a job server reports, which is raised too."""
    return record.module != "portable_runner"


class _WithoutWorkerTracebacks:
    """A text stream that swallows what Beam's worker prints where an instruction fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._swallowed = threading.local()

    def write(self, text: str) -> int:
        after_traceback = getattr(self._swallowed, "just_now", False)
        is_traceback = text.startswith("Traceback") and "sdk_worker.py" in text
        self._swallowed.just_now = is_traceback
        if not is_traceback and not (after_traceback and text == "\n"):
            self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _as_raised(error: Exception, runner: Runner) -> errors.ForebayError:
    """Finds our own exception in the traceback text that a runner reports."""
    text = text_of(error)
    raised = raised_in(text)
    if raised is not None:
        return raised
    explained = runner.engine.explain(str(error)) or store_failure_in(text, runner.folder)
    if explained is not None:
        return explained
    refusal = refusal_in(text)
    if refusal is not None:
        return (errors.InputError if refusal.is_users else errors.RunFailed)(str(refusal))
    return errors.RunFailed(
        f"the pipeline failed: {telling_line(text)}; --debug shows the whole traceback"
    )
