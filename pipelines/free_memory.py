"""Giving back memory that the C library keeps for itself."""

import ctypes
import os
from pathlib import Path

# What is kept: the working set of two threads. Fresh pages take time, so less would be slower.
KEPT_BYTES = 768 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


class _Mallinfo2(ctypes.Structure):
    """What ``mallinfo2`` of glibc 2.33 tells of all arenas, in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    )  # fmt: skip


def give_back_free_memory(kept_bytes: int = KEPT_BYTES) -> bool:
    """Gives free memory back to the system where much more than is in use is held.

    Arrow's and NumPy's arrays come from glibc's ``malloc``, which has an arena for each thread and
    keeps what lies free between small objects that are still in use: of one process with 0.1 GiB in
    use it had 1 GiB, and the more the longer a run took. Without glibc nothing is done.

    Args:
        kept_bytes: memory beyond what is in use that may be held.

    Returns:
        Whether it was given back.
    """
    if LIBC is None:
        return False
    told = LIBC.mallinfo2()
    resident, shared = map(int, _STATM.read_text().split()[1:3])
    if (resident - shared) * _PAGE_BYTES - told.uordblks - told.hblkhd <= kept_bytes:
        return False
    LIBC.malloc_trim(ctypes.c_size_t(0))
    return True


def _glibc() -> ctypes.CDLL | None:
    """Returns the C library where it is one whose memory can be asked after."""
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallinfo2") and hasattr(libc, "malloc_trim") and _STATM.exists()):
        return None
    libc.mallinfo2.restype = _Mallinfo2
    return libc


LIBC = _glibc()
