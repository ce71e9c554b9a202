"""Free memory goes back to the system, in a process whose memory lies in small pieces."""

import json
import subprocess
import sys

import pytest

from forebay.pipelines import free_memory

MIB = 1 << 20
# One block of a hundred stays in use, so that no stretch of memory is free as a whole.
PIECES = f"""
import json
import numpy as np
from forebay.pipelines.free_memory import _STATM, give_back_free_memory

def resident():
    return int(_STATM.read_text().split()[1]) * 4096

held = [np.ones(1 << 13) for _ in range(6_000)]
full = resident()
held = held[::100]
answers = [give_back_free_memory(kept) for kept in ({1024 * MIB}, {64 * MIB}, {64 * MIB})]
print(json.dumps([answers, full, resident(), all(block.all() for block in held)]))
"""


@pytest.mark.skipif(free_memory.LIBC is None, reason="the C library is not glibc")
def test_memory_is_given_back_once_much_is_free() -> None:
    printed = subprocess.run([sys.executable, "-c", PIECES], check=True, capture_output=True)
    answers, full, left, intact = json.loads(printed.stdout)
    assert answers == [False, True, False]
    assert full - left > 256 * MIB
    assert intact
