"""What every command has: words while it works, quiet, verbose, and cures for slips of the hand."""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from leaf_parsers import leaf_parsers

from forebay.cli import COMMANDS, main
from forebay.console.terminal import choose_verbosity, detail, note, results

READINGS = Path(__file__).parents[2] / "end_to_end" / "readings.py"


@pytest.mark.parametrize("command", leaf_parsers())
def test_a_mistyped_option_is_refused_with_the_usage_of_its_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command.split(), *_required(command), "--debgu"])
    assert caught.value.code == 2
    usage, error = capsys.readouterr().err.split(f"\nforebay {command}: error: ")
    assert usage.startswith(f"usage: forebay {command} ")
    assert error == "no such option: --debgu; did you mean --debug?\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        # What the mistyped option leaves missing is not what is wrong.
        ("preprocess x.py --inptu x.csv", "no such option: --inptu; did you mean --input?"),
        ("predict --modl=runs/x rows.jsonl", "no such option: --modl; did you mean --model?"),
        (
            "evaluate x --split tset",
            "--split: 'tset' is not one of train, eval, test; did you mean",
        ),
        ("train x --optimizer adm", "sgd; did you mean adam or adamw?"),
        ("train x --max-steps ten", "--max-steps: 'ten' is not a whole number"),
        ("train x --dropout some", "--dropout: 'some' is not a number"),
        ("explain x.py --input x --row 1 --events 0", "'0' is not a whole number from 1"),
        ("check x.py --input x --rows 1e5", "'1e5' is not a whole number from 1"),
        (
            "preprocess x.py --input x --output y --max-reject-fraction half",
            "'half' is not a share between 0 and 1",
        ),
    ],
)
def test_what_is_mistyped_is_named_with_what_may_be_meant(
    arguments: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    assert error in capsys.readouterr().err.splitlines()[-1]


def test_options_of_beam_are_not_ours_to_refuse() -> None:
    arguments = ["preprocess", "nowhere.py", "--input", "x", "--output", "y", "--", "--inptu"]
    assert main(arguments) == 2  # for there is no such definition


def _required(command: str) -> list[str]:
    """Arguments without which the parser complains of their absence first."""
    given: list[str] = []
    for action in leaf_parsers()[command]._actions:
        if action.option_strings and action.required:
            given += [action.option_strings[0], "x"]
        elif not action.option_strings and action.nargs not in ("?", "*"):
            given.append("x")
    return given


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("pre-process", "preprocess"), ("evalute", "evaluate"), ("lrfind", "lr-find")],
)
def test_a_mistyped_command_is_refused_with_the_one_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([typed, "runs/flights"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"no such command: {typed}; did you mean {meant}?\n")


def test_one_argument_too_many_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "runs/a", "runs/b"])
    assert capsys.readouterr().err.endswith("too many arguments: 'runs/b'\n")


@pytest.mark.parametrize(
    ("flags", "told"), [([], "done\n"), (["--quiet"], ""), (["--verbose"], "done\nhow\n")]
)
def test_as_much_is_told_as_was_asked_for(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    COMMANDS["report"].add_arguments(parser)
    try:
        choose_verbosity(parser.parse_args(["run", *flags]))
        note("done")
        detail("how")
    finally:
        choose_verbosity(argparse.Namespace())
    assert capsys.readouterr().err == told


def test_piped_output_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    results().print("word " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_terminal_is_told_at_once_what_is_being_done() -> None:
    """The first word stands there before anything heavy is loaded, and goes when it is done."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "forebay", "report", "/nowhere"]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        first = os.read(ours, 1 << 12)
        running = process.poll() is None
        process.wait()
    rest = _all(ours)
    assert running
    assert first.startswith(b"forebay report: loading")
    assert b"\r\x1b[K" in first + rest
    assert b"error: " in rest


def test_a_log_is_told_at_once_what_is_being_done() -> None:
    """Where nobody looks at a screen, the word is a line that stays; not with --quiet."""
    command = [sys.executable, "-m", "forebay", "report", "/nowhere"]
    done = subprocess.run(command, capture_output=True, text=True)
    first, error = done.stderr.splitlines()
    assert first == "forebay report: loading …"
    assert error.startswith("error: ")
    quiet = subprocess.run([*command, "--quiet"], capture_output=True, text=True)
    assert quiet.stderr.splitlines() == [error]


def _all(terminal: int) -> bytes:
    found = b""
    while True:
        try:
            found += os.read(terminal, 1 << 12)
        except OSError:  # the other end is closed
            os.close(terminal)
            return found


def test_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    script = tmp_path / "forebay.bash"
    printed = subprocess.run(
        [sys.executable, "-m", "forebay", "--print-completion", "bash"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    script.write_text(printed.stdout)

    def completed(*words: str) -> set[str]:
        """What bash offers behind words, the last one unfinished."""
        program = (
            f"source {script}; COMP_WORDS=(forebay {' '.join(map(repr, words))}); "
            f"COMP_CWORD={len(words)}; _shtab_forebay; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert completed("") >= set(COMMANDS)
    assert completed("pre") == {"predict", "preprocess"}
    assert completed("preprocess", "--sh") == {"--shards"}
    assert completed("train", "--optimizer", "adam") == {"adam", "adamw"}
