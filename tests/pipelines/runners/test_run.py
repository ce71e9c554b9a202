"""Pipelines run the same in the calling thread and in several: results, and words of failures."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import apache_beam as beam
import pytest
from apache_beam.coders import VarIntCoder
from apache_beam.options import pipeline_options
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.transforms import userstate
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec
from made_runs import make_dataset

from forebay.pipelines.runners import run
from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.remembered import state_specs_remembered
from forebay.pipelines.runners.run import Runner, opened, run_pipeline
from forebay.transforms.errors import InputError, RunFailed

FEW, MANY = 1_000, 1 << 30


def here(arguments: Sequence[str], text_bytes: int) -> Runner:
    work = Work("none.py", make_dataset("regression"), "none", (), arguments, text_bytes)
    with opened(Local(), work) as runner:
        return runner


ONE_WORKER, TWO_WORKERS = here([], FEW), here(["--direct_num_workers=2"], MANY)
WAYS = pytest.mark.parametrize("runner", [ONE_WORKER, TWO_WORKERS], ids=["one", "two"])


def direct(options: PipelineOptions) -> tuple[int, str]:
    view = options.view_as(DirectOptions)
    return view.direct_num_workers, view.direct_running_mode


def test_few_rows_are_the_work_of_one_worker() -> None:
    assert direct(ONE_WORKER.options) == (1, "in_memory")
    assert direct(here([], MANY).options) == (usable_cores(), "multi_threading")


def test_a_number_of_workers_that_is_asked_for_is_had() -> None:
    assert direct(here(["--direct_num_workers=3"], FEW).options) == (3, "multi_threading")


@pytest.mark.parametrize("kind", sorted(PipelineOptions.__subclasses__(), key=str), ids=str)
def test_views_say_what_those_of_beam_say(kind: type[PipelineOptions]) -> None:
    arguments = ["--runner=FnApiRunner", "--temp_location=/t", "--experiments=a,b"]
    expected = PipelineOptions(arguments).view_as(kind)
    assert str(here(arguments, FEW).options.view_as(kind)) == str(expected)


def test_what_one_view_changes_all_see() -> None:
    options = here([], FEW).options
    debug = options.view_as(pipeline_options.DebugOptions)
    debug.add_experiment("new")
    assert options.get_all_options()["experiments"] == ["new"]
    assert debug.view_as(pipeline_options.DebugOptions).lookup_experiment("new")


@pytest.mark.parametrize("account", ["", "me@example.com"])
def test_a_copy_has_values_of_its_own(account: str) -> None:
    options = here([f"--impersonate_service_account={account}"] if account else [], FEW).options
    assert options.view_as(pipeline_options.DebugOptions).experiments is None
    copied = deepcopy(options)
    copied.view_as(pipeline_options.DebugOptions).add_experiment("new")
    assert copied.get_all_options()["experiments"] == ["new"]
    assert options.get_all_options()["experiments"] is None


class _Numbered(beam.DoFn):
    """Numbers the values of a key, by state that Beam keeps."""

    SEEN = ReadModifyWriteStateSpec("seen", VarIntCoder())

    def process(  # type: ignore[override]
        self,
        element: tuple[str, int],
        seen: userstate.ReadModifyWriteRuntimeState = beam.DoFn.StateParam(SEEN),  # noqa: B008
    ) -> Iterator[tuple[str, int]]:
        number = (seen.read() or 0) + 1
        seen.write(number)
        yield element[0], number


@WAYS
def test_steps_with_state_have_it(runner: Runner) -> None:
    kept = userstate.get_dofn_specs

    def build(pipeline: beam.Pipeline) -> None:
        numbered = (
            pipeline
            | beam.Create([("a", 5), ("b", 6), ("a", 7)])
            | beam.ParDo(_Numbered())
            | beam.combiners.ToList()
        )
        _ = numbered | beam.Map(_check_numbers)

    run_pipeline(build, runner)
    assert userstate.get_dofn_specs is kept


def _check_numbers(found: list[tuple[str, int]]) -> None:
    if sorted(found) != [("a", 1), ("a", 2), ("b", 1)]:
        raise InputError(f"found {found}")


def test_a_step_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _Numbered(), beam.Map(str).fn
    looked: list[beam.DoFn] = []
    own = userstate.get_dofn_specs

    def counted(dofn: beam.DoFn) -> object:
        looked.append(dofn)
        return own(dofn)

    monkeypatch.setattr(userstate, "get_dofn_specs", counted)
    with state_specs_remembered():
        for _ in range(3):
            assert userstate.is_stateful_dofn(first)
            assert not userstate.is_stateful_dofn(second)
    assert looked == [first, second]
    assert userstate.get_dofn_specs is counted


@dataclass(frozen=True)
class _Meeting(Local):
    """An engine whose pipelines tell when they are under way, and end when they may."""

    is_under_way: threading.Event
    may_end: threading.Event

    @contextmanager
    def watched(self, result: object) -> Iterator[None]:
        self.is_under_way.set()
        yield
        assert self.may_end.wait(60)


def _of_the_process() -> tuple[object, ...]:
    """What a pipeline changes of its process while it is under way."""
    levels = [logging.getLogger(name).level for name in run._WORKER_LOGGERS]
    filters = list(logging.getLogger().filters)
    notebook = beam.pipeline.alter_label_if_ipython, beam.pipeline.is_in_ipython
    return levels, filters, notebook, userstate.get_dofn_specs, sys.stderr


def test_pipelines_that_overlap_leave_the_process_as_it_was() -> None:
    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1, 2]) | beam.Map(str)

    before = _of_the_process()
    first, second = (_Meeting(threading.Event(), threading.Event()) for _ in range(2))
    threads = []
    for engine in (first, second):
        runner = Runner(engine, deepcopy(ONE_WORKER.options))
        threads.append(threading.Thread(target=run_pipeline, args=(build, runner)))
        threads[-1].start()
        assert engine.is_under_way.wait(60)
    assert _of_the_process() != before
    for engine, thread in zip((first, second), threads, strict=True):
        engine.may_end.set()
        thread.join(60)

    assert _of_the_process() == before


@dataclass(frozen=True)
class _Slow:
    """A number that takes long to encode."""

    number: int


class _SlowCoder(beam.coders.Coder):
    """Encodes it in Python, as it would a large value."""

    def encode(self, value: _Slow) -> bytes:
        time.sleep(0.4)
        return str(value.number).encode()

    def decode(self, encoded: bytes) -> _Slow:
        return _Slow(int(encoded))

    def estimate_size(self, value: _Slow) -> int:
        return 8

    def is_deterministic(self) -> bool:
        return True


def test_elements_that_take_long_to_encode_arrive_whole() -> None:
    """By themselves, Beam's threads send what is written of an element when a second has passed."""
    beam.coders.registry.register_coder(_Slow, _SlowCoder)

    def build(pipeline: beam.Pipeline) -> None:
        slow = pipeline | beam.Create([0, 1]) | beam.FlatMap(_slow).with_output_types(_Slow)
        numbers = slow | beam.Reshuffle() | beam.Map(lambda one: one.number)
        _ = numbers | beam.combiners.ToList() | beam.Map(_check_all)

    run_pipeline(build, TWO_WORKERS)


def _slow(of: int) -> Iterator[_Slow]:
    yield from (_Slow(10 * of + i) for i in range(3))


def _check_all(found: list[int]) -> None:
    if sorted(found) != [0, 1, 2, 10, 11, 12]:
        raise InputError(f"found {found}")


def _refuse(_: int) -> None:
    raise InputError("a value 'x' that cannot be; give another")


def _fail(_: int) -> None:
    raise ValueError("nothing is like this")


def _fill(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/b")


@WAYS
@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        (_refuse, InputError, r"^a value 'x' that cannot be; give another$"),
        (_fail, RunFailed, r"^the pipeline failed: ValueError: nothing is like this \[while "),
        (_fill, RunFailed, r"^/a/b: no space left on device"),
    ],
)
def test_a_failing_step_is_told_in_the_same_words(
    step: Callable[[int], None], kind: type[Exception], words: str, runner: Runner
) -> None:
    with pytest.raises(kind, match=words):
        run_pipeline(lambda pipeline: pipeline | beam.Create([1]) | beam.Map(step), runner)


def _interrupt(_: int) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_inside_a_step_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(
            lambda pipeline: pipeline | beam.Create([1]) | beam.Map(_interrupt), ONE_WORKER
        )
