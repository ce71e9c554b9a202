"""TensorFlow is quiet whoever imports it, and what commands say themselves is heard meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def said(code: str, *arguments: str) -> tuple[int, str, str]:
    """How a program of its own ends, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


# Reads as the command does that needs no more of TensorFlow than a hash.
HASHES = """
import pyarrow as pa
from forebay.console.tensorflow import quiet_tensorflow
from forebay.transforms.definition.splits import farm_fingerprint
with quiet_tensorflow():
    print(farm_fingerprint(pa.array(["2008-01-01"])))
"""


def test_a_hash_of_a_split_comes_without_greetings() -> None:
    assert said(HASHES) == (0, "[-8964253756691160262]\n", "")


GREETS = """
import argparse, os, sys
sys.path.insert(0, sys.argv[1])
from forebay.console.tensorflow import quiet_tensorflow
from forebay.console.terminal import choose_verbosity
choose_verbosity(argparse.Namespace(verbose=len(sys.argv) > 2))
before = list(sys.meta_path)
with quiet_tensorflow():
    import tensorflow.inner
    os.write(2, b"mine\\n")
assert sys.meta_path == before
print(tensorflow.inner.OUTER)
"""


@pytest.mark.parametrize(
    ("flags", "heard"), [((), "mine\n"), (("--verbose",), "hello\nand inside\nmine\n")]
)
def test_only_the_import_is_quiet(flags: tuple[str, ...], heard: str, tmp_path: Path) -> None:
    package = tmp_path / "tensorflow"
    package.mkdir()
    greets = "import os\nos.write(2, b'hello\\n')\nfrom tensorflow import inner\nNAME = 'TF'"
    (package / "__init__.py").write_text(greets)
    (package / "inner.py").write_text(
        "import os, tensorflow\nos.write(2, b'and inside\\n')\nOUTER = tensorflow.__name__"
    )
    assert said(GREETS, str(tmp_path), *flags) == (0, "tensorflow\n", heard)


def test_an_import_that_fails_is_told_and_leaves_the_stream(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("import os\nos.write(2, b'hello\\n')\nraise OSError(7)")
    code = GREETS.replace("import tensorflow.inner", "import tensorflow")
    status, _, heard = said(code, str(tmp_path))
    assert (status, heard.splitlines()[-1]) == (1, "OSError: 7")
    assert "hello" not in heard


SPEAKS = """
import os, sys
from forebay.console.process import in_own_process
from forebay.console.tensorflow import native_logs_hidden
from forebay.console.terminal import tell

def work():
    with native_logs_hidden():
        os.write(2, b"noise\\n")
        tell("heard")
    os.write(2, b"heard too\\n")
    return 0

sys.exit(in_own_process(work))
"""


def test_a_command_is_heard_while_libraries_are_not() -> None:
    assert said(SPEAKS) == (0, "", "heard\nheard too\n")
