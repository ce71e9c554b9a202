"""Files written around the page cache hold what was written, on any file system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.storage.large_files import BLOCK_BYTES, LargeFile

# Lengths at which a block is just not full, full, or begun anew.
LENGTHS = st.one_of(
    st.integers(0, 9_000),
    st.builds(
        lambda blocks, more: max(0, blocks * BLOCK_BYTES + more),
        st.integers(0, 2),
        st.integers(-2, 2),
    ),
)
MEMORY = Path("/dev/shm")


def bytes_of(size: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


@given(st.lists(LENGTHS, max_size=5), st.booleans())
def test_it_holds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], in_memory: bool
) -> None:
    folder = MEMORY if in_memory and MEMORY.is_dir() else tmp_path_factory.getbasetemp()
    path = folder / f"forebay-{os.getpid()}"
    pieces = [bytes_of(size, i) for i, size in enumerate(lengths)]
    try:
        path.write_bytes(b"what was there before")
        with LargeFile(str(path)) as file:
            assert [file.write(piece) for piece in pieces] == lengths
        assert path.read_bytes() == b"".join(pieces)
    finally:
        path.unlink()


def test_it_takes_bytes_of_any_format(tmp_path: Path) -> None:
    numbers = np.arange(1 << 20, dtype=np.float64)
    with LargeFile(str(tmp_path / "file")) as file:
        file.write(numbers)
        file.write(pa.py_buffer(b"more"))
    assert (tmp_path / "file").read_bytes() == numbers.tobytes() + b"more"


def test_several_at_once_keep_to_themselves(tmp_path: Path) -> None:
    files = [LargeFile(str(tmp_path / str(i))) for i in range(3)]
    for turn in range(3):
        for i, file in enumerate(files):
            file.write(bytes_of(BLOCK_BYTES // 2 + i, 10 * turn + i))
    for file in files:
        file.close()
    for i in range(3):
        expected = b"".join(bytes_of(BLOCK_BYTES // 2 + i, 10 * turn + i) for turn in range(3))
        assert (tmp_path / str(i)).read_bytes() == expected


@pytest.mark.parametrize("size", [1_000, BLOCK_BYTES + 1_000, 5 * BLOCK_BYTES])
def test_where_no_more_fits_an_error_says_so(size: int, tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\nfrom forebay.storage.large_files import LargeFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size - 500}, {size - 500}))\n"
        "try:\n with LargeFile(sys.argv[1]) as file:\n"
        f"  for _ in range({size} // 500): file.write(bytes(500))\n"
        "except OSError as error:\n print(error.errno)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{errno.EFBIG}\n"
