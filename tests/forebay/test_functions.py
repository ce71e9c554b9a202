"""The functions are the commands: same options, same words, same errors; typed and told once."""

from __future__ import annotations

import argparse
import datetime as dt
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import forebay as fb
from forebay.cli import COMMANDS
from forebay.functions.training import Evaluation
from forebay.pipelines.runners.engines import ENGINES
from forebay.pipelines.sources.spool import several, several_by_split
from forebay.trainer.options import TrainOptions
from forebay.transforms.errors import InputError, RunFolderError, UserError

FUNCTIONS = {name: getattr(fb, name.replace("-", "_")) for name in COMMANDS}
# What flags are for people alone, or are otherwise said in Python.
OF_THE_TERMINAL = {"json", "quiet", "verbose", "debug", "help", "query_parameter", "config"}
OTHERWISE = {
    # the flag's name: the option's
    "input": "inputs", "source": "sources", "train_files": "files", "exporter": "exporters",
    "no_export": "exporters", "no_tensorboard": "tensorboard",
}  # fmt: skip
# Python gives these by the table that is returned, or takes a frame instead.
OF_FILES = {"predict": {"instances", "output", "rejects", "ignore_extra", "on", "dry_run"}}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_function_with_its_options(name: str) -> None:
    parser = argparse.ArgumentParser()
    COMMANDS[name].add_arguments(parser)
    flags = {action.dest for action in parser._actions} - OF_THE_TERMINAL
    flags -= OF_FILES.get(name, set())
    # Python gives an engine as what it is: a dataclass of these.
    flags -= {f"{on}_{one.name}" for on, engine in ENGINES.items() for one in fields(engine)}

    options = set(inspect.signature(FUNCTIONS[name]).parameters)

    assert {OTHERWISE.get(flag, flag) for flag in flags} <= options


def test_a_folder_of_predictions_has_a_function_of_its_own() -> None:
    to_folder = inspect.signature(fb.predict_to_folder).parameters
    assert {*inspect.signature(fb.predict).parameters, "output", "on", "dry_run"} == {*to_folder}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_option_is_told_once_and_typed(name: str) -> None:
    function = FUNCTIONS[name]
    told = str(inspect.getdoc(function)).partition("Args:\n")[2].partition("\n\n")[0]

    for option, parameter in inspect.signature(function).parameters.items():
        assert told.count(f"\n    {option}: ") + told.startswith(f"    {option}: ") == 1, option
        assert parameter.annotation is not inspect.Parameter.empty
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty


