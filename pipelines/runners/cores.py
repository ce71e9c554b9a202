"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Returns the cores that the process may run on, as a container or ``taskset`` limits them."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
