"""What nobody gives is chosen by the table, told in a line, and kept."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import partial
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.trainer.options import OptimizerName, TrainOptions
from forebay.trainer.options.choose import (
    DEEP_RATES,
    EVALUATIONS,
    Table,
    choose,
    default_of,
    default_rate,
    next_evaluation,
    steps_per_pass,
    told,
)

TABLES = st.builds(
    Table, st.integers(1, 10**8), st.integers(0, 5_000),
    st.sampled_from(["regression", "binary_classification", "multiclass_classification"]),
    st.integers(1, 9), st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "batch_size", "max_steps", "eval_every"),
    [
        (1_000, 64, 750, 38),
        (10_000, 128, 3_900, 195),
        (300_000, 512, 4_000, 200),
        (3 * 10**6, 512, 5_859, 293),
        (10**8, 512, 10_000, 500),
    ],
)
def test_batches_steps_and_evaluations_go_by_the_rows(
    rows: int, batch_size: int, max_steps: int, eval_every: int
) -> None:
    found = choose(TrainOptions(), Table(rows, 9, "regression")).options
    assert (found.batch_size, found.max_steps, found.eval_every) == (
        batch_size, max_steps, eval_every,
    )  # fmt: skip


def test_evaluations_begin_early_where_nobody_said_how_often() -> None:
    def steps(options: TrainOptions) -> list[int]:
        choice, found = choose(options, Table(10_000, 9, "regression")), [0]
        while len(found) < 7:
            found.append(next_evaluation(choice, found[-1]))
        return found[1:]

    assert steps(TrainOptions()) == [24, 48, 97, 195, 390, 585]
    assert steps(TrainOptions(eval_every=195)) == [195, 390, 585, 780, 975, 1170]
    assert steps(TrainOptions(max_steps=30)) == [1, 2, 5, 10, 20, 30]


@pytest.mark.parametrize(
    ("options", "momentum"),
    [
        (TrainOptions(), 0.99),
        (TrainOptions(model="deep"), 0.99),
        (TrainOptions(model="linear"), 0.0),
        (TrainOptions(l1=0.1), 0.0),
        (TrainOptions(l1=0.1, ema_momentum=0.5), 0.5),
    ],
)
def test_weights_of_hidden_layers_are_averaged(options: TrainOptions, momentum: float) -> None:
    assert choose(options, Table(10_000, 9, "regression")).options.ema_momentum == momentum


@given(TABLES)
def test_every_table_gives_options_that_are_complete(table: Table) -> None:
    found = choose(TrainOptions(), table).options
    assert found.batch_size % table.workers == 0
    assert 1 <= found.max_steps <= 10_000
    assert math.ceil(found.max_steps / found.eval_every) <= EVALUATIONS
    open_ones = {"wide_learning_rate", "epochs", "eval_steps"}
    for field in fields(TrainOptions):
        if getattr(TrainOptions(), field.name) is None and field.name in found.__annotations__:
            assert (getattr(found, field.name) is None) == (field.name in open_ones), field.name


@given(TABLES, st.sampled_from(get_args(OptimizerName)))
def test_what_is_given_stays_and_is_told_of_by_nobody(table: Table, name: OptimizerName) -> None:
    options = TrainOptions(
        optimizer=name,
        learning_rate=0.3,
        max_steps=7,
        batch_size=5,
        eval_every=3,
        members=2,
        ema_momentum=0.5,
        l2=0.5,
        pieces=3,
    )
    choice = choose(options, table)
    assert choice.chosen == {}
    assert {f.name: getattr(choice.options, f.name) for f in fields(TrainOptions)} == {
        f.name: getattr(options, f.name) for f in fields(TrainOptions)
    }
    assert len(list(told(choice, table))) == 1


def test_networks_are_averaged_where_there_are_hidden_layers_of_ours() -> None:
    table = Table(10_000, 9, "regression")
    found = {
        model: choose(TrainOptions(model=model), table).options.members
        for model in ("linear", "deep", "wide_deep", "mine:layers")
    }
    assert found == {"linear": 1, "deep": 4, "wide_deep": 4, "mine:layers": 1}
    (defaults, _) = told(choose(TrainOptions(), Table(10**7, 9, "regression")), table)
    assert "--members 4 (networks whose mean errs less)" in defaults
    assert "--max-steps 10000 (one epoch, 10,000 at the most)" in defaults


def test_rows_that_chance_splits_are_told_apart_more_finely() -> None:
    table = Table(20_000, 9, "regression", at_random=True)
    found = choose(TrainOptions(), table)
    assert (found.options.l2, found.options.pieces) == (5e-5, 8)
    (line, _) = told(found, table)
    assert "--l2 5e-05 (split at random, 20,000 rows or more), --pieces 8 (split" in line
    few = replace(table, rows=19_999)
    for other in (replace(table, at_random=False), few):
        options = choose(TrainOptions(), other).options
        assert (options.l2, options.pieces) == (5e-4, 0)
    (line, _) = told(choose(TrainOptions(), few), few)
    assert "--l2 0.0005 (split at random, 20,000 rows are not there)" in line


def test_rates_are_those_of_the_optimizer_and_the_model() -> None:
    rate = partial(default_rate, batch_size=512)
    assert rate("adadelta", linear=True, inputs=50) == 1.0
    assert rate("adadelta", linear=False, inputs=50) == 1.0
    for name in get_args(OptimizerName):
        assert rate(name, linear=False, inputs=50) == DEEP_RATES[name]
    assert rate("ftrl", linear=True, inputs=4) == 0.2
    assert rate("ftrl", linear=True, inputs=400) == 0.05
    # The greatest curvature of n standardised columns is 2 n: above 1 / n steps may grow.
    assert rate("sgd", linear=True, inputs=400) == 1 / 400
    assert rate("momentum", linear=True, inputs=400) == 0.1 / 400
    wide = choose(TrainOptions(wide_optimizer="ftrl"), Table(1_000, 400, "regression")).options
    assert wide.batch_size == 64
    expected = (0.05, pytest.approx(DEEP_RATES["adam"] * math.sqrt(64 / 512), rel=0.02))
    assert (wide.wide_learning_rate, wide.learning_rate) == expected


@given(TABLES, st.sampled_from(get_args(OptimizerName)))
def test_a_default_is_what_is_chosen_where_nobody_gives_the_option(
    table: Table, name: OptimizerName
) -> None:
    options = TrainOptions(optimizer=name, wide_optimizer=name)
    whole, given = choose(options, table).options, {"learning_rate": 0.7, "wide_learning_rate": 0.7}
    other = choose(replace(options, **given), table).options
    for rate in given:
        assert default_of(rate, other, table) == getattr(whole, rate)
    assert default_of("wide_learning_rate", replace(other, wide_optimizer=None), table) is None


@pytest.mark.parametrize(("batch_size", "share"), [(8, 1 / 8), (128, 0.5), (512, 1), (4_096, 1)])
def test_the_rate_of_adam_falls_with_the_root_of_small_batches(
    batch_size: int, share: float
) -> None:
    found = default_rate("adam", linear=False, inputs=50, batch_size=batch_size)
    assert found == pytest.approx(DEEP_RATES["adam"] * share, rel=0.02)  # two digits
    assert default_rate("sgd", linear=False, inputs=50, batch_size=batch_size) == DEEP_RATES["sgd"]


def test_what_was_chosen_before_stays() -> None:
    table = Table(1_000, 9, "regression")
    kept = {"batch_size": 96, "learning_rate": 0.7, "members": 3}
    choice = choose(TrainOptions(members=2), table, kept)
    assert (choice.options.batch_size, choice.options.learning_rate) == (96, 0.7)
    assert choice.options.members == 2
    assert choice.chosen["batch_size"] == 96
    assert "members" not in choice.chosen
    assert choice.options.max_steps == 50 * steps_per_pass(1_000, 96)


def test_what_is_told_is_what_is_taken() -> None:
    table = Table(10_000, 16, "binary_classification")
    defaults, steps = told(choose(TrainOptions(model="linear", optimizer="ftrl"), table), table)
    assert defaults.startswith("defaults for 10,000 rows, 16 inputs and a label of binary class")
    for words in (
        "--batch-size 128 (", "--max-steps 3900 (50 epochs, 4,000 at", "--eval-every 195 (",
        "--members 1 (no hidden layers",
        "--learning-rate 0.2 (ftrl's, of a linear model with 16 inputs)",
    ):  # fmt: skip
        assert words in defaults
    assert steps == "3,900 steps = 49.9 epochs · 10,000 rows / 128 a batch"
    given = TrainOptions(
        epochs=2, batch_size=9, eval_every=1, members=1, ema_momentum=0.0,
        learning_rate=1.0, l2=0.0, pieces=0,
    )  # fmt: skip
    (alone,) = told(choose(given, table), table)
    assert alone == "2,222 steps = 2 epochs · 10,000 rows / 9 a batch"
