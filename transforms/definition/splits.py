"""Which split a row belongs to.

A hash split keeps rows with one value of a column together and is the same wherever it is
computed, BigQuery included; its splits can share history, since windows reach across them. A
time split trains on the past and tests on the future; nothing of the test period can reach
training.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import Boolean, Column, Date, Integer, String, Timestamp
from forebay.transforms.definition.field_types import Between
from forebay.transforms.errors import Problem, unknown_column
from forebay.transforms.instants import instant_us

SPLITS = ("train", "eval", "test")
NO_SPLIT = -1
_MOST_WEIGHT = (1 << 31) - 1


@dataclass(frozen=True)
class HashSplit:
    """Splits by ``ABS(MOD(FARM_FINGERPRINT(CAST(on AS STRING)), train + eval + test))``.

    Attributes:
        on: a String, Integer, Boolean, Date or Timestamp column; a row without a value is
            rejected.
        train, eval, test: weights; remainders below ``train`` are training rows, the next
            ``eval`` evaluation rows, the rest test rows.
    """

    on: str
    train: Annotated[int, Between(1, _MOST_WEIGHT, "leaves no row for training")] = 80
    eval: Annotated[int, Between(0, _MOST_WEIGHT)] = 10
    test: Annotated[int, Between(0, _MOST_WEIGHT)] = 10

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split; ``where`` is its path in the definition."""
        column = columns.get(self.on)
        if column is None:
            yield unknown_column(f"{where}.on", self.on, columns)
        elif not isinstance(column, String | Integer | Boolean | Date | Timestamp):
            yield Problem(
                f"{where}.on",
                self.on,
                f"a {type(column).__name__} column, whose text differs between systems",
                "split on a String, Integer, Boolean, Date or Timestamp column",
            )

    def assign(self, values: pa.Array) -> npt.NDArray[np.int8]:
        """Returns the index in `SPLITS` of each value, int8 (n,); `NO_SPLIT` for null."""
        distinct = pc.dictionary_encode(values)
        remainder = farm_remainder(
            bigquery_text(distinct.dictionary), self.train + self.eval + self.test
        )
        split = np.digitize(remainder, [self.train, self.train + self.eval]).astype(np.int8)
        index = pc.fill_null(distinct.indices, len(split)).to_numpy(zero_copy_only=False)
        chosen: npt.NDArray[np.int8] = np.append(split, np.int8(NO_SPLIT))[index]
        return chosen


@dataclass(frozen=True)
class TimeSplit:
    """Splits at two instants: train < ``eval_from`` <= eval < ``test_from`` <= test.

    Attributes:
        eval_from, test_from: ISO 8601 dates or instants; UTC where no offset is written.
        on: a Timestamp column; None: the dataset's row time.
    """

    eval_from: str
    test_from: str
    on: str | None = None

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split; ``where`` is its path in the definition."""
        if self.on is not None and self.on not in columns:
            yield unknown_column(f"{where}.on", self.on, columns)
        elif self.on is not None and not isinstance(columns[self.on], Timestamp):
            yield Problem(f"{where}.on", self.on, "not a Timestamp column", "name one")
        bounds = []
        for field in ("eval_from", "test_from"):
            try:
                bounds.append(instant_us(getattr(self, field)))
            except (ValueError, TypeError):
                yield Problem(
                    f"{where}.{field}",
                    getattr(self, field),
                    "not an ISO 8601 date or instant",
                    "write such as '2013-10-28' or '2013-10-28T00:00:00-04:00'",
                )
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            yield Problem(
                f"{where}.eval_from",
                self.eval_from,
                f"after test_from {self.test_from}",
                "swap them",
            )

    def assign(self, values: pa.Array) -> npt.NDArray[np.int8]:
        """Returns the index in `SPLITS` of each instant, int8 (n,); `NO_SPLIT` for null."""
        times = pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        bounds = [instant_us(self.eval_from), instant_us(self.test_from)]
        split: npt.NDArray[np.int8] = np.digitize(times, bounds).astype(np.int8)
        split[pc.is_null(values).to_numpy(zero_copy_only=False)] = NO_SPLIT
        return split


def bigquery_text(values: pa.Array) -> pa.Array:
    """Casts values to text as BigQuery's ``CAST(x AS STRING)`` does.

    Timestamps become ``2013-01-31 10:00:00+00``, with three or six fractional digits where
    the fraction needs them.
    """
    if not pa.types.is_timestamp(values.type):
        return values.cast(pa.string())
    micros = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    seconds = pa.array(micros // 1_000_000, pa.int64()).cast(pa.timestamp("s"))
    clock = pc.strftime(seconds, "%Y-%m-%d %H:%M:%S").to_pylist()
    fractions = (micros % 1_000_000).tolist()
    return pa.array(
        [f"{text}{_fraction(us)}+00" for text, us in zip(clock, fractions, strict=True)],
        pa.string(),
    )


def _fraction(micros: int) -> str:
    if micros == 0:
        return ""
    return f".{micros // 1000:03d}" if micros % 1000 == 0 else f".{micros:06d}"


def farm_remainder(texts: pa.Array, modulus: int) -> npt.NDArray[np.int64]:
    """Returns ``ABS(MOD(FARM_FINGERPRINT(text), modulus))`` of each text, int64 (n,).

    FarmHash Fingerprint64 read as a signed number, with the remainder truncated toward zero.
    """
    return np.abs(np.fmod(farm_fingerprint(texts), modulus))


def farm_fingerprint(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Returns FarmHash Fingerprint64 of each text's UTF-8 bytes, read as signed, int64 (n,)."""
    import tensorflow as tf

    data: Any = np.array(texts.cast(pa.binary()).to_pylist(), dtype=object).reshape(-1, 1)
    if not len(data):
        return np.empty(0, np.int64)
    return tf.raw_ops.Fingerprint(data=data, method="farmhash64").numpy().view("<i8")[:, 0]  # type: ignore[no-any-return]
