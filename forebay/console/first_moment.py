"""The first moment of a command's process: Ctrl-C ends it before there is anything to clean up.

Python itself answers Ctrl-C with a traceback, so this comes before all else that a command loads.
"""

from __future__ import annotations

import os
import signal

# As `typing` has it, which takes as long to load as all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def end_when_interrupted() -> None:
    """Lets Ctrl-C end the process at once, until `process.Interrupts` has the better answer.

    Nothing changes where the process was started to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)
