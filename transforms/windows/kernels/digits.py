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

Ints = NDArray[np.int64]
Leaves = NDArray[np.int32]

BITS = 28
WIDTHS = {1: 5, 2: 11, 3: 20}  # of a state, by order
NO_TOP = -(2**62)  # of a state without numbers other than 0

_MASK = (1 << BITS) - 1
_LENGTHS = (4, 6, 9)  # how many digits are kept of Σ x, Σ x² and Σ x³
_FIRST = (1, 5, 11)  # where they begin in a state


@compiled
def _bit_length(size: int) -> int:
    """The number of bits of an unsigned number."""
    length = 0
    for step in (32, 16, 8, 4, 2, 1):
        if size >> np.uint64(step):
            size >>= np.uint64(step)
            length += step
    return length + (1 if size else 0)


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
            row[into + place + 1] = carry & _MASK
        carry >>= BITS
    row[into] = carry


@compiled
def cut(numbers: Ints, width: int) -> tuple[Ints, Leaves]:
    """Turn numbers into states.

    Args:
        numbers: int64 (n, 3): m, e and s of m * 2**(e + 28 s), exactly; m is 0 where there is none.
        width: s, that of a state of the order wanted.

    Returns:
        The states' tops, int64 (n,), NO_TOP for 0, and their digits, int32 (n, s - 1).
    """
    tops = np.full(numbers.shape[0], NO_TOP, np.int64)
    leaves = np.zeros((numbers.shape[0], width - 1), np.int32)
    row = np.zeros(width, np.int64)
    for p in range(numbers.shape[0]):
        if numbers[p, 0] == 0:
            continue
        sign = -1 if numbers[p, 0] < 0 else 1
        size = np.uint64(numbers[p, 0])
        if sign < 0:
            size = np.uint64(0) - size
        top = (numbers[p, 1] + _bit_length(size) - 1) // BITS
        tops[p] = top + numbers[p, 2]
        for k in range(4):
            low = BITS * (top - k) - numbers[p, 1]
            digit = np.uint64(0)
            if low >= 0:
                digit = size >> np.uint64(low)
            elif low > -BITS:
                digit = size << np.uint64(-low)
            row[1 + k] = np.int64(digit & np.uint64(_MASK))
        if width > 5:
            _multiply(row, 1, 4, 5, 6)
        if width > 11:
            _multiply(row, 5, 6, 11, 9)
        for k in range(1, width):
            leaves[p, k - 1] = row[k] if 5 <= k < 11 else sign * row[k]
    return tops, leaves


@compiled
def _add_below(out: Ints, into: int, digits: Ints, j: int, shift: int, by: int) -> None:
    """Add the digits of a state whose top is lower to a state, as far as it keeps them."""
    for power in range(3):
        first, down = _FIRST[power], by * (power + 1)
        if first < out.shape[1]:
            for k in range(first + down, first + _LENGTHS[power]):
                out[into, k] += digits[j, k - down - shift]


@compiled
def merge(a: Ints, b: Ints) -> Ints:
    """Merge states row by row: int64 (m, s) each, and so is the result."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        apart = a[i, 0] - b[i, 0]
        high, low = (a, b) if apart >= 0 else (b, a)
        out[i] = high[i]
        _add_below(out, i, low, i, 0, min(abs(apart), 9))
    return out


@compiled
def _put(
    out: Ints, place: int, sums: Ints, held: Ints, tops: Ints, base: int, highest: int
) -> None:
    """Write down the sums of the highest top and of the next ones as a state."""
    if highest == NEVER:
        out[place, 0] = NO_TOP
        for k in range(1, out.shape[1]):
            out[place, k] = 0
        return
    top = tops[base + highest]
    out[place, 0] = top
    for k in range(1, out.shape[1]):
        out[place, k] = sums[highest, k - 1]
    j = highest - 1
    while j != NEVER and top - tops[base + j] < 4:
        if held[j]:
            _add_below(out, place, sums, j, 1, top - tops[base + j])
        j -= 1


@compiled
def sweep_digits(
    changes: Ints, ends: Ints, groups: Ints, codes: Ints, bases: Ints, tops: Ints, leaves: Leaves,
    places: Ints,
) -> Ints:  # fmt: skip
    """Add up the numbers in one window for each request.

    Numbers of one top are added up together, those that leave are taken away. What a request gets
    are the sums of the highest top that is there, and of the next ones.

    Args:
        changes: int64, the position of what enters the window and ~position of what leaves it, of
            :func:`forebay.transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        codes: int64 (n,), by position: the place of its top among the distinct tops of all groups,
            by group, then ascending; NEVER without a number.
        bases: int64 (g + 1,), the first code of each group.
        tops: int64, the top of each code.
        leaves: int32 (n, s - 1), by position, of :func:`cut`.
        places: int64 (m,), where the state of each request goes.

    Returns:
        States, int64 (m, s).
    """
    width = leaves.shape[1] + 1
    out = np.empty((ends.size, width), np.int64)
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, bases[g + 1] - bases[g])
    sums, held = np.empty((widest, width - 1), np.int64), np.empty(widest, np.int64)
    at = answered = 0
    for g in range(groups.shape[0]):
        base = bases[g]
        held[: bases[g + 1] - base] = 0
        sums[: bases[g + 1] - base] = 0
        highest = NEVER
        for i in range(answered, groups[g, 2]):  # of keys without events
            _put(out, places[i], sums, held, tops, base, NEVER)
        answered = groups[g, 3]
        for i in range(groups[g, 2], groups[g, 3]):
            while at < ends[i]:
                enters = changes[at] >= 0
                p = changes[at] if enters else ~changes[at]
                at += 1
                if codes[p] == NEVER:
                    continue
                j = codes[p] - base
                held[j] += 1 if enters else -1
                highest = max(highest, j)
                for k in range(width - 1):
                    sums[j, k] += leaves[p, k] if enters else -leaves[p, k]
            while highest != NEVER and held[highest] == 0:
                highest -= 1
            _put(out, places[i], sums, held, tops, base, highest)
    for i in range(answered, ends.size):
        _put(out, places[i], sums, held, tops, 0, NEVER)
    return out
