"""The commands' arguments: quick to import, checked, explained."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from trainer.options import DataOptions, EvaluateOptions, TrainOptions, train_options
from trainer.options.flags import as_flags
from trainer.options.train import add_training_options
from trainer.task import main
from transforms.errors import InputError


def test_options_import_nothing_heavy() -> None:
    script = (
        "import sys, trainer.options, trainer.task;"
        "print({'numpy', 'tensorflow', 'keras', 'pyarrow', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("command", ["train", "evaluate", "sweep", "predict"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0
    assert "examples:" in text
    assert f"python -m trainer.task {command}" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "forest"}, ["--model", "forest", "wide_deep"]),
        ({"optimizer": "lion"}, ["--optimizer", "adam"]),
        ({"max_steps": 0}, ["--max-steps", "0"]),
        ({"hidden_units": ()}, ["--hidden-units", "128,64"]),
        ({"learning_rate": float("nan")}, ["--learning-rate", "0.001"]),
        ({"dropout": 1.0}, ["--dropout", "1.0"]),
        ({"l2": -1.0}, ["--l2"]),
        ({"seed": -1}, ["--seed"]),
        ({"data": DataOptions(class_weights={"1": -1.0})}, ["--class-weights", "1:-1.0"]),
        ({"patience": 0, "batch_size": -1}, ["--patience", "--batch-size"]),
    ],
)
def test_options_out_of_range_are_all_named(change: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        TrainOptions(**change)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("change", [{"split": "dev"}, {"threshold": 1.5}])
def test_evaluation_options_are_checked(change: dict) -> None:
    with pytest.raises(InputError, match="evaluation options"):
        EvaluateOptions(**change)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_folder_without_a_run_is_a_line_and_status_2(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "no/such/run"]) == 2
    assert capsys.readouterr().err == (
        "error: no/such/run is not there; make one with `forebay preprocess`\n"
    )


def test_a_flag_out_of_range_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "no/such/run", "--dropout", "7"]) == 2
    assert "--dropout = 7.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model": "deep", "hidden_units": (7,), "dropout": 0.25, "drop_features": ("a*", "-b")},
        {"learning_rate": 1.5e-7, "l1": 1e-20, "optimizer": "ftrl", "seed": 3},
        {"epochs": 2, "batch_size": 9},
        {"data": DataOptions(("x*",), {"no": 1.0, "it's": 2.5}, 7, deterministic=False)},
        {"data": DataOptions(class_weights="balanced")},
    ],
)
def test_options_are_written_as_they_are_read(change: dict) -> None:
    options = TrainOptions(**change)
    parser = argparse.ArgumentParser()
    add_training_options(parser)
    assert train_options(parser.parse_args(as_flags(options))) == options
