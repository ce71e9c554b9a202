"""Cells of bytes written as base64, and images among them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from forebay.transforms.definition.columns import MISSING_BYTES, Bytes
from forebay.transforms.parsing.casts import BoolArray, CastColumn, faults_of, to_mask
from forebay.transforms.parsing.images import is_image


def read_bytes(text: pa.StringArray, column: Bytes) -> CastColumn:
    """Decodes base64; of images, finds those that the transform graph could not decode.

    The one byte that stands for *missing* in the graph is refused.
    """
    values = [_decoded(cell) for cell in text.to_pylist()]
    odd = to_mask(text.is_valid()) & np.array([value is None for value in values], np.bool_)
    read = take_bytes(values, column)
    return CastColumn(read.values, faults_of((odd, "not base64")) + read.problems)


def take_bytes(values: Sequence[bytes | None], column: Bytes) -> CastColumn:
    """Takes bytes as they are, with the faults that `read_bytes` finds in what it decoded."""
    there = np.array([value is not None for value in values], np.bool_)
    marker = np.array([value == MISSING_BYTES for value in values], np.bool_)
    broken = ~_are_images(values) & there & ~marker if column.image else np.zeros_like(there)
    faulty = marker | broken
    kept = [None if fault else value for value, fault in zip(values, faulty, strict=True)]
    return CastColumn(
        pa.array(kept, pa.binary()),
        faults_of(
            (marker, "the byte that stands for a missing value"),
            (broken, "not a JPEG or PNG image that can be decoded"),
        ),
    )


def _decoded(cell: str | None) -> bytes | None:
    try:
        return None if cell is None else base64.b64decode(cell, validate=True)
    except (ValueError, binascii.Error):
        return None


def _are_images(values: Sequence[bytes | None]) -> BoolArray:
    return np.array([value is not None and is_image(value) for value in values], np.bool_)
