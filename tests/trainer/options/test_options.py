"""The commands' arguments: quick to import, checked, explained."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from forebay.trainer.options import (
    DataOptions,
    EvaluateOptions,
    TrainOptions,
    add_train_arguments,
    train_options,
)
from forebay.trainer.options.flags import as_flags, as_toml, code_flags
from forebay.trainer.task import main
from forebay.transforms.errors import InputError


def test_options_import_nothing_heavy() -> None:
    script = (
        "import sys, forebay.trainer.options, forebay.trainer.task;"
        "print({'numpy', 'tensorflow', 'keras', 'pyarrow', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("command", ["train", "evaluate", "sweep", "lr-find"])
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
        ({"members": 0}, ["--members", "try 4"]),
        ({"members": 2, "model": "linear"}, ["--members", "--model linear has no hidden layers"]),
        ({"learning_rate": float("nan")}, ["--learning-rate", "0.001"]),
        ({"wide_learning_rate": 0.0}, ["--wide-learning-rate", "0.05"]),
        ({"model": "module:"}, ["--model", "module:function"]),
        ({"model": "deep", "wide_optimizer": "ftrl"}, ["--wide-optimizer", "has one side"]),
        ({"wide_optimizer": "lion"}, ["--wide-optimizer", "adagrad"]),
        ({"activation": "swish"}, ["--activation", "silu"]),
        ({"normalization": "group"}, ["--normalization", "layer"]),
        ({"schedule": "poly"}, ["--schedule", "exponential"]),
        ({"warmup_steps": 20, "max_steps": 20}, ["--warmup-steps", "--max-steps"]),
        ({"decay_rate": 1.5, "decay_every": 0}, ["--decay-rate", "--decay-every"]),
        ({"decay_at": (5, 5)}, ["--decay-at", "ascending"]),
        ({"decay_at": (5, 9), "warmup_steps": 5}, ["--decay-at", "not after --warmup-steps 5"]),
        ({"clip_norm": 0.0}, ["--clip-norm"]),
        ({"clip_norm": 1.0, "clip_value": 1.0}, ["choose one"]),
        ({"max_norm": -1.0, "momentum": 1.0}, ["--max-norm", "--momentum"]),
        ({"ema_momentum": 1.0}, ["--ema-momentum"]),
        ({"weight_decay": -0.1}, ["--weight-decay"]),
        ({"dropout": 1.0}, ["--dropout", "1.0"]),
        ({"l2": -1.0}, ["--l2"]),
        ({"pieces": -1}, ["--pieces", "try 8"]),
        ({"seed": -1}, ["--seed"]),
        ({"data": DataOptions(class_weights={"1": -1.0})}, ["--class-weights", "1:-1.0"]),
        ({"epochs": 0, "eval_steps": 0}, ["--epochs", "--eval-steps"]),
        ({"epochs": 2, "max_steps": 9}, ["--epochs = 2", "--max-steps 9 is another length"]),
        ({"data": DataOptions(interleave=0, prefetch=-1)}, ["--interleave", "--prefetch"]),
        ({"data": DataOptions(shuffle_buffer=0)}, ["--shuffle-buffer"]),
        ({"patience": 0, "batch_size": -1}, ["--patience", "--batch-size"]),
    ],
)
def test_options_out_of_range_are_all_named(change: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        TrainOptions(**change)
    assert all(word in str(error.value) for word in words)


def parsed(*flags: str) -> TrainOptions:
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    return train_options(parser.parse_args(["RUN", *flags]))


def test_flags_without_a_file_are_the_defaults() -> None:
    assert parsed() == TrainOptions()


def test_epochs_and_steps_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text("max_steps = 5")
    assert parsed("--epochs", "3", "--config", str(path)) == TrainOptions(epochs=3)
    path.write_text("epochs = 5")
    assert parsed("--max-steps", "3", "--config", str(path)) == TrainOptions(max_steps=3)
    path.write_text("epochs = 5\nmax_steps = 50")
    with pytest.raises(InputError, match="--epochs = 5: --max-steps 50 is another length; give o"):
        parsed("--config", str(path))
    assert parsed("--max-steps", "3", "--config", str(path)) == TrainOptions(max_steps=3)
    assert parsed("--epochs", "3", "--config", str(path)) == TrainOptions(epochs=3)
    with pytest.raises(SystemExit):
        parsed("--epochs", "3", "--max-steps", "3")


def test_every_option_has_a_flag_and_a_key(tmp_path: Path) -> None:
    values: dict[str, object] = {
        "model": "deep", "hidden_units": (8, 4), "members": 3, "activation": "gelu",
        "normalization": "layer", "pieces": 5,
        "dropout": 0.25, "l1": 0.5, "l2": 0.0, "max_norm": 3.0, "drop_features": ("a*", "b"),
        "optimizer": "sgd", "learning_rate": 0.5, "wide_optimizer": "ftrl",
        "wide_learning_rate": 0.25, "momentum": 0.5, "ema_momentum": 0.75,
        "weight_decay": 0.125, "schedule": "step",
        "warmup_steps": 7, "decay_rate": 0.75, "decay_every": 9, "decay_at": (8, 9),
        "clip_value": 1.5, "clip_norm": 2.5, "clip_global_norm": 3.5, "max_steps": 11,
        "batch_size": 13, "eval_every": 17, "eval_steps": 18, "patience": 19, "seed": 23,
    }  # fmt: skip
    exclusive = ("wide_optimizer", "clip_value", "clip_norm")
    chosen = {name: value for name, value in values.items() if name not in exclusive}
    others = {"epochs", "data", "best_by", "warm_start", "embeddings_from", "freeze_embeddings"}
    assert {*values, *others} == {field.name for field in fields(TrainOptions)}
    flags = []
    for name, value in chosen.items():
        flag = "--" + name.replace("_", "-")
        if name == "drop_features":
            flags += [flag, "a*", flag, "b"]
        else:
            flags += [flag, ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    assert parsed(*flags) == TrainOptions(**chosen)  # type: ignore[arg-type]
    of_rows = DataOptions(("x*",), "balanced", 7, False, 2, 9, 0, False)
    assert all(value != getattr(DataOptions(), name) for name, value in vars(of_rows).items())
    flags += as_flags(TrainOptions(data=of_rows))
    chosen["data"] = of_rows
    assert parsed(*flags) == TrainOptions(**chosen)  # type: ignore[arg-type]

    keys = {name: value for name, value in chosen.items() if name != "data"}
    lines = [
        f"{name} = {list(value) if isinstance(value, tuple) else repr(value)}"
        for name, value in keys.items()
    ]
    lines += [
        "train_files = ['x*']", "class_weights = 'balanced'", "memory_mb = 7", "cache = false",
        "interleave = 2", "shuffle_buffer = 9", "prefetch = 0", "deterministic = false",
    ]  # fmt: skip
    path = tmp_path / "model.toml"
    path.write_text("\n".join(lines))
    assert parsed("--config", str(path)) == TrainOptions(**chosen)  # type: ignore[arg-type]
    more = ["--seed", "1", "--hidden-units", "2", "--cache", "--train-files", "y"]
    won = parsed("--config", str(path), *more, "--prefetch", "1")
    rows = replace(of_rows, cache=True, files=("y",), prefetch=1)
    assert won == TrainOptions(**{**chosen, "seed": 1, "hidden_units": (2,), "data": rows})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning-rate = 1.0", ["no such option", "did you mean learning_rate"]),
        ("zzz = 1", ["no such option", "use model, hidden_units"]),
        ("files = ['a']", ["no such option"]),
        ("class_weights = 3", ["class_weights = 3: a int; give a table, each value a number"]),
        ("class_weights = {a = 'b'}", ["a table, each value a number or one of balanced"]),
        ("train_files = 'a'", ["train_files = 'a': a str; give a list, each item text"]),
        ("seed = 1.5\nl2 = true", ["seed = 1.5: a float; give a whole number", "l2 = True"]),
        ('optimizer = "lion"', ["optimizer = 'lion'", "one of adadelta"]),
        ("hidden_units = 128", ["hidden_units = 128", "a list, each item a whole number"]),
        ("hidden_units = [1, 2.5]", ["a list, each item a whole number"]),
        ('max_norm = "3"', ["max_norm = '3': a str; give a number"]),
        ('model = "my_models:build"', ["names no code to run", "--model my_models:build"]),
        ("seed = ", ["cannot be read", "hidden_units = [128, 64]"]),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        parsed("--config", str(path))
    assert str(path) in str(error.value)
    assert all(word in str(error.value) for word in words)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"no/such\.toml cannot be read"):
        parsed("--config", "no/such.toml")


@pytest.mark.parametrize("change", [{"split": "dev"}, {"threshold": 1.5}])
def test_evaluation_options_are_checked(change: dict) -> None:
    with pytest.raises(InputError, match="evaluation options"):
        EvaluateOptions(**change)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_folder_without_a_run_is_a_line_and_status_2(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "no/such/run"]) == 2
    assert capsys.readouterr().err.endswith(
        "\nerror: no/such/run is not there; make one with `forebay preprocess`\n"
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
        {"epochs": 2, "batch_size": 9, "clip_norm": 0.5, "wide_optimizer": "ftrl"},
        {"decay_at": (3, 50), "schedule": "step", "momentum": 0.5, "max_norm": 2.0},
        {"data": DataOptions(("x*",), {"no": 1.0, "it's": 2.5}, 7, deterministic=False)},
        {"data": DataOptions(class_weights="balanced", interleave=2, shuffle_buffer=9, prefetch=0)},
        {"data": DataOptions(('part "0"\\*',), {"\U0001f600 \x7f": 1.0, "é\n": 0.5}, cache=False)},
        {"model": "mine:layers", "data": DataOptions(class_weights={"a:b, c": 3.0})},
    ],
)
def test_options_are_written_as_they_are_read(change: dict, tmp_path: Path) -> None:
    options = TrainOptions(**change)
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    assert train_options(parser.parse_args(["run", *as_flags(options)])) == options
    config = tmp_path / "options.toml"
    config.write_text(as_toml(options), encoding="utf-8")
    code = code_flags(options)
    assert train_options(parser.parse_args(["run", "--config", str(config), *code])) == options
    assert bool(code) == options.is_own_model
