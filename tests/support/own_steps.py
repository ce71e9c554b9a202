"""Steps of one's own between reading and windows, as docs/how-to/own-steps.md shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import forebay as fb


def paid(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.filter(pc.greater(rows["amount"], 0))


def in_euros(rows: pa.RecordBatch) -> pa.RecordBatch:
    place = rows.schema.get_field_index("amount")
    return rows.set_column(place, "amount", pc.divide(rows["amount"], 100.0))


def one_per_item(rows: pa.RecordBatch) -> pa.RecordBatch:
    items = pc.fill_null(rows["items"], 0).to_numpy()
    return fb.repeated(rows, np.repeat(np.arange(len(rows)), items))


class OnlyPaid(beam.PTransform):
    """Filter."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(paid)


class InEuros(beam.PTransform):
    """Map."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(in_euros)


class OnePerItem(beam.PTransform):
    """FlatMap."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(one_per_item)


def later_items(rows: pa.RecordBatch) -> pa.RecordBatch:
    made = one_per_item(rows)
    return made.filter(pc.invert(pc.is_in(made["__row"], rows["__row"])))


class LaterItems(beam.PTransform):
    """FlatMap that leaves out the first of the rows made of one."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(later_items)


class Capped(beam.DoFn):
    def __init__(self, most: float) -> None:
        self.most = most

    def process(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        place = rows.schema.get_field_index("amount")
        yield rows.set_column(place, "amount", pc.min_element_wise(rows["amount"], self.most))


def capped() -> beam.PTransform:
    """ParDo; a function that returns a PTransform will do."""
    return beam.ParDo(Capped(500.0))


def total_and_count(rows: pa.RecordBatch) -> tuple[float, int]:
    return pc.sum(rows["amount"]).as_py() or 0.0, len(rows) - rows["amount"].null_count


def added_up(parts: Any) -> tuple[float, int]:
    pairs = list(parts)
    return sum(total for total, _ in pairs), sum(count for _, count in pairs)


def above(rows: pa.RecordBatch, found: tuple[float, int]) -> pa.RecordBatch:
    total, count = found
    return rows.append_column("above_mean", pc.greater(rows["amount"], total / count))


class AboveMean(beam.PTransform):
    """Combine globally, with a side input."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        mean = batches | beam.Map(total_and_count) | beam.CombineGlobally(added_up)
        return batches | "Compare" >> beam.Map(above, beam.pvalue.AsSingleton(mean))


def counts_of_shops(rows: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    for one in rows["shop"].value_counts().to_pylist():
        yield one["values"], one["counts"]


def beside(rows: pa.RecordBatch, counts: dict[str, int]) -> pa.RecordBatch:
    found = [counts.get(shop) for shop in rows["shop"].to_pylist()]
    return rows.append_column("visits", pa.array(found, pa.int64()))


class ShopVisits(beam.PTransform):
    """Combine per key, with a side input."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        counts = batches | beam.FlatMap(counts_of_shops) | beam.CombinePerKey(sum)
        return batches | "Beside" >> beam.Map(beside, beam.pvalue.AsDict(counts))


# What is refused.


def twice(rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.Table.from_batches([rows, rows]).combine_chunks().to_batches()[0]


class Twice(beam.PTransform):
    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(twice)


class WithoutIdentity(beam.PTransform):
    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(lambda rows: rows.drop_columns(["__row"]))


def numbered(rows: pa.RecordBatch) -> pa.RecordBatch:
    place = rows.schema.get_field_index("__row")
    return rows.set_column(place, "__row", pa.array(np.arange(len(rows)) + (5 << 40)))


class Numbered(beam.PTransform):
    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(numbered)


class AsDicts(beam.PTransform):
    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.FlatMap(lambda rows: rows.to_pylist())


class Nothing(beam.PTransform):
    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | beam.Map(lambda rows: rows.slice(0, 0))


def no_transform() -> int:
    return 3
