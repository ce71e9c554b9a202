"""What the machine refuses is told with the file, the cause and the cure, however it is quoted."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf

from forebay.console.command_line import FAILURE, USER_ERROR, tell_failure
from forebay.console.machine import MachineRefusal, find_refusal, full_disk_told, refusal_in
from forebay.transforms.errors import InputError

FULL = "/dev/full"


def refused(name: str, path: str) -> BaseException:
    """What a library raises where the disk is full or a file is not there."""
    try:
        match name:
            case "python":
                with open(path, "wb", buffering=0) as file:
                    file.write(b"x")
            case "arrow":
                with pa.OSFile(path, "wb") as sink:
                    sink.write(b"x")
            case "tensorflow":
                with tf.io.gfile.GFile(path, "wb") as file:
                    file.write(b"x")
            case "records":
                with tf.io.TFRecordWriter(path) as writer:
                    writer.write(b"x")
    except Exception as error:
        return error
    raise AssertionError(f"{name} wrote to {path}")


LIBRARIES = ("python", "arrow", "tensorflow", "records")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_full_disk(library: str) -> None:
    found = find_refusal(refused(library, FULL))
    assert found is not None
    assert found.number == errno.ENOSPC
    assert not found.is_users


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_name_that_is_too_long(library: str, tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * 300))
    found = find_refusal(refused(library, path))
    assert found == MachineRefusal(errno.ENAMETOOLONG, path) or found == MachineRefusal(
        errno.ENAMETOOLONG
    )
    assert found.is_users


def test_it_is_found_in_what_was_raised_of_it() -> None:
    above = ValueError("no index")
    above.__cause__ = refused("python", "/dev/null/x")
    assert find_refusal(above) == MachineRefusal(errno.ENOTDIR, "/dev/null/x")
    assert find_refusal(ValueError("no index")) is None
    assert find_refusal(MemoryError()) == MachineRefusal(errno.ENOMEM)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OSError: [Errno 28] No space left on device: '/a/b' [while running 'X']",
         MachineRefusal(errno.ENOSPC, "/a/b")),
        ("PermissionError: [Errno 13] Permission denied: b'/a'\n",
         MachineRefusal(errno.EACCES, "/a")),
        ("errors_impl.ResourceExhaustedError: /a b/c; No space left on device",
         MachineRefusal(errno.ENOSPC, "/a b/c")),
        ("Error writing bytes. Detail: [errno 28] No space left on device",
         MachineRefusal(errno.ENOSPC)),
        ("first '[Errno 2] No such file: 'x'\nthen [Errno 28] No space: 'y'",
         MachineRefusal(errno.ENOSPC, "y")),
        ("[Errno 9999] Never heard of: 'x'", None),
        ("File exists", None),
    ],
)  # fmt: skip
def test_it_is_found_in_tracebacks_of_others(text: str, found: MachineRefusal | None) -> None:
    assert refusal_in(text) == found


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(errno.ENOSPC, "x", "/a"), FAILURE,
         "error: /a: no space left on device; free some there, or choose another folder"),
        (OSError(errno.EACCES, "x", b"/caf\xe9"), USER_ERROR,
         "error: /caf\\xe9: permission denied; check its permissions, or choose another folder"),
        (OSError(errno.EXDEV, "x", "/a", None, "/b\x1b"), USER_ERROR,
         "error: /b␛: invalid cross-device link; choose a folder on one file system"),
        (InputError("one\ntwo"), USER_ERROR, "error: one␊two"),
        (KeyError("x\ny"), FAILURE, "error: unexpected KeyError: 'x\\ny'; --debug shows where"),
    ],
)  # fmt: skip
def test_one_line_is_said(
    error: Exception, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell_failure(error) == status
    assert capsys.readouterr().err == f"{said}\n"


def test_every_cure_is_one_for_a_number_that_this_machine_knows() -> None:
    for number in errno.errorcode:
        refusal = find_refusal(OSError(number, "x", "/a"))
        if refusal is not None:
            assert str(refusal).startswith("/a: ")
            assert "; " in str(refusal)


def test_strange_failures_stay_what_they_are_where_no_disk_is_full(tmp_path: Path) -> None:
    for folder in (str(tmp_path), "/proc", "not/there"):
        with pytest.raises(KeyError), full_disk_told(folder):
            raise KeyError("x")


def test_a_limit_on_the_size_of_files_is_no_full_disk(tmp_path: Path) -> None:
    code = "open(__import__('sys').argv[1], 'wb', 0).write(b'x')"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    assert refusal_in(done.stderr) == MachineRefusal(errno.EFBIG)
