"""Whole columns of text cast to numbers by Arrow, with the failing cells found afterwards.

What becomes of a cell depends on the cell alone. The fast way, one cast of the whole column, is
taken only where it gives what the careful way would give; only columns in which a cell fails, or
is written in a less usual way, are normalised and searched for the cells at fault.

Masks are bool numpy arrays (n,), True where a cell fails; a missing cell never does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import NUMBER_PATTERN, Numbers

BoolArray = npt.NDArray[np.bool_]

BLANKS = " \t"
# What Arrow's casts accept, save for limits (overflow, 30 February). Arrow spends 3 µs on the
# message of every failing cell, so cells that cannot succeed are kept from it.
_FLOAT = (
    r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    r"|(?i:nan(\([0-9a-z_]*\))?|inf|infinity))$"
)
_INTEGER = r"^-?[0-9]+$"
_NUMBER = re.compile(rf"[{BLANKS}]*{NUMBER_PATTERN}[{BLANKS}]*")
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_INT64_DIGITS = 19
_SAMPLE = 32
INT64_MIN, INT64_MAX = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)


class Fault(NamedTuple):
    """Cells that fail in one way.

    Attributes:
        mask: bool (n,), which cells.
        text: what such a cell is, to follow its value and "is": ``not a number``.
    """

    mask: BoolArray
    text: str


class CastColumn(NamedTuple):
    """A column as read: ``values`` (n,) are null where missing and where a problem lies."""

    values: pa.Array
    problems: list[Fault]


def read_floats(text: pa.StringArray) -> CastColumn:
    """Casts text to float64. "nan" and "inf" are values; blanks around a number are not seen."""
    values, failing = cast_text(text, pa.float64(), _FLOAT)
    return CastColumn(values, faults_of((failing, "not a number")))


def read_number_lists(text: pa.StringArray, column: Numbers) -> CastColumn:
    """Checks that every item of a cell is a number or nothing; the text is kept as it is."""
    item = f"[{BLANKS}]*({NUMBER_PATTERN})?[{BLANKS}]*"
    pattern = f"^{item}({_literal(column.separator)}{item})*$"
    other = to_mask(text.is_valid()) & ~to_mask(pc.match_substring_regex(text, pattern))
    return CastColumn(without(text, other), faults_of((other, "not a list of numbers")))


def _literal(text: str) -> str:
    """Returns a regular expression, in RE2's syntax, that matches the text alone."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


def read_integers(text: pa.StringArray) -> CastColumn:
    """Casts text to int64. Blanks around, a plus sign and a fraction of zeros are not seen.

    Scientific notation is read where the number is whole, as R writes 100000: ``1e+05``. The least
    int64 stands for *missing* in the graph and is refused.
    """
    # Arrow reads 0x10 as 16; whether we refuse it must not depend on the other cells.
    values = None if has_byte(text, b"xX") else try_cast(text, pa.int64())
    if values is not None:
        return take_integers(values)
    plain = pc.utf8_trim(text, BLANKS)
    odd = ~to_mask(pc.match_substring_regex(plain, r"^[+-]?[0-9]+(\.0*)?$"))
    odd &= to_mask(text.is_valid())
    plain = pc.replace_substring_regex(without(plain, odd), r"^\+|\.0*$", "")
    values, failing = cast_text(plain, pa.int64(), _INTEGER)
    found = faults_of((failing, _TOO_LARGE))
    if odd.any():
        exact, unread = by_distinct(without(text, ~odd), exact_integer)
        beyond = to_mask(pc.equal(exact, INT64_MIN))
        values = pc.coalesce(values, without(exact, beyond))
        found += faults_of((beyond, _TOO_LARGE), (unread, "not a whole number"))
    least = take_integers(values)
    return CastColumn(least.values, found + least.problems)


def exact_integer(cell: str, scale: int = 1) -> int | None:
    """Returns a number times a whole scale, if that is whole: INT64_MIN where it is beyond int64.

    None: the text is not a number, or the product is not whole.
    """
    if not _NUMBER.fullmatch(cell):
        return None
    try:
        exact = _EXACT.multiply(Decimal(cell.strip(BLANKS)), scale)
    except InvalidOperation:  # an exponent of 19 digits
        mantissa, _, exponent = cell.lower().partition("e")
        return 0 if not Decimal(mantissa) else None if exponent.startswith("-") else INT64_MIN
    if not exact:
        return 0
    if exact.adjusted() < 0 or exact.adjusted() > _INT64_DIGITS:
        return None if exact.adjusted() < 0 else INT64_MIN
    if exact != exact.to_integral_value():
        return None
    return int(exact) if abs(exact) <= INT64_MAX else INT64_MIN


