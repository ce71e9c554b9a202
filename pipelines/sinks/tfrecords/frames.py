"""Frames of TFRecord files and their checksums, masked CRC-32C by the processor if it can.

An x86-64 processor with SSE 4.2 takes eight bytes at a time, and so does an Arm one with the CRC
extension; any other works through tables, which were more than half of what encoding cost.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from forebay.pipelines.tfrecord_format import (
    CHECKSUM_BYTES,
    FRAME_BYTES,
    HEAD_BYTES,
    LENGTH_BYTES,
    MASK_DELTA,
)
from forebay.transforms.compiled import compiled

ByteArray = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Place = int | np.int64

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed


def _tables() -> npt.NDArray[np.uint64]:
    """Returns the (8, 256) tables of CRC-32C taken eight bytes at a time (Intel, 2006)."""
    tables = np.zeros((8, 256), np.uint64)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        tables[0, byte] = crc
    for i in range(1, 8):
        tables[i] = (tables[i - 1] >> 8) ^ tables[0, tables[i - 1] & 0xFF]
    return tables


_TABLES = _tables()
# Three parts of a part of the data are taken side by side: the instruction takes three cycles, and
# a new one can begin in each. A record of a kilobyte has room for two such parts.
_LANE_BYTES = 192


def _lane_of_noughts() -> npt.NDArray[np.uint64]:
    """Returns the (4, 256) tables of what a lane of noughts makes of each byte of a checksum."""
    crc = np.arange(256, dtype=np.uint64) << np.arange(0, 32, 8, dtype=np.uint64)[:, None]
    for _ in range(_LANE_BYTES):
        crc = _TABLES[0, crc & np.uint64(0xFF)] ^ (crc >> np.uint64(8))
    return crc


_LANE_OF_NOUGHTS = _lane_of_noughts()


@compiled
def _after_lane(crc: np.uint64) -> np.uint64:
    """Returns what a checksum becomes by a lane of noughts."""
    found = np.uint64(0)
    for i in range(4):
        found ^= _LANE_OF_NOUGHTS[i, (crc >> np.uint64(8 * i)) & np.uint64(0xFF)]
    return found


@compiled
def word_by_tables(crc: np.uint64, word: np.uint64) -> np.uint64:
    """Returns the checksum (uint64, of 32 bits) with eight more bytes (uint64, little-endian)."""
    mixed = crc ^ word
    found = np.uint64(0)
    for i in range(8):
        byte = (mixed >> np.uint64(8 * i)) & np.uint64(0xFF)
        found ^= _TABLES[7 - i, byte]
    return found


def _instruction() -> tuple[str, int] | None:
    """Returns LLVM's name of this processor's instruction, and the bits of its checksums."""
    machine, features = llvm.get_process_triple().split("-")[0], llvm.get_host_cpu_features()
    if machine == "x86_64" and features.get("sse4.2"):
        return "llvm.x86.sse42.crc32.64.64", 64
    if machine in ("aarch64", "arm64") and features.get("crc"):
        return "llvm.aarch64.crc32cx", 32
    return None


def _word_by(name: str, bits: int) -> Callable[[np.uint64, np.uint64], np.uint64]:
    """Returns what `word_by_tables` is, as one call of an LLVM intrinsic."""

    def word(typing: Any, crc: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            narrow, wide = ir.IntType(bits), ir.IntType(64)
            kind = ir.FunctionType(narrow, [narrow, wide])
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            crc, word = arguments
            if bits == 64:
                return builder.call(function, [crc, word])
            return builder.zext(builder.call(function, [builder.trunc(crc, narrow), word]), wide)

        return types.uint64(types.uint64, types.uint64), generate

    return intrinsic(word)  # type: ignore[no-any-return]


_FOUND = _instruction()
_with_word = _word_by(*_FOUND) if _FOUND else word_by_tables


@compiled
def _word(data: ByteArray, at: np.uintp) -> np.uint64:
    """Returns eight bytes as a number, which LLVM makes one load of."""
    word = np.uint64(0)
    for i in range(8):
        word |= np.uint64(data[at + np.uintp(i)]) << np.uint64(8 * i)
    return word


@compiled
def crc32c(data: ByteArray, start: Place, stop: Place, before: int = 0) -> np.uint64:
    """Returns the CRC-32C of ``data[start:stop]``, as a uint64.

    Args:
        data: uint8.
        start: the first byte of the part.
        stop: the byte after the part's last.
        before: the CRC-32C of what lies before that part.
    """
    crc = np.uint64(before) ^ np.uint64(0xFFFFFFFF)
    at, end, lane = np.uintp(start), np.uintp(stop), np.uintp(_LANE_BYTES)
    while at + np.uintp(3) * lane <= end:
        second = third = np.uint64(0)
        for _ in range(_LANE_BYTES // 8):
            crc = _with_word(crc, _word(data, at))
            second = _with_word(second, _word(data, at + lane))
            third = _with_word(third, _word(data, at + np.uintp(2) * lane))
            at += np.uintp(8)
        crc = _after_lane(_after_lane(crc) ^ second) ^ third
        at += np.uintp(2) * lane
    while at + np.uintp(8) <= end:
        crc = _with_word(crc, _word(data, at))
        at += np.uintp(8)
    while at < end:
        byte = (crc ^ np.uint64(data[at])) & np.uint64(0xFF)
        crc = _TABLES[0, byte] ^ (crc >> np.uint64(8))
        at += np.uintp(1)
    return crc ^ np.uint64(0xFFFFFFFF)


@compiled
def put_checksums(out: ByteArray, ends: Ints) -> None:
    """Writes the checksums of frames that lie one behind the other, in place.

    Args:
        out: uint8 (bytes,), the frames, with their lengths and data.
        ends: int64 (frames,), where each frame ends.
    """
    start = 0
    for end in ends:
        _put(out, start + LENGTH_BYTES, masked(crc32c(out, start, start + LENGTH_BYTES)))
        data_end = end - CHECKSUM_BYTES
        _put(out, data_end, masked(crc32c(out, start + HEAD_BYTES, data_end)))
        start = end


@compiled
def masked(crc: np.uint64) -> np.uint64:
    """Returns a checksum (uint64, of 32 bits) rotated and offset as TFRecord wants it."""
    low = np.uint64(0xFFFFFFFF)
    rotated = (np.uint64(crc) >> np.uint64(15)) | (np.uint64(crc) << np.uint64(17))
    return ((rotated & low) + np.uint64(MASK_DELTA)) & low


@compiled
def _put(out: ByteArray, at: int, checksum: np.uint64) -> None:
    for i in range(CHECKSUM_BYTES):
        out[at + i] = np.uint8((checksum >> np.uint64(8 * i)) & np.uint64(0xFF))


# How the search for frames ended: at the end of the data, or within a frame; or at one whose
# length, or whose data, do not have the checksum beside them.
WHOLE, BAD_LENGTH, BAD_DATA = 0, 1, 2


@compiled
def find_frames(data: ByteArray, starts: Ints, sizes: Ints) -> tuple[int, Place, int]:
    """Finds the frames that lie one behind the other, and checks their checksums.

    Args:
        data: uint8 (bytes,).
        starts: int64 (frames,), gets where the data of each frame begin; there is room for one
            in every `FRAME_BYTES`.
        sizes: int64 (frames,), gets how long they are.

    Returns:
        How many frames there are, where the last of them ends, and how the search ended.
    """
    count, at = 0, np.int64(0)
    while at + FRAME_BYTES <= len(data):
        if _get(data, at + LENGTH_BYTES, CHECKSUM_BYTES) != masked(
            crc32c(data, at, at + LENGTH_BYTES)
        ):
            return count, at, BAD_LENGTH
        size = _get(data, at, LENGTH_BYTES)
        if size > np.uint64(len(data) - at - FRAME_BYTES):
            break
        start = at + HEAD_BYTES
        end = start + np.int64(size)
        if _get(data, end, CHECKSUM_BYTES) != masked(crc32c(data, start, end)):
            return count, at, BAD_DATA
        starts[count], sizes[count] = start, end - start
        count, at = count + 1, end + CHECKSUM_BYTES
    return count, at, WHOLE


@compiled
def _get(data: ByteArray, at: Place, size: int) -> np.uint64:
    found = np.uint64(0)
    for i in range(size):
        found |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return found
