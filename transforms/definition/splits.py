"""Which split a row belongs to.

A hash split keeps rows with one value of a column together and is the same wherever it is
computed, BigQuery included; its splits can share history, since windows reach across them. A
time split trains on the past and tests on the future; nothing of the test period can reach
training. A column split is what the table itself says, an input split what its files are named. A
random split draws rows by a seed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import farmhash
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import Boolean, Column, Date, Integer, String, Timestamp
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.errors import Problem, unknown_column
from forebay.transforms.hashing import scramble
from forebay.transforms.instants import instant_us

SPLITS = ("train", "eval", "test")
NO_SPLIT = -1
# The rows without a label, where they are kept; and every folder of examples that there may be.
PREDICT = "predict"
WRITTEN_SPLITS = (*SPLITS, PREDICT)
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

    @property
    def expected(self) -> tuple[str, ...]:
        """The splits that should get rows."""
        return tuple(name for name in SPLITS if getattr(self, name))

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
        on: a Timestamp or Date column; None: the dataset's row time.
    """

    eval_from: str
    test_from: str
    on: str | None = None

    @property
    def expected(self) -> tuple[str, ...]:
        """The splits that should get rows."""
        return SPLITS if self.eval_from != self.test_from else ("train", "test")

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split; ``where`` is its path in the definition."""
        if self.on is not None and self.on not in columns:
            yield unknown_column(f"{where}.on", self.on, columns)
        elif self.on is not None and not isinstance(columns[self.on], Timestamp | Date):
            yield Problem(f"{where}.on", self.on, "not a Timestamp or Date column", "name one")
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
        """Returns the index in `SPLITS` of each instant or day, int8 (n,); `NO_SPLIT` for null."""
        if pa.types.is_date32(values.type):
            values = values.cast(pa.timestamp("us"))
        times = pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        bounds = [instant_us(self.eval_from), instant_us(self.test_from)]
        split: npt.NDArray[np.int8] = np.digitize(times, bounds).astype(np.int8)
        split[pc.is_null(values).to_numpy(zero_copy_only=False)] = NO_SPLIT
        return split


@dataclass(frozen=True)
class ColumnSplit:
    """Splits by what a column says of each row.

    Attributes:
        on: a String, Integer, Boolean or Date column; a row without a value, or with one that
            stands for no split, is rejected.
        train, eval, test: the values of each split, one or several, as BigQuery writes them
            (``true``, ``2013-01-31``).
    """

    on: str
    train: Several[str | int] | str | int = "train"
    eval: Several[str | int] | str | int = ()
    test: Several[str | int] | str | int = ()

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def expected(self) -> tuple[str, ...]:
        """The splits that should get rows."""
        return tuple(name for name in SPLITS if self._texts(name))

    @property
    def values(self) -> dict[str, int]:
        """The index in `SPLITS` of each value that stands for one."""
        return {text: i for i, name in enumerate(SPLITS) for text in self._texts(name)}

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split; ``where`` is its path in the definition."""
        column = columns.get(self.on)
        if column is None:
            yield unknown_column(f"{where}.on", self.on, columns)
        elif not isinstance(column, String | Integer | Boolean | Date):
            yield Problem(
                f"{where}.on", self.on, f"a {type(column).__name__} column",
                "name a String, Integer, Boolean or Date column",
            )  # fmt: skip
        if not self._texts("train"):
            yield Problem(f"{where}.train", (), "leaves no row for training", "name a value")
        first: dict[str, str] = {}
        for name in SPLITS:
            for text in self._texts(name):
                if text in first:
                    yield Problem(
                        f"{where}.{name}", text, f"stands for {first[text]} already", "name it once"
                    )
                first.setdefault(text, name)

    def assign(self, values: pa.Array) -> npt.NDArray[np.int8]:
        """Returns the index in `SPLITS` of each value, int8 (n,); `NO_SPLIT` for any other."""
        known = pa.array(list(self.values), pa.string())
        index = pc.fill_null(pc.index_in(bigquery_text(values), known), len(known))
        splits = np.array([*self.values.values(), NO_SPLIT], np.int8)
        return splits[index.to_numpy(zero_copy_only=False)]  # type: ignore[no-any-return]

    def _texts(self, name: str) -> list[str]:
        values = getattr(self, name)
        return [str(value) for value in (values if isinstance(values, tuple) else (values,))]


@dataclass(frozen=True)
class RandomSplit:
    """Splits at random, by a hash of what a row holds: equal rows go to one split.

    What a row holds is the columns read from the table. It is the same whatever the table is read
    from, and on every runner.

    Attributes:
        train, eval, test: weights, as for `HashSplit`.
        seed: draws another split of the same rows.
    """

    train: Annotated[int, Between(1, _MOST_WEIGHT, "leaves no row for training")] = 80
    eval: Annotated[int, Between(0, _MOST_WEIGHT)] = 10
    test: Annotated[int, Between(0, _MOST_WEIGHT)] = 10
    seed: Annotated[int, Between(0, _MOST_WEIGHT)] = 0
    on: ClassVar[str] = CONTENT

    @property
    def expected(self) -> tuple[str, ...]:
        """The splits that should get rows."""
        return tuple(name for name in SPLITS if getattr(self, name))

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split, of which there are none."""
        yield from ()

    def assign(self, values: pa.Array) -> npt.NDArray[np.int8]:
        """Returns the index in `SPLITS` of each row, by the hash of what it holds, int8 (n,)."""
        seed = scramble(np.array([self.seed]))
        drawn = scramble((values.to_numpy() ^ seed).view(np.int64))
        place = drawn % np.uint64(self.train + self.eval + self.test)
        split: npt.NDArray[np.int8] = np.digitize(
            place, [self.train, self.train + self.eval]
        ).astype(np.int8)
        return split


@dataclass(frozen=True)
class InputSplit:
    """Splits by the input that a row is from, as the inputs of a run are named.

    Such as ``--input train=2023.csv --input eval=2024.csv``. Windows see the rows of all of them.
    """

    on: ClassVar[str] = ROW

    @property
    def expected(self) -> tuple[str, ...]:
        """The splits that should get rows: what the inputs are named decides."""
        return ()

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this split, of which there are none."""
        yield from ()


# Each but `InputSplit` assigns rows by values of its column.
Split = HashSplit | TimeSplit | ColumnSplit | RandomSplit | InputSplit


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
    values = [farmhash.fingerprint64(text) for text in texts.cast(pa.binary()).to_pylist()]
    return np.array(values, np.uint64).view(np.int64)
