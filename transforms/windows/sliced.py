"""Windowed aggregates of more events than fit into memory, a slice at a time.

Requests are answered in chunks. For each chunk, every slice of the events is looked at once: where
all its requests see the whole of a slice through a window, a summary of the slice will do, one
state for each key; where they see some of it, its events are read. What is known from one slice is
merged with what is known from the others, so the answer does not depend on where slices are cut.
Memory holds one slice, one chunk with its states, and the summaries as far as they fit; a slice
whose summary does not is read again: slower, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.windows import arrow_arrays
from forebay.transforms.windows.arrow_arrays import Texts
from forebay.transforms.windows.groups import TIME, WindowGroup
from forebay.transforms.windows.kernels.matching import order_by
from forebay.transforms.windows.operations import Window
from forebay.transforms.windows.slices import (
    Slice,
    Visibility,
    bytes_per_request,
    reach,
    visibility,
)
from forebay.transforms.windows.states.from_events import States, partial, summarise
from forebay.transforms.windows.states.to_values import finish

Ints = npt.NDArray[np.int64]


class _Summary(NamedTuple):
    """The states of a slice's keys, and what the keys are: a row of ``key0``.. for each."""

    keys: pa.Table
    states: States


@dataclass
class SlicedWindows:
    """A group's windows over the slices of its events.

    Attributes:
        group: what to compute.
        slices: all events of the requests' keys.
        read: reads the events of a slice, as `WindowGroup.events` returns them.
        nbytes: what the states of a chunk may take, and the summaries together.
    """

    group: WindowGroup
    slices: Sequence[Slice[Any]]
    read: Callable[[Slice[Any]], pa.Table]
    nbytes: int
    _summaries: dict[int, _Summary | None] = field(default_factory=dict)
    _held: int = 0

    def answer(self, requests: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
        """Computes every aggregate for every request.

        Args:
            requests: tables as `WindowGroup.requests` returns them, each best of one period.

        Yields:
            One row for each request: `ROW`, `CONTENT` where requests have it, and the outputs.
        """
        texts = arrow_arrays.distinct_texts(self.group, map(self.read, self.slices))
        rows = max(1, self.nbytes // bytes_per_request(list(self.group.aggregates.values())))
        for table in requests:
            if len(table) > rows:
                table = table.sort_by(TIME)  # requests of one time look at the same slices
            for start in range(0, len(table), rows):
                yield self._answer(table.slice(start, rows).combine_chunks(), texts)

    def _answer(self, requests: pa.Table, texts: Texts) -> pa.RecordBatch:
        aggregates = list(self.group.aggregates.values())
        asked, back = self._asked(requests)
        first_us, last_us = (pc.min_max(asked[TIME])[end].as_py() for end in ("min", "max"))
        (codes,) = arrow_arrays.key_codes([asked], len(self.group.key))
        keys, at, key_of = np.unique(codes, return_index=True, return_inverse=True)
        one_of_each = asked.take(pa.array(at))
        known = States(len(asked), {}, {})
        whole = States(len(keys), {}, {})
        windows = self.group.windows
        for number, events in enumerate(self.slices):
            seen = {window: visibility(window, events, first_us, last_us) for window in windows}
            all_of = [window for window in windows if seen[window] is Visibility.ALL]
            some_of = [window for window in windows if seen[window] is Visibility.SOME]
            if all_of and (summary := self._summary(number, texts)):
                rows = _places(summary.keys, one_of_each, len(self.group.key))
                whole = whole.merge(summary.states.take(rows).seen_through(all_of))
            else:
                some_of += all_of
            reached = reach(some_of, first_us, last_us)
            if (within := events.within(*reached)).blocks:
                known = known.written()  # before more events are read
                known = known.merge(self._partial(within, reached, asked, texts, some_of))
        known = known.merge(whole.take(key_of.astype(np.int64)))
        answered = arrow_arrays.to_requests(self.group, asked, codes)
        columns = arrow_arrays.to_columns(self.group, finish(known, answered, aggregates), texts)
        arrays = {name: column.take(back) for name, column in columns.items()}
        return pa.RecordBatch.from_pydict(arrow_arrays.identities(requests) | arrays)

    def _asked(self, requests: pa.Table) -> tuple[pa.Table, pa.Array]:
        """The requests to answer, by key and time, and which of them each one given is like."""
        (codes,) = arrow_arrays.key_codes([requests], len(self.group.key))
        times = requests[TIME].to_numpy()
        order = order_by(codes, times)
        another = np.ones(len(order), bool)
        if self.group.is_shared:
            another[1:] = (np.diff(codes[order]) != 0) | (np.diff(times[order]) != 0)
        back = np.empty_like(order)
        back[order] = np.cumsum(another) - 1
        return requests.take(pa.array(order[another])), pa.array(back)

    def _partial(
        self, events: Slice[Any], reached: tuple[int, int], requests: pa.Table, texts: Texts,
        windows: Sequence[Window],
    ) -> States:  # fmt: skip
        table = self.read(events)
        start_us, end_us = reached
        if events.first_us < start_us or events.last_us >= end_us:
            times = table[TIME].to_numpy()
            table = table.filter(pa.array((times >= start_us) & (times < end_us)))
        event_keys, request_keys = arrow_arrays.key_codes([table, requests], len(self.group.key))
        return partial(
            arrow_arrays.to_events(self.group, table, event_keys, texts),
            arrow_arrays.to_requests(self.group, requests, request_keys),
            list(self.group.aggregates.values()),
            windows,
        )

    def _summary(self, number: int, texts: Texts) -> _Summary | None:
        """What there is in a slice; None where there is no memory left for it."""
        if number not in self._summaries:
            table = self.read(self.slices[number])
            (codes,) = arrow_arrays.key_codes([table], len(self.group.key))
            keys, at, key_of = np.unique(codes, return_index=True, return_inverse=True)
            aggregates = list(self.group.aggregates.values())
            size = len(keys) * bytes_per_request(aggregates)
            fits = self._held + size <= self.nbytes
            self._summaries[number] = None
            if fits:
                self._held += size
                events = arrow_arrays.to_events(self.group, table, key_of.astype(np.int64), texts)
                names = [f"key{i}" for i in range(len(self.group.key))]
                self._summaries[number] = _Summary(
                    _own(table.select(names).take(pa.array(at))),
                    summarise(events, len(keys), aggregates),
                )
        return self._summaries[number]


def _places(summary: pa.Table, asked: pa.Table, keys: int) -> Ints:
    """Where a summary has the keys asked for, int64 (n,); -1 where it has not."""
    if not keys:
        return np.zeros(len(asked), np.int64)
    known, wanted = arrow_arrays.key_codes([summary, asked], keys)
    place = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 2, -1)
    place[known] = np.arange(known.size)
    place[-1] = -1  # null keys
    return place[wanted]


def _own(table: pa.Table) -> pa.Table:
    """A copy that keeps nothing else in memory."""
    return table.combine_chunks()