def test_a_default_is_the_options_own() -> None:
    parameters = inspect.signature(fb.train).parameters
    for field in fields(TrainOptions):
        if field.name != "data":
            assert parameters[field.name].default == field.default


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda: fb.train("nowhere", max_step=3), TypeError, "train has no option 'max_step'; did"),
        (lambda: fb.train("nowhere", 3), TypeError, "takes its options by name"),
        (lambda: fb.train("nowhere", max_steps=-3), InputError, "--max-steps = -3"),
        (lambda: fb.train("nowhere", exporters=["none"]), InputError, "no such choice"),
        (lambda: fb.train("nowhere"), RunFolderError, "nowhere is not there"),
        (lambda: fb.evaluate("nowhere", split="best"), InputError, "--split = 'best'"),
        (lambda: fb.report("nowhere"), RunFolderError, "nowhere is not there"),
        (lambda: fb.check("no.py", "no.csv"), InputError, "'no.py' cannot be read"),
        (lambda: fb.init(42), InputError, "the int given as inputs cannot be read as a table"),
        (lambda: fb.train(42), InputError, "train: run = 42: a whole number; write a text, the r"),
        (lambda: fb.train("no", max_steps="3"), InputError, "max_steps = '3': a text; write a wh"),
        (lambda: fb.train("no", hidden_units="64"), InputError, "a text; write a list of whole"),
        (lambda: fb.preprocess(42, "a", output="b"), InputError, "preprocess: definition = 42:"),
        (lambda: fb.preprocess("a", "b", output=3), InputError, "output = 3: a whole number; wr"),
        (lambda: fb.preprocess("a", "b"), TypeError, "preprocess: missing a required argument"),
        (lambda: fb.preprocess("a", "b", output="c", sources=[1]), InputError, "a dict of names"),
        (lambda: fb.predict("a", "b", beam="--x"), InputError, "one where several are meant"),
        (lambda: fb.sweep("no", search=[("l", 1)]), InputError, "search = 1: a whole number; wr"),
        (lambda: fb.lr_find("no", lowest="x"), InputError, "lr_find: lowest = 'x': a text; wri"),
        (lambda: fb.Run("nowhere").model, RunFolderError, "nowhere"),
    ],
    ids=range(20),
)
def test_mistakes_are_exceptions(call: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        call()
    assert issubclass(kind, UserError | TypeError)


def test_one_table_or_several(tmp_path: Path) -> None:
    frame, rows = pl.DataFrame({"a": [1]}), [{"a": 1}, {"a": 2}]

    assert several("a.csv") == ("a.csv",)
    assert several(tmp_path) == (str(tmp_path),)
    assert several(["a.csv", tmp_path]) == ("a.csv", str(tmp_path))
    assert several(rows) == (rows,)
    assert several(()) == ()
    assert several([frame, rows]) == (frame, rows)
    assert several(frame)[0] is frame
    table = pa.table({"a": [1]})
    named = several_by_split({"train": [frame, table], "eval": rows})
    assert [one.split for one in named] == ["train", "train", "eval"]
    # Frames are not compared: what is kept is each of them itself.
    assert all(one.given is given for one, given in zip(named, [frame, table, rows], strict=True))


def test_what_is_guessed_of_a_frame_is_a_definition_and_its_file(tmp_path: Path) -> None:
    rows = 400
    frame = pl.DataFrame(
        {
            "shop": [f"shop {i % 7}" for i in range(rows)],
            "price": [float(i * 37 % 101) for i in range(rows)],
            "sold": [i * i % 53 for i in range(rows)],
        }
    )

    found = fb.init(frame, label="sold", output=str(tmp_path / "shops.py"))

    assert found.dataset.label.column == "sold"
    assert (tmp_path / "shops.py").read_text("utf-8") == found.source
    assert isinstance(found.dataset.columns["shop"], fb.String)
    with pytest.raises(InputError, match="there already"):
        fb.init(frame, label="sold", output=str(tmp_path / "shops.py"))


def test_a_row_of_a_frame_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    noon = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    frame = pl.DataFrame(
        {
            "shop": ["a", "a", "b", "a"],
            "at": [noon + dt.timedelta(minutes=10 * i) for i in range(4)],
            "sold": [2.0, 4.0, 9.0, 7.0],
        }
    )
    shops = fb.Dataset(
        name="shops",
        columns={"shop": fb.String(), "at": fb.Timestamp(), "sold": fb.Number()},
        row_time="at",
        windows=[fb.Windowed("sold", key="shop", over="1h", ops=fb.mean())],
        features=[fb.Numeric("sold_mean_1h_by_shop")],
        label=fb.Regression("sold"),
        split=fb.HashSplit("shop"),
    )

    found = fb.explain(shops, frame, row="sold=7.0")

    assert {name: one.value for name, one in found.columns.items()} == {"sold_mean_1h_by_shop": 3.0}
    found.print()
    assert "the DataFrame given as inputs:1" in capsys.readouterr().out
    with pytest.raises(InputError, match="matches no row"):
        fb.explain(shops, frame, row="sold=8.0")


def test_a_report_is_of_the_training_rows(regression_run: Path) -> None:
    found = fb.report(fb.Run(str(regression_run)))

    assert found.rows == 4_000
    assert found.dataset == "trips-regression"
    assert len(found.outputs) > 3
    with pytest.raises(InputError, match="matches no output"):
        fb.report(regression_run, output=["nothing"])


HOSTILE = "<img src=x onerror=alert(1)>"


def test_definitions_and_evaluations_are_shown_escaped() -> None:
    definition = fb.Dataset(
        name="shops",
        columns={HOSTILE: fb.String(nulls=(HOSTILE,)), "sold": fb.Number(), "at": fb.Timestamp()},
        row_time="at",
        windows=[fb.Windowed("sold", over="1h", ops=fb.mean())],
        features=[fb.Numeric("sold_mean_1h")],
        label=fb.Regression("sold"),
        split=fb.HashSplit(HOSTILE),
        passthrough=["at"],
    )
    report = {
        "dataset": HOSTILE, "split": "test", "rows": 1_234, "label": HOSTILE,
        "metrics": {"rmse": 12.5}, "baselines": [{"name": HOSTILE, "metrics": {"rmse": 13.5}}],
    }  # fmt: skip

    for shown in (definition._repr_html_(), Evaluation(report)._repr_html_()):
        assert "<img" not in shown
        assert "&lt;img src=x" in shown
    assert "sold_mean_1h" in definition._repr_html_()
    assert "1,234 rows" in Evaluation(report)._repr_html_()
