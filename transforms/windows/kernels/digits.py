"""Compiled sums that do not round: Σ x, Σ x² and Σ x³ of windows, as digits.

The bits of all numbers are cut at the same places, the multiples of 28: digit ``s`` of a number is
made of its bits from 2**(28 s) on, below 2**(28 s + 28), with the number's sign. A digit of a sum
is the sum of the numbers' digits. Nothing is carried from one to the next, so up to 2**35 numbers
add up without rounding to the same digits in whatever order, and what was added can be taken away.

A state keeps as many digits as results need, from its *top* downwards: that of the greatest
magnitude in it. What the top of a part keeps is at least what the top of the whole does. So a state
depends on its own numbers and on nothing else, and not on how they were divided. This is the
indexed format of Demmel & Nguyen 2015, "Parallel Reproducible Summation", in whole numbers.

A state is a row (top, digits of Σ x, of Σ x², of Σ x³), up to the order wanted, most significant
first. With top t these are the digits t .. t - 3 of Σ x, 2 t + 1 .. 2 t - 4 of Σ x² and
3 t + 2 .. 3 t - 6 of Σ x³: at least 84, 112 and 168 bits below the first one of the greatest
number, its square and its cube. A number has up to 53 bits, an int64 64 of which all are kept. So a
state is exact, but for numbers less than an eighth of the greatest in it; where there are such, the
sums of squared and cubed deviations are not small, and the digits left out do not matter to them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER
from forebay.transforms.windows.kernels.whole_numbers import BITS, MASK, bit_length

Ints = NDArray[np.int64]
Leaves = NDArray[np.int32]

WIDTHS = {1: 5, 2: 11, 3: 20}  # of a state, by order
NO_TOP = -(2**62)  # of a state without numbers other than 0

_LENGTHS = (4, 6, 9)  # how many digits are kept of Σ x, Σ x² and Σ x³
_FIRST = (1, 5, 11)  # where they begin in a state


@compiled
def _multiply(row: Ints, first: int, length: int, into: int, size: int) -> None:
    """Multiply some digits of a state by its first four.

    The product has one digit more in front, and as many behind as there is place for; the others
    are 0.
    """
    carry = np.int64(0)
    for place in range(length + 2, -1, -1):
        for i in range(max(0, place - length + 1), min(4, place + 1)):
            carry += row[1 + i] * row[first + place - i]
        if place + 1 < size:
            row[into + place + 1] = carry & MASK
        carry >>= BITS
    row[into] = carry


def cut(numbers: Ints, order: int) -> tuple[Ints, Leaves]:
    """Turn numbers into states.

    Args:
        numbers: int64 (n, 3): m, e and s of m * 2**(e + 28 s), exactly; m is 0 where there is none.
        order: the order of the states, 1 to 3.

    Returns:
        The states' tops, int64 (n,), NO_TOP for 0, and their digits, int32 (n, s - 1).
    """
    tops = np.empty(numbers.shape[0], np.int64)
    leaves = np.empty((numbers.shape[0], WIDTHS[order] - 1), np.int32)
    _cut(numbers, tops, leaves)
    return tops, leaves


@compiled
def _cut(numbers: Ints, tops: Ints, leaves: Leaves) -> None:
    row = np.zeros(leaves.shape[1] + 1, np.int64)
    for p in range(numbers.shape[0]):
        if numbers[p, 0] == 0:
            tops[p] = NO_TOP
            leaves[p] = 0
            continue
        sign = -1 if numbers[p, 0] < 0 else 1
        size = np.uint64(numbers[p, 0])
        if sign < 0:
            size = np.uint64(0) - size
        top = (numbers[p, 1] + bit_length(size) - 1) // BITS
        tops[p] = top + numbers[p, 2]
        for k in range(4):
            low = BITS * (top - k) - numbers[p, 1]
            digit = np.uint64(0)
            if low >= 0:
                digit = size >> np.uint64(low)
            elif low > -BITS:
                digit = size << np.uint64(-low)
            row[1 + k] = np.int64(digit & np.uint64(MASK))
        if row.size > 5:
            _multiply(row, 1, 4, 5, 6)
        if row.size > 11:
            _multiply(row, 5, 6, 11, 9)
        for k in range(1, row.size):
            leaves[p, k - 1] = row[k] if 5 <= k < 11 else sign * row[k]


def merge(a: Ints, b: Ints) -> Ints:
    """Merge states row by row: int64 (m, s) each, and so is the result."""
    out = np.empty_like(a)
    _merge(out, a, b)
    return out


@compiled
def _merge(out: Ints, a: Ints, b: Ints) -> None:
    for i in range(a.shape[0]):
        apart = a[i, 0] - b[i, 0]
        high, low = (a, b) if apart >= 0 else (b, a)
        for k in range(a.shape[1]):
            out[i, k] = high[i, k]
        for power in range(3):
            first, down = _FIRST[power], min(abs(apart), 9) * (power + 1)
            for k in range(first + down, min(first + _LENGTHS[power], a.shape[1])):
                out[i, k] += low[i, k - down]


def sweep_digits(
    changes: Ints, ends: Ints, groups: Ints, codes: Ints, bases: Ints, tops: Ints, leaves: Leaves,
    places: Ints,
) -> Ints:  # fmt: skip
    """Add up the numbers in one window for each request.

    Args:
        changes: int64, the position of what enters the window and ~position of what leaves it, of
            :func:`transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`.ordering`.
        codes: int64 (n,), by position: the place of its top among the distinct tops of all groups,
            by group, then ascending; NEVER without a number.
        bases: int64 (g + 1,), the first code of each group.
        tops: int64, the top of each code.
        leaves: int32 (n, s - 1), by position, of :func:`cut`.
        places: int64 (m,), where the state of each request goes.

    Returns:
        States, int64 (m, s).
    """
    out = np.zeros((ends.size, leaves.shape[1] + 1), np.int64)
    out[:, 0] = NO_TOP
    _sweep(out, changes, ends, groups, codes, bases, tops, leaves, places)
    return out


@compiled
def _widest(bases: Ints) -> int:
    widest = 1
    for g in range(bases.size - 1):
        widest = max(widest, bases[g + 1] - bases[g])
    return widest


@compiled
def _sweep_group(
    out: Ints, changes: Ints, at: int, ends: Ints, begin: int, end: int, codes: Ints, base: int,
    tops: Ints, leaves: Leaves, places: Ints, sums: Ints, held: Ints,
) -> int:  # fmt: skip
    """Answer requests ``begin .. end - 1``; returns how far the changes were followed.

    It is one loop, for calls with arrays take longer than what is done between them.
    """
    digits = leaves.shape[1]
    highest = NEVER
    for i in range(begin, end):
        while at < ends[i]:
            enters = changes[at] >= 0
            p = changes[at] if enters else ~changes[at]
            at += 1
            if codes[p] != NEVER:
                j = codes[p] - base
                highest = max(highest, j)
                held[j] += 1 if enters else -1
                for k in range(digits):
                    sums[j, k] += leaves[p, k] if enters else -leaves[p, k]
        while highest != NEVER and held[highest] == 0:
            highest -= 1
        if highest == NEVER:
            continue
        place, top = places[i], tops[base + highest]
        out[place, 0] = top
        for k in range(digits):
            out[place, k + 1] = sums[highest, k]
        j = highest - 1
        while j != NEVER and top - tops[base + j] < 4:
            by = top - tops[base + j]
            for k in range(1 + by, 5):
                out[place, k] += sums[j, k - by - 1]
            for k in range(5 + 2 * by, 11 if digits > 4 else 0):
                out[place, k] += sums[j, k - 2 * by - 1]
            for k in range(11 + 3 * by, 20 if digits > 10 else 0):
                out[place, k] += sums[j, k - 3 * by - 1]
            j -= 1
    return at


@compiled
def _sweep(
    out: Ints, changes: Ints, ends: Ints, groups: Ints, codes: Ints, bases: Ints, tops: Ints,
    leaves: Leaves, places: Ints,
) -> None:  # fmt: skip
    """Follow one window; numbers of one top are added up together."""
    sums = np.empty((_widest(bases), leaves.shape[1]), np.int64)
    held = np.empty(_widest(bases), np.int64)
    at = 0
    for g in range(groups.shape[0]):
        size = bases[g + 1] - bases[g]
        held[:size] = 0
        sums[:size] = 0
        at = _sweep_group(
            out, changes, at, ends, groups[g, 2], groups[g, 3], codes, bases[g], tops, leaves,
            places, sums, held,
        )  # fmt: skip
