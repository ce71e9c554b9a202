"""The commands, the file and the model of docs/reference/training.md work."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
from doc_pages import Page

from forebay.trainer.options import (
    DataOptions,
    OptimizerName,
    TrainOptions,
    add_train_arguments,
    train_options,
)
from forebay.trainer.options.choose import Table, choose, default_rate, told
from forebay.trainer.task import main
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.labels import Classification

PAGE = Page("reference/training.md")
Copy = Callable[[Path], Path]
FEW_STEPS = ["--max-steps", "4", "--eval-every", "2", "--hidden-units", "4"]


def parsed(flags: list[str]) -> TrainOptions:
    parser = argparse.ArgumentParser()
    add_train_arguments(parser)
    return train_options(parser.parse_args(flags))


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's files, to run commands in."""
    (tmp_path / "model.toml").write_text(PAGE.code("toml")[0])
    own = next(block for block in PAGE.code("python") if "def gated" in block)
    (tmp_path / "my_models.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_understood(beside: Path) -> None:
    assert len(PAGE.commands()) > 12
    for forebay, train, *flags in PAGE.commands():
        assert (forebay, train) == ("forebay", "train")
        assert parsed(flags) != TrainOptions() or flags == ["runs/flights"]


def test_every_flag_is_on_the_page() -> None:
    others = [Page(f"reference/training-{name}.md") for name in ("data", "loop")]
    page = "\n".join(page.text for page in (PAGE, *others))
    for name in TrainOptions.__dataclass_fields__.keys() - {"data"}:
        assert f"--{name.replace('_', '-')}" in page or f"\n{name} =" in page, name


def test_the_defaults_are_what_is_chosen_and_told() -> None:
    by_rows = next(table for table in PAGE.tables if "rows of train" in table[0])
    for row in by_rows:
        rows, *expected = (int(cell.replace(",", "")) for cell in row.values())
        found = choose(TrainOptions(), Table(rows, 47, "regression")).options
        assert [found.batch_size, found.max_steps, found.eval_every] == expected
    table = Table(10_000, 47, "regression")
    lines = list(told(choose(TrainOptions(), table), table))
    assert (
        next(block for block in PAGE.code("text") if "defaults for" in block).split("\n")[:2]
        == lines
    )


def test_the_rates_are_the_optimizers() -> None:
    by_optimizer = next(table for table in PAGE.tables if "`--optimizer`" in table[0])
    rules: dict[str, Callable[[int], float]] = {
        "min(0.2, 1/√n)": lambda n: min(0.2, 1 / math.sqrt(n)),
        "min(0.05, 1/n)": lambda n: min(0.05, 1 / n),
        "a tenth of that": lambda n: 0.1 * min(0.05, 1 / n),
        "1": lambda n: 1.0,
    }
    root = re.compile(r"([\d.]+) · √\(batch / 512\), \1 at the most")
    names = []
    for row in by_optimizer:
        kinds, deep, linear = row.values()
        for name in re.findall(r"`(\w+)`", kinds):
            names.append(name)
            for batch in (64, 256, 512, 4_096):
                rate = partial(default_rate, name, batch_size=batch)
                found = root.fullmatch(deep)
                expected = float(found[1] if found else deep)
                if found:
                    expected *= math.sqrt(min(batch, 512) / 512)
                assert rate(linear=False, inputs=47) == pytest.approx(expected, rel=0.02)
                for n in (4, 47, 900):
                    assert rate(linear=True, inputs=n) == pytest.approx(rules[linear](n))
    assert sorted(names) == sorted(get_args(OptimizerName))


def test_the_file_says_what_the_flags_would(beside: Path) -> None:
    assert parsed(["RUN", "--config", "model.toml", "--seed", "7"]) == TrainOptions(
        hidden_units=(64, 32), normalization="layer", dropout=0.1, optimizer="adagrad",
        learning_rate=0.05, wide_optimizer="ftrl", wide_learning_rate=0.1, l1=1.0,
        schedule="step", decay_at=(3000, 6000), clip_global_norm=5.0, seed=7,
        data=DataOptions(("part-*",)),
    )  # fmt: skip


def test_weights_of_classes_are_a_table(beside: Path) -> None:
    (line,) = re.findall(r"`(class_weights = \{.*\})`", PAGE.text)
    (beside / "weights.toml").write_text(line)
    weights = parsed(["RUN", "--config", "weights.toml"]).data.class_weights
    assert weights == parsed(["RUN", "--class-weights", "0:1,1:5"]).data.class_weights


def test_the_file_trains(beside: Path, regression_run: Path, copy_of: Copy) -> None:
    run = str(copy_of(regression_run))
    assert main(["train", run, "--config", "model.toml", *FEW_STEPS, "--no-export"]) == 0


def test_the_label_is_one() -> None:
    label = PAGE.run_python()["label"]
    assert isinstance(label, Classification)
    assert not list(label.problems("label", {"delay_kind": String()}))
    answer = json.loads(PAGE.code("json")[0])
    assert answer["class"] == label.classes[0]
    assert len(answer["probabilities"]) == len(label.classes)


def test_the_own_model_trains_and_is_exported_with_the_graph(
    beside: Path, multiclass_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(copy_of(multiclass_run))
    (command,) = (line for line in PAGE.commands() if "my_models:gated" in line)
    assert main(["train", run, *command[3:], *FEW_STEPS, "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)["model"]
    # The export was asked in another process, which has no such module.
    record = json.loads((Path(exported) / "assets.extra/forebay.json").read_text())
    assert record["training"]["options"]["model"] == "my_models:gated"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def build(given): return given.numbers", "scores of shape (batch, 1) are wanted"),
        ("def build(given): raise KeyError('no')", "fails (KeyError: 'no')"),
        ("def other(given): pass", "cannot be imported"),
        (
            "import keras\ndef build(given): return keras.layers.Lambda(lambda x: x[:, :1])("
            "given.numbers)",
            "with code of its own (Lambda)",
        ),
    ],
)
def test_own_models_that_are_none_are_named(
    beside: Path, regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str],
    code: str, words: str,
) -> None:  # fmt: skip
    module = f"own_{abs(hash(code))}"
    (beside / f"{module}.py").write_text(code)
    run = str(copy_of(regression_run))
    assert main(["train", run, "--model", f"{module}:build"]) == 2
    assert words in capsys.readouterr().err
