"""Of which kind a column of text is, by reading it as each kind that it could be.

Every guess is made with the reader of the pipeline itself, on the distinct texts: what is guessed
here is what will be read there.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.init.guesses.guessed_column import BoolArray, GuessedColumn
from forebay.commands.init.guesses.names import has_word
from forebay.commands.init.guesses.written_times import is_of_months, written_like
from forebay.commands.init.texts import Texts
from forebay.console.words import counted
from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.parsing.casts import to_mask
from forebay.transforms.parsing.cells import read_cells
from forebay.transforms.parsing.typed_cells import type_problem

# Texts that mean missing whatever the column is; words such as "unknown" may be categories.
NULL_TEXTS = frozenset(
    ("", "-", "--", "?", ".", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "\\n", "nil")
)
_PAIRS = (
    ("true", "false"),
    ("t", "f"),
    ("yes", "no"),
    ("y", "n"),
    ("on", "off"),
    ("1", "0"),
    ("1.0", "0.0"),
)
# Digits only; numbers that read as such by chance are of other centuries.
_COMPACT = (Date(format="%Y%m%d"), Timestamp(format="%Y%m%d%H%M%S"))
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
# Instants since 1970 are looked for between the starts of 1990 and 2100.
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_FIRST_SECOND, _LAST_SECOND = 631_152_000, 4_102_444_800
# Odd texts in a column of numbers that stand for missing: few, rare, and without a digit.
_ODD_TEXTS, _ODD_SHARE, _ODD_AMONG = 3, 0.2, 20
# Cells that do not fit a kind are rejects; below this share the kind is guessed all the same.
_REJECT_SHARE = 1e-3
_SENTINEL = re.compile("[+-]?9{2,}|-[1-9]0{2,}")
_CODE = re.compile(r"0\d+")
_NO_ZONE = "no zone is written: read as UTC; set tz= where it is not"
_LONG = re.compile(r"\s*[+-]?\d{16,300}\s*", re.ASCII)


def read_column(name: str, texts: Texts) -> GuessedColumn:
    """Guesses the kind of a column; text where it is nothing else."""
    nulls = tuple(t for t in texts.distinct.to_pylist() if t.strip().lower() in NULL_TEXTS)
    present = to_mask(pc.invert(pc.is_in(texts.distinct, pa.array(nulls, pa.string()))))
    guess = _Guess(name, texts, present, ("", *(text for text in nulls if text)))
    if not present.any():
        return guess.reading(String())
    found = (
        guess.boolean()
        or guess.compact()
        or guess.code()
        or guess.number()
        or guess.time()
        or guess.reading(String(), *guess.number_like())
    )
    if texts.type is None or type_problem(texts.type, found.column) is None:
        return found
    return guess.reading(_kind_of(texts.type))


def _kind_of(type: pa.DataType) -> Column:
    """Returns the kind that takes a type, where its texts look like those of another."""
    if pa.types.is_timestamp(type):
        return Timestamp()
    if pa.types.is_date(type):
        return Date()
    if pa.types.is_boolean(type):
        return Boolean()
    return Integer() if pa.types.is_integer(type) else Number()


@dataclass(frozen=True)
class _Guess:
    """A column in the course of being guessed.

    Attributes:
        present: bool (d,), the distinct texts that do not mean missing.
        nulls: the texts that do.
    """

    name: str
    texts: Texts
    present: BoolArray
    nulls: tuple[str, ...]

    def reading(self, column: Column, *reasons: str) -> GuessedColumn:
        column = replace(column, nulls=self.nulls)
        values = self.texts.read_as(column)
        return GuessedColumn(self.name, column, self.texts, values, reasons)

    def words(self) -> list[str]:
        """The distinct texts that do not mean missing."""
        return self.texts.distinct.filter(pa.array(self.present)).to_pylist()  # type: ignore[no-any-return]

    def boolean(self) -> GuessedColumn | None:
        """Reads two texts that mean yes and no."""
        if self.present.sum() > 6:
            return None
        words = sorted(self.words())
        for true, false in _PAIRS:
            sides = ([w for w in words if w.strip().lower() == side] for side in (true, false))
            yes, no = map(tuple, sides)
            if yes and no and len(yes) + len(no) == len(words):
                if {*yes} <= {*Boolean().true} and {*no} <= {*Boolean().false}:
                    return self.reading(Boolean())
                return self.reading(Boolean(true=yes, false=no))
        return None

    def compact(self) -> GuessedColumn | None:
        """Reads days written 20130131, and instants 20130131093000."""
        for column in _COMPACT:
            if self.fits(reading := self.reading(column)):
                years = pc.min_max(pc.year(reading.values.drop_null()))
                if years["min"].as_py() >= _FIRST_YEAR and years["max"].as_py() < _LAST_YEAR:
                    zoneless = isinstance(column, Timestamp)
                    return replace(reading, reasons=(_NO_ZONE,) if zoneless else ())
        return None

    def code(self) -> GuessedColumn | None:
        """Reads digits as text that no number keeps: with leading zeros, or beyond 64 bits."""
        words = self.words()
        if any(map(_CODE.fullmatch, words)) and all(word.strip().isdigit() for word in words):
            return self.reading(String(), "codes with leading zeros, read as text")
        if self._beyond_numbers(words):
            return self.reading(String(), "whole numbers beyond 64 bits, read as text")
        return None

    def _beyond_numbers(self, words: list[str]) -> bool:
        """Tells of whole numbers of which some are beyond int64, and some no float64."""
        long = [int(word) for word in words if _LONG.fullmatch(word)]
        beyond = any(not -(2**63) <= number < 2**63 for number in long)
        return beyond and any(int(float(number)) != number for number in long)

    def number(self) -> GuessedColumn | None:
        """Reads numbers; whole ones that can be instants as those."""
        reading = self.reading(Number())
        if odd := self._odd_texts(reading):
            guess = replace(self, nulls=(*self.nulls, *odd), present=self.present & self._not(odd))
            found = guess.number()
            reasons = (f"{_listed(odd)} stands for missing, it seems",)
            return found and replace(found, reasons=(*reasons, *found.reasons))
        if not self.fits(reading):
            return None
        if sentinels := self._sentinels(reading):
            guess = replace(
                self, nulls=(*self.nulls, *sentinels), present=self.present & self._not(sentinels)
            )
            found = guess.number()
            reasons = (f"{_listed(sentinels)} is far from all others: missing, it seems",)
            return found and replace(found, reasons=(*reasons, *found.reasons))
        return self._epoch(reading) or self._whole(reading) or self._with_rejects(reading)

    def time(self) -> GuessedColumn | None:
        """Reads days and instants."""
        first = next(iter(self.words()))
        if first[:1].isdigit() and self.fits(day := self.reading(Date())):
            return self._with_rejects(day)
        if self.fits(instant := self.reading(Timestamp())):
            zoned = re.search(r"(Z|UTC|[+-]\d\d:?\d\d)\s*$", first[10:])
            reasons = () if zoned else (_NO_ZONE,)
            return self._with_rejects(replace(instant, reasons=reasons))
        return self._formatted()

    def number_like(self) -> tuple[str, ...]:
        """Tells of texts that would be numbers without their signs or commas."""
        like = re.compile(r"[$€£]?\s?[+-]?\d[\d,.]*\s?[%€$]?")
        words = self.words()
        if all(map(like.fullmatch, words)) and any(re.search("[$€£%,]", word) for word in words):
            return (f"numbers with signs or commas, such as {_quoted(words[0])}: read as text",)
        return ()

    def fits(self, reading: GuessedColumn) -> bool:
        """Tells whether all but a few cells are read."""
        rows = self.texts.counts
        return bool(rows[reading.failing].sum() <= _REJECT_SHARE * rows[self.present].sum())

    def _with_rejects(self, reading: GuessedColumn) -> GuessedColumn:
        failing = reading.failing
        if not failing.any():
            return reading
        example = self.texts.distinct.filter(pa.array(failing))[0].as_py()
        count = int(self.texts.counts[failing].sum())
        reason = f"{counted(count, 'row')} will be rejected: {_quoted(example)} does not fit"
        return replace(reading, reasons=(*reading.reasons, reason))

    def _not(self, words: tuple[str, ...]) -> BoolArray:
        return ~to_mask(pc.is_in(self.texts.distinct, pa.array(words, pa.string())))

    def _odd_texts(self, reading: GuessedColumn) -> tuple[str, ...]:
        failing = reading.failing
        rows = self.texts.counts
        share = rows[failing].sum() / rows[self.present].sum()
        numbers = int(self.present.sum() - failing.sum())
        if not 0 < failing.sum() <= _ODD_TEXTS or share > _ODD_SHARE or numbers < _ODD_AMONG:
            return ()
        odd = tuple(self.texts.distinct.filter(pa.array(failing)).to_pylist())
        return () if any(c.isdigit() for word in odd for c in word) else odd

    def _sentinels(self, reading: GuessedColumn) -> tuple[str, ...]:
        """Finds -999, -200 and the like: repeated, farther off than the others are wide."""
        values = np.asarray(reading.values.fill_null(np.nan), np.float64)
        known = self.present & np.isfinite(values)
        shown = [f"{value:.0f}" if value == np.rint(value) else "" for value in values]
        nines = np.array([_SENTINEL.fullmatch(text) is not None for text in shown], np.bool_)
        found: list[str] = []
        for i in np.flatnonzero(known & nines & (self.texts.counts > 1)):
            others = values[known & (values != values[i])]
            if len(others) < 2:
                continue
            low, high = others.min(), others.max()
            gap = max(low - values[i], values[i] - high)
            if gap > high - low or (values[i] < 0 <= low):
                found.append(self.texts.distinct[int(i)].as_py())
        return tuple(found)

    def _epoch(self, reading: GuessedColumn) -> GuessedColumn | None:
        """Reads numbers that count from 1970, where the column's name speaks of time."""
        values = reading.values.drop_null()
        low, high = pc.min(values).as_py(), pc.max(values).as_py()
        for unit, scale in _UNITS.items():
            if _FIRST_SECOND * scale <= low and high < _LAST_SECOND * scale:
                instants = self.reading(
                    Timestamp(unit=unit),  # type: ignore[arg-type]
                    f"numbers that count {unit} since 1970, it seems",
                )
                if has_word(self.name, "time") and self.fits(instants):
                    return instants
        return None

    def _whole(self, reading: GuessedColumn) -> GuessedColumn | None:
        words = self.words()
        point = self.texts.format.decimal
        if any(point in word and not word.strip().endswith(f"{point}0") for word in words):
            return None
        whole = self.reading(Integer())
        return self._with_rejects(whole) if self.fits(whole) else None

    def _formatted(self) -> GuessedColumn | None:
        first = self.words()[0]
        fitting = [
            reading
            for column in written_like(first.strip())
            if read_cells(pa.array([first.encode()]), column).values.null_count == 0
            and self.fits(reading := self.reading(column))
        ]
        if not fitting:
            return None
        chosen, *others = fitting
        others = [other for other in others if not other.values.equals(chosen.values)]
        reasons = [f"{other.column.format!r} would fit as well" for other in others[:1]]  # type: ignore[attr-defined]
        if is_of_months(chosen.column):
            reasons.append("months are read as their first days")
        if isinstance(chosen.column, Timestamp) and "%z" not in str(chosen.column.format):
            reasons.append(_NO_ZONE)
        return self._with_rejects(replace(chosen, reasons=tuple(reasons)))


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(map(_quoted, words))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:30] + "…")
