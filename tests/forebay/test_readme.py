"""What the README shows works."""

import re
from pathlib import Path

import forebay
from forebay.cli import _parser

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_definition_is_one() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    names: dict[str, object] = {}
    exec(code, names)
    assert isinstance(names["flights"], forebay.Dataset)


def test_the_commands_parse() -> None:
    commands = re.findall(r"^forebay (.*)$", README.read_text(), re.M)
    assert [_parser().parse_args(command.split()).command for command in commands] == [
        "preprocess", "train", "evaluate", "predict",
    ]  # fmt: skip


def test_the_make_targets_exist() -> None:
    makefile = (README.parent / "Makefile").read_text()
    targets = set(re.findall(r"`?\bmake ([a-z-]+)", README.read_text()))
    assert {"demo", "test", "bench", "windows-worth"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
