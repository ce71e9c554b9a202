"""Vocabularies of tables against counting by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.transform.vocabularies import (
    counted_tokens,
    divided,
    merged,
    pruned,
    write_vocabulary,
)

# Few distinct ones, so that some are equally frequent; some are no UTF-8.
TOKENS = st.lists(st.sampled_from([b"a", b"b", b"ab", b"\xfe", b"\xc3\xa9", b"zz", b"B"]))
NUMBERS = st.lists(st.sampled_from([-3, 0, 7, 12, 70, 2**62]))
BATCHES = st.one_of(
    st.lists(TOKENS, min_size=1, max_size=4), st.lists(NUMBERS, min_size=1, max_size=4)
)


def tables(batches: list[list[bytes] | list[int]]) -> list[pa.Table]:
    dtype = object if any(isinstance(t, bytes) for batch in batches for t in batch) else np.int64
    return [counted_tokens(np.array(batch, dtype), None) for batch in batches]


def by_hand(
    batches: list[list[bytes] | list[int]], threshold: int, top_k: int | None
) -> list[tuple[int, bytes]]:
    """Counts, least first among equals from the end of the alphabet, as ``tft.vocabulary`` says."""
    texts = [t if isinstance(t, bytes) else b"%d" % t for batch in batches for t in batch]
    counts = [(n, text) for text, n in Counter(texts).items() if n >= threshold]
    return sorted(counts, reverse=True)[:top_k]


@given(
    batches=BATCHES,
    threshold=st.integers(0, 3),
    top_k=st.none() | st.integers(1, 4),
    parts=st.integers(1, 5),
)
def test_what_is_kept_of_several_batches_is_what_counting_keeps(
    batches: list[list[bytes] | list[int]],
    threshold: int,
    top_k: int | None,
    parts: int,
) -> None:
    pieces = [list(divided(table, parts)) for table in tables(batches)]
    of_parts = [merged(list(part)) for part in zip(*pieces, strict=True)]
    kept = pruned(pa.concat_tables(of_parts), threshold, top_k)
    found = sorted(
        zip(kept["weight"].to_pylist(), kept["token"].to_pylist(), strict=True), reverse=True
    )
    assert found == by_hand(batches, threshold, top_k)


def test_a_file_has_a_line_for_each_token_and_one_where_there_are_none(tmp_path: Path) -> None:
    table = counted_tokens(np.array([b"b", b"a", b"b", b"c"], object), np.ones(4, np.float32))
    write_vocabulary(table, str(tmp_path / "new/plain"), "string", with_weights=False)
    assert (tmp_path / "new/plain").read_bytes() == b"b\nc\na\n"
    write_vocabulary(table, str(tmp_path / "weighed"), "string", with_weights=True)
    assert (tmp_path / "weighed").read_bytes() == b"2.0 b\n1.0 c\n1.0 a\n"
    write_vocabulary(table.slice(0, 0), str(tmp_path / "numbers"), "int64", with_weights=False)
    assert (tmp_path / "numbers").read_bytes() == b"-1\n"
