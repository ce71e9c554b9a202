"""Running a pipeline: Beam's options, the local default, and errors as the user should see them."""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from typing import Any, TextIO, cast

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    StandardOptions,
)
from apache_beam.runners.runner import create_runner

from forebay.console.machine import refusal_in
from forebay.console.tensorflow import native_logs_hidden
from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.runners.remembered import RememberedOptions, state_specs_remembered
from forebay.pipelines.shuffle.coders import register_coders
from forebay.pipelines.shuffle.group_batches import Partitioned
from forebay.transforms import errors

# Threads, not processes: the heavy steps are C++ and compiled kernels that release the
# interpreter lock, and each process would import TensorFlow anew.
_LOCAL_OPTIONS = ("--runner=FnApiRunner", "--direct_running_mode=multi_threading")
# Below so much text one worker is faster, inside the calling thread: for several, Beam cuts every
# bundle, serializes what goes to each, and adds up what they measured.
_ONE_WORKER_BYTES = 8 << 20
# What Beam adds to the words of what a step raises.
_STEP = r" \[while running '[^']*'\]"
_RAISED = re.compile(rf"transforms\.errors\.(\w+): (.*?)(?:{_STEP})?$", re.M | re.S)

# They log the traceback of whatever a step raises, in this process or as a worker tells it.
_WORKER_LOGGERS = (
    "apache_beam.runners.common", "apache_beam.runners.worker",
    "apache_beam.runners.portability.local_job_service",
)  # fmt: skip


def beam_options(arguments: Sequence[str], text_bytes: int) -> PipelineOptions:
    """Reads Beam's own options; without a ``--runner``, runs locally.

    Args:
        arguments: the options.
        text_bytes: how long all rows are as text. All cores share them, unless they are few.

    Raises:
        InputError: there is no such runner.
    """
    chosen = list(arguments)
    given = PipelineOptions(chosen)
    runner = given.view_as(StandardOptions).runner
    if runner is None:
        direct = given.view_as(DirectOptions)
        if text_bytes < _ONE_WORKER_BYTES and direct.direct_num_workers == 1:
            return RememberedOptions(["--runner=FnApiRunner", *chosen])
        workers = f"--direct_num_workers={usable_cores()}"
        return RememberedOptions([*_LOCAL_OPTIONS, workers, *chosen])
    try:
        create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise errors.InputError(
            f"--runner={runner} cannot be used ({error}); "
            "correct its name, or install what it needs"
        ) from error
    return RememberedOptions(chosen)


def run_pipeline(build: Callable[[beam.Pipeline], None], options: PipelineOptions) -> None:
    """Builds a pipeline, runs it and waits for its end.

    Args:
        build: applies the steps to the pipeline it is given.
        options: Beam's options.

    Raises:
        UserError: a step raised one; it comes back as it was raised.
        RunFailed: the pipeline failed otherwise.
    """
    register_coders(Partitioned)
    # Arrow's own allocators keep what is freed, which memory limits then count.
    pa.set_memory_pool(pa.system_memory_pool())
    with _as_outside_notebooks(), state_specs_remembered():
        pipeline = beam.Pipeline(options=options)
        build(pipeline)
        try:
            with _worker_tracebacks_hidden(), _own_words_only(options):
                pipeline.run().wait_until_finish()
        except errors.ForebayError as error:
            said = re.sub(f"{_STEP}$", "", str(error))
            if said == str(error):
                raise
            raise type(error)(said) from error
        except Exception as error:
            if str(error).startswith(KeyboardInterrupt.__name__):  # as Beam tells it of a step
                raise KeyboardInterrupt from error
            raise _as_raised(_text_of(error)) from error


@contextmanager
def _as_outside_notebooks() -> Iterator[None]:
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


@contextmanager
def _worker_tracebacks_hidden() -> Iterator[None]:
    """Keeps Beam's workers from telling, logged and printed, what is raised to the caller too."""
    loggers = [logging.getLogger(name) for name in _WORKER_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stderr(cast(TextIO, _WithoutWorkerTracebacks(sys.stderr))):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


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


def _text_of(error: Exception) -> str:
    """Returns what is said of a failure: with the traceback, as a worker sends that of a step."""
    said = str(error)
    has_traceback = "Traceback (most recent call last)" in said
    is_of_runner = type(error) is RuntimeError and not re.search(f"{_STEP}$", said)
    if has_traceback or is_of_runner:
        return said
    return "".join(traceback.format_exception(error))


def _as_raised(text: str) -> errors.ForebayError:
    """Finds our own exception in the traceback text that a runner reports."""
    found = _RAISED.findall(text)
    if found:
        name, message = found[-1]
        kind = getattr(errors, name, errors.RunFailed)
        return kind(message.strip())
    refusal = refusal_in(text)
    if refusal is not None:
        return (errors.InputError if refusal.is_users else errors.RunFailed)(str(refusal))
    last = text.strip().splitlines()[-1] if text.strip() else "no message"
    return errors.RunFailed(f"the pipeline failed: {last}; --debug shows the whole traceback")