def by_distinct(
    text: pa.StringArray, read: Callable[[str], int | None]
) -> tuple[pa.Int64Array, BoolArray | None]:
    """Reads each distinct text once, in Python.

    Returns:
        int64 values, null where there is no text or ``read`` returns None, and the mask of the
        latter, or None.
    """
    encoded = text.dictionary_encode()
    read_values = pa.array([read(cell) for cell in encoded.dictionary.to_pylist()], pa.int64())
    values = read_values.take(encoded.indices)
    if not read_values.null_count:
        return values, None
    return values, to_mask(text.is_valid()) & ~to_mask(values.is_valid())


_TOO_LARGE = "beyond the range of 64-bit integers"
_LEAST = "the number that stands for a missing value"


def take_integers(values: pa.Int64Array) -> CastColumn:
    """Takes whole numbers; the least int64 stands for *missing* in the graph and is refused."""
    if pc.min(values).as_py() != INT64_MIN:
        return CastColumn(values, [])
    least = to_mask(pc.equal(values, INT64_MIN))
    return CastColumn(without(values, least), [Fault(least, _LEAST)])


def try_cast(text: pa.StringArray, target: pa.DataType) -> pa.Array | None:
    """Casts a whole column, or returns None if a cell fails; tries a few cells first."""
    try:
        text.slice(0, _SAMPLE).cast(target)
        return text.cast(target)
    except pa.ArrowInvalid:
        return None


def cast_text(
    text: pa.StringArray, target: pa.DataType, pattern: str
) -> tuple[pa.Array, BoolArray | None]:
    """Casts text, trimming blanks where that is needed.

    Args:
        text: the cells.
        target: the type to cast to.
        pattern: a regular expression that matches every text that the cast accepts.

    Returns:
        the values, null where the cast fails, and the mask of these, or None.
    """
    values = try_cast(text, target)
    if values is not None:
        return values, None
    plain = pc.utf8_trim(text, BLANKS)
    failing = to_mask(text.is_valid()) & ~to_mask(pc.match_substring_regex(plain, pattern))
    plain = without(plain, failing)
    values = try_cast(plain, target)
    if values is not None:
        return values, failing
    failing |= _failing(plain, target)
    return without(plain, failing).cast(target), failing


def _failing(text: pa.StringArray, target: pa.DataType) -> BoolArray:
    """Finds the cells whose cast fails, by halving the list of distinct texts."""
    encoded = text.dictionary_encode()
    distinct = encoded.dictionary
    bad = np.zeros(len(distinct) + 1, np.bool_)  # the last one is for missing cells
    spans = [(0, len(distinct))]
    while spans:
        start, stop = spans.pop()
        if try_cast(distinct.slice(start, stop - start), target) is None:
            middle = (start + stop) // 2
            bad[start] |= stop - start == 1
            if stop - start > 1:
                spans += [(start, middle), (middle, stop)]
    failing: BoolArray = bad[encoded.indices.fill_null(len(distinct)).to_numpy()]
    return failing


def has_byte(text: pa.StringArray, wanted: bytes) -> bool:
    """Tells whether one of the wanted bytes occurs in the array's data."""
    data = text.buffers()[2]
    if data is None:
        return False
    view = np.frombuffer(data, np.uint8)
    return any(bool((view == byte).any()) for byte in wanted)


def to_mask(flags: pa.BooleanArray) -> BoolArray:
    """Returns Arrow booleans as numpy ones, null as False."""
    mask: BoolArray = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def without(values: pa.Array, mask: BoolArray | None) -> pa.Array:
    """Returns the values, null where the mask is True."""
    if mask is None or not mask.any():
        return values
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def faults_of(*found: tuple[BoolArray | None, str]) -> list[Fault]:
    """Returns the problems that some cell has."""
    return [Fault(mask, text) for mask, text in found if mask is not None and mask.any()]
