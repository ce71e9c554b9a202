"""The windows of a definition, put to the SQL oracle, and its answers compared by the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb_windows as sql
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.operators import Op
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.durations import duration_us
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

# Beside the answers: what the contract measures the error of sums and means by.
N, MAGNITUDE, REACH = "number of values", "sum of magnitudes", "greatest magnitude"
YARDSTICKS = {N: "count", MAGNITUDE: "magnitude", REACH: "reach"}
SUMS, AVERAGES = ("sum", "mean"), ("quantile", "decayed_mean")
OF_EVENTS = {"count": "count_events", "seconds_since_last": "seconds_since_last_event"}
# How far results may be from the exact ones; what is not here is equal to the bit.
RELATIVE = {"var": 1e-9, "std": 1e-9, "skew": 1e-9, "rate": 1e-12}


@dataclass(frozen=True)
class Question:
    """One window and its operators, by the names of their columns."""

    window: sql.Window
    ops: dict[str, Op]

    @property
    def label(self) -> str:
        """A name to find the question by."""
        return next(iter(self.ops)).replace(f"_{next(iter(self.ops.values())).label}_", "_")

    def answers(self, rows: pa.Table, *, joins: bool = False, asking: str = "true") -> pa.Table:
        """Asks the oracle; the rows' identity is their column ``row``."""
        results = {
            name: sql.Result(
                OF_EVENTS.get(op.name, op.name) if self.window.value is None else op.name,
                op.default,
                op.min_count,
                per_us=duration_us(op.per) if op.per else 1,
                half_life_us=duration_us(op.half_life) if op.half_life else 1,
                q=0.5 if op.q is None else op.q,
                place=op.place,
            )
            for name, op in self.ops.items()
        }  # fmt: skip
        if any(op.name in (*SUMS, *AVERAGES) for op in self.ops.values()):
            results |= {name: sql.Result(op) for name, op in YARDSTICKS.items()}
        return sql.ask(rows, self.window, results, joins=joins, asking=asking)


def questions(windows: Iterable[Windowed], row_time: str, scale: int = 1) -> list[Question]:
    """One for every window over the rows themselves; ``scale`` as for `sql.Window`."""
    own = [windowed for windowed in windows if windowed.source is None]
    return [question for windowed in own for question in _ask(windowed, row_time, scale)]


def _ask(windowed: Windowed, row_time: str, scale: int) -> Iterator[Question]:
    for where in windowed.filters:
        for over in windowed.over:
            window = sql.Window(
                key=windowed.key,
                row_key=windowed.row_keys,
                asked=row_time,
                at=windowed.at or row_time,
                width_us=None if over == "unbounded" else duration_us(over),
                value=windowed.value,
                scale=scale,
                available_at=windowed.available_at,
                lag_us=duration_us(windowed.lag),
                where=" AND ".join(["true", *map(_condition, where)]),
                tile_us=duration_us(windowed.tile) if windowed.tile else None,
            )
            yield Question(
                window, {windowed.name(op, over, where): op for op in windowed.operators}
            )


def _condition(where: Where) -> str:
    value = where.value
    literal = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
    return f'"{where.column}" {where.comparison} {literal}'


def computed(dataset: Dataset, batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """What the code under test makes of all windows over the rows: ``row`` and their columns."""
    columns: dict[str, pa.Array] = {}
    for group in [group for group in window_groups(dataset) if group.source == ROWS]:
        events = pa.Table.from_batches([group.events(batch) for batch in batches])
        requests = pa.Table.from_batches([group.requests(batch) for batch in batches])
        found = pa.table(compute(group, events, requests)).sort_by(ROW)
        columns |= {"row" if name == ROW else name: found[name] for name in found.schema.names}
    return pa.table(columns)


def assert_agree(got: pa.Table, question: Question, answers: pa.Table) -> int:
    """Compares each column by the contract's rule for its operator; returns how many values.

    Args:
        got: the columns in question, of at least the rows answered, ordered by ``row``.
        question: what was asked.
        answers: what the oracle says, ordered by ``row``.
    """
    got = got.filter(pc.is_in(got["row"], answers["row"].combine_chunks()))
    assert got["row"].equals(answers["row"])
    known = 0
    for name, op in question.ops.items():
        there = answers[name].is_valid()
        np.testing.assert_array_equal(got[name].is_valid(), there, err_msg=name)
        found, wanted = got[name].filter(there), answers[name].filter(there)
        known += len(wanted)
        if op.name in AVERAGES or (op.name in SUMS and pa.types.is_floating(wanted.type)):
            allowed = _allowed(op, answers.filter(there))
            error = np.abs(found.to_numpy() - wanted.to_numpy())
            assert (error <= allowed).all(), (name, error.max())
        elif op.name in RELATIVE:
            tolerance = RELATIVE[op.name]
            np.testing.assert_allclose(
                found, wanted, rtol=tolerance, atol=tolerance * (op.name == "skew"), err_msg=name
            )
        elif op.name == "sum":  # of integers: the float64 nearest to the exact one
            np.testing.assert_array_equal(
                found, wanted.cast(pa.float64(), safe=False), err_msg=name
            )
        else:
            if op.name != "distinct" and pa.types.is_integer(wanted.type):
                assert pa.types.is_integer(found.type), name
            np.testing.assert_array_equal(found, wanted, err_msg=name)
    return known


def _allowed(op: Op, answers: pa.Table) -> np.ndarray:
    """How far sums, means and what is like them may be from the oracle's, float64 (n,)."""
    n, magnitude, reach = (pc.fill_null(answers[name], 0).to_numpy() for name in YARDSTICKS)
    if op.name == "sum":
        return 1e-12 * magnitude
    if op.name == "mean":
        return 1e-12 * magnitude / np.maximum(n, 1)
    return 1e-11 * reach
