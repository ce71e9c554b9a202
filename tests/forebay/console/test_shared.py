"""A change of the whole process is made once, whoever wants it at a time, and taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from forebay.console.shared import shared

STATE = {"value": "own"}


@shared
@contextmanager
def changed() -> Iterator[str]:
    kept = STATE["value"]
    STATE["value"] = f"changed {kept}"
    try:
        yield STATE["value"]
    finally:
        STATE["value"] = kept


def test_of_two_threads_that_overlap_the_last_takes_it_back() -> None:
    is_in, is_out = threading.Event(), threading.Event()
    seen: list[str] = []

    def second() -> None:
        with changed() as given:
            is_in.set()
            assert is_out.wait(10)
            seen.extend([given, STATE["value"]])

    thread = threading.Thread(target=second)
    with changed() as given:
        thread.start()
        assert is_in.wait(10)
        assert given == STATE["value"] == "changed own"
    is_out.set()
    thread.join()

    assert seen == ["changed own"] * 2
    assert STATE["value"] == "own"


def test_it_is_taken_back_where_something_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), changed(), changed():
        _ = 1 / 0
    assert STATE["value"] == "own"
