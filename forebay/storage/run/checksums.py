"""What tells one content of a file from another: its size and its CRC-32C."""

from typing import IO

import google_crc32c

from forebay.storage.run.manifest import FileEntry
from forebay.transforms.errors import RunFolderError

_NOTHING = FileEntry(0, "00000000")
# Read at a time: large enough that a read costs little, small enough to stay in the caches.
_PIECE = 1 << 20


def file_entry(content: bytes, behind: FileEntry = _NOTHING) -> FileEntry:
    """Describes a file of that content, behind what is in it already."""
    crc = google_crc32c.extend(int(behind.crc32c, 16), content)
    return entry_of(behind.size + len(content), crc)


def entry_of(size: int, crc32c: int) -> FileEntry:
    """Describes a file of that size, in bytes, and that CRC-32C."""
    return FileEntry(size, f"{crc32c:08x}")


def read_entry(stream: IO[bytes]) -> FileEntry:
    """Describes what is left to read of a file, which is read."""
    entry = _NOTHING
    while piece := stream.read(_PIECE):
        entry = file_entry(piece, behind=entry)
    return entry


def check_entry(path: str, found: FileEntry, listed: FileEntry, cure: str) -> None:
    """Refuses a file that is not what a listing says.

    Args:
        path: the file.
        found: what it is.
        listed: what it must be; how many rows are in it is not looked at.
        cure: what makes it anew.

    Raises:
        RunFolderError: the size or the checksum differs.
    """
    if found.size != listed.size:
        raise RunFolderError(
            f"{path} has {found.size:,} bytes where its listing says {listed.size:,}; {cure}"
        )
    if found.crc32c != listed.crc32c:
        raise RunFolderError(
            f"{path} has the checksum {found.crc32c} where its listing says {listed.crc32c}: it "
            f"was changed or is damaged; {cure}"
        )
