"""Numbers written with a decimal comma or with groups of three digits."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.parsing.casts import BLANKS, CastColumn, faults_of, to_mask, without


def plain_numbers(text: pa.StringArray, decimal: str, thousands: str | None) -> CastColumn:
    """Rewrites numbers with a decimal point and nothing between digits.

    A text with a digit that is not written so is at fault: ``1.234`` may be a thousand or one.
    Texts without a digit (``nan``, ``inf``) stay.

    Args:
        text: the cells.
        decimal: what stands before the fraction.
        thousands: what stands between groups of three digits, or None. A number may lack it.
    """
    if decimal == "." and thousands is None:
        return CastColumn(text, [])
    grouped = "" if thousands is None else rf"|[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+"
    point = re.escape(decimal)
    pattern = rf"^[{BLANKS}]*[+-]?([0-9]*{grouped})({point}[0-9]*)?([eE][+-]?[0-9]+)?[{BLANKS}]*$"
    written = to_mask(pc.match_substring_regex(text, pattern))
    odd = to_mask(pc.match_substring_regex(text, "[0-9]")) & ~written
    plain = text if thousands is None else pc.replace_substring(text, thousands, "")
    plain = pc.replace_substring(plain, decimal, ".")
    plain = pc.if_else(pa.array(written), plain, text)
    example = f"1{thousands or ''}234{decimal}5"
    return CastColumn(without(plain, odd), faults_of((odd, f"not a number written as {example}")))
