"""The package's names and the command line's help."""

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from leaf_parsers import leaf_parsers

import forebay
from forebay.cli import COMMANDS, main


def test_every_name_loads_and_is_declared_for_type_checkers() -> None:
    tree = ast.parse(Path(forebay.__file__).read_text())
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert declared == set(forebay.__all__)
    assert all(getattr(forebay, name).__name__ == name for name in forebay.__all__)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="Windoed"):
        _ = forebay.Windoed


@pytest.mark.parametrize("command", [*COMMANDS, *leaf_parsers()])
def test_help_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command.split(), "--help"])
    assert caught.value.code == 0
    assert f"forebay {command}" in capsys.readouterr().out.split("examples:")[1]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from forebay.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('numpy', 'pyarrow', 'tensorflow', 'apache_beam', 'keras', 'numba', 'rich')\n"
        "print('loaded', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_it_says_its_version_whichever_way_it_is_called() -> None:
    commands = ([sys.executable, "-m", "forebay"], [Path(sys.executable).with_name("forebay")])
    said = [
        subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        for command in commands
    ]
    assert said == [f"{forebay.__version__}\n"] * 2
    assert forebay.__version__ == metadata.version("forebay")


def test_unknown_options_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["preprocess", "x.py", "--input", "a", "--output", "b", "--shrads", "3"])
    assert caught.value.code == 2
    assert "--shrads" in capsys.readouterr().err
