"""The journal of a sweep: it continues, and hopeless trials are stopped."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from optuna import TrialPruned

from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.options import OptimizerName, TrainOptions
from forebay.trainer.options.choose import Table, choose
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.searches import Search, default_searches, searchable
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.search.space import distributions, own_parameters, tried_options
from forebay.trainer.search.study import JOURNAL_NAME, Study, open_study
from forebay.trainer.search.sweep import Watch
from forebay.transforms.errors import InputError, RunFolderError

SEARCHES = (
    Search.parse(["learning-rate", "1e-4..1e-1"]),
    Search.parse(["hidden-units", "8", "8,4", "16,8"]),
    Search.parse(["batch-size", "10..50"]),
)


def opened(folder: Path, seed: int = 1) -> Study:
    return open_study(str(folder), seed, distributions(SEARCHES), {"seed": seed})


def make_trials(study: Study, count: int) -> list[dict[str, Any]]:
    """Asks for trials, each as good as its learning rate is near to 0.01."""
    asked = []
    for _ in range(count):
        trial = study.ask({})
        asked.append(trial.params)
        study.ended(trial, abs(trial.params["learning_rate"] - 0.01))
    return asked


def test_trials_are_the_same_however_often_it_is_interrupted(tmp_path: Path) -> None:
    whole = make_trials(opened(tmp_path / "whole"), 12)
    parts = make_trials(opened(tmp_path / "parts"), 3)
    opened(tmp_path / "parts").ask({})  # Killed: it never ends.
    parts += make_trials(opened(tmp_path / "parts"), 7)
    opened(tmp_path / "parts").ask({})
    parts += make_trials(opened(tmp_path / "parts"), 2)
    assert parts == whole
    assert make_trials(opened(tmp_path / "other", seed=2), 3) != whole[:3]


def test_later_trials_come_nearer(tmp_path: Path) -> None:
    rates = [one["learning_rate"] for one in make_trials(opened(tmp_path), 30)]
    far = [abs(rate - 0.01) for rate in rates]
    assert sorted(far[20:])[5] < sorted(far[:8])[4]


def test_what_a_kill_leaves_of_a_line_is_dropped(tmp_path: Path) -> None:
    before = make_trials(opened(tmp_path), 2)
    with (tmp_path / JOURNAL_NAME).open("ab") as journal:
        journal.write(b'{"op_code": 4, "work')
    study = opened(tmp_path)
    assert [trial.params for trial in study.finished] == before
    make_trials(study, 1)
    assert len(opened(tmp_path).finished) == 3


def test_another_sweeps_journal_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, seed=1)
    with pytest.raises(RunFolderError, match=r"another sweep: seed was 1 and is now 2.*--fresh"):
        opened(tmp_path, seed=2)


def test_the_options_of_a_killed_trial_are_known_until_another_comes(tmp_path: Path) -> None:
    study = opened(tmp_path)
    study.begun(study.ask({}), {"hidden_units": (8, 4)})
    again = opened(tmp_path)
    assert again.interrupted == {"hidden_units": [8, 4]}
    make_trials(again, 1)
    assert again.interrupted is None


def state(losses: list[float]) -> TrainingState:
    steps = range(10, 10 * len(losses) + 1, 10)
    history = [Evaluation(s, 0.0, loss, loss, {}) for s, loss in zip(steps, losses, strict=True)]
    return TrainingState(10 * len(losses), tuple(history))


def train_with(study: Study, losses: list[float]) -> int:
    """Reports a training that has these losses; returns how many it came to."""
    trial = study.ask({})
    watch = Watch(trial, first_stop=15)
    for i in range(1, len(losses) + 1):
        try:
            watch(state(losses[:i]))
        except TrialPruned:
            study.ended(trial, None)
            return i
    study.ended(trial, min(losses))
    return len(losses)


def test_hopeless_trials_are_stopped_after_the_warm_up(tmp_path: Path) -> None:
    study = opened(tmp_path)
    for level in (1.0, 1.1, 1.2, 9.0):
        assert train_with(study, [level + 3, level + 2, level + 1, level]) == 4
    assert train_with(study, [8.0, 7.0, 6.0, 5.0]) == 2
    assert train_with(study, [9.0, 2.5, 1.5, 0.5]) == 4
    # One that continues tells of the evaluations before, too.
    trial = study.ask({})
    Watch(trial, first_stop=15)(state([3.0, 2.0]))
    (running,) = [one for one in study.optuna.trials if one.number == trial.number]
    assert running.intermediate_values == {10: 3.0, 20: 2.0}


def test_parameters_are_options_and_back(tmp_path: Path) -> None:
    study = opened(tmp_path)
    for _ in range(10):
        trial = study.ask({})
        tried = tried_options(TrainOptions(), SEARCHES, trial.params)
        assert tried.hidden_units in {(8,), (8, 4), (16, 8)}
        assert isinstance(tried.batch_size, int)
        assert 10 <= tried.batch_size <= 50
        assert tried.learning_rate == pytest.approx(trial.params["learning_rate"], rel=5e-3)
        assert float(f"{tried.learning_rate:.3g}") == tried.learning_rate
        back = own_parameters(tried, SEARCHES)
        assert back["hidden_units"] == as_text(tried.hidden_units)
        study.ended(trial, 1.0)


def searched(option: str) -> Search:
    """Where an option may be searched, whatever its kind."""
    read = searchable()[option]
    kinds = {field.name: field.type for field in fields(TrainOptions)}
    named = [name for part in (kinds[option], *get_args(kinds[option])) for name in get_args(part)]
    if read in (int, float):
        words = ["1..3"] if read is int else ["0.1..0.9"]
    elif read is not str:
        words = ["3,5", "4,6,8"]
    else:
        words = [name for name in named if isinstance(name, str)] or ["linear", "deep"]
    return Search.parse([option.replace("_", "-"), *words])


@pytest.mark.parametrize("option", searchable())
def test_every_option_is_searched_whether_it_is_given_or_not(option: str, tmp_path: Path) -> None:
    search = (searched(option),)
    base = TrainOptions(wide_optimizer="sgd")
    SweepOptions(base, search)
    study = open_study(str(tmp_path), 0, distributions(search), {})
    table = Table(4_000, 9, "regression")
    own = own_parameters(choose(base, table).options, search)
    for number in range(3):
        trial = study.ask(own)
        assert number or own.items() <= trial.params.items()
        tried = tried_options(base, search, trial.params)
        assert choose(tried, table).options.max_steps > 0
        assert as_text(getattr(tried, option)) != as_text(None)
        study.ended(trial, 1.0)


def test_what_the_user_gives_is_tried_to_the_last_digit(tmp_path: Path) -> None:
    base = TrainOptions(learning_rate=0.0123456)
    params = opened(tmp_path).ask(own_parameters(base, SEARCHES)).params
    assert tried_options(base, SEARCHES, params).learning_rate == 0.0123456


def test_what_a_model_has_no_place_for_is_left_out() -> None:
    searches = tuple(
        Search.parse(words.split()) for words in (
            "model linear deep wide_deep", "members 1..8", "wide-optimizer ftrl sgd",
            "wide-learning-rate 0.01..1",
        )
    )  # fmt: skip
    SweepOptions(TrainOptions(members=4, wide_optimizer="adam"), searches)
    drawn = {"members": 8, "wide_optimizer": "ftrl", "wide_learning_rate": 0.5}
    tried = {
        model: tried_options(TrainOptions(), searches, {**drawn, "model": model})
        for model in ("linear", "deep", "wide_deep")
    }
    assert tried == {
        "linear": TrainOptions(model="linear"),
        "deep": TrainOptions(model="deep", members=8),
        "wide_deep": TrainOptions(**drawn),
    }


@pytest.mark.parametrize(
    ("train", "searches", "told"),
    [
        ({}, ("clip-norm 1..5", "clip-value 1..5"), "several ways to clip gradients; choose one"),
        ({"clip_norm": 1.0}, ("dropout 0 0.1", "clip-value 1..5"), "several ways to clip gradie"),
        ({"model": "linear"}, ("members 1 4",), "--members = 4: --model linear has no hidden lay"),
        ({}, ("members 1 4", "model linear m:f"), "--search = 'members': neither linear nor m:f h"),
        ({}, ("model linear deep", "wide-optimizer adam ftrl"), "neither linear nor deep has any"),
        ({"max_steps": 9}, ("l2 0 1", "warmup-steps 0..9"), "--warmup-steps = 9: not below --max"),
        ({"eval_steps": 2}, ("batch-size 64 128",), "--eval-steps = 2: trials would be measured"),
        ({"eval_steps": 2}, ("batch-size 9..99",), "leave it out, or search no batch-size"),
        ({}, ("best-by rmse mae",), "--search best-by: no option to search"),
    ],
)
def test_what_can_be_no_trial_or_none_to_compare_is_refused_before_there_is_one(
    train: dict[str, Any], searches: tuple[str, ...], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        SweepOptions(TrainOptions(**train), tuple(Search.parse(one.split()) for one in searches))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"model": "linear"},
        *({"optimizer": name} for name in get_args(OptimizerName)),
        *({"optimizer": name, "model": "linear"} for name in get_args(OptimizerName)),
        {"learning_rate": 3.0, "batch_size": 4096, "l2": 0.5, "dropout": 0.8, "hidden_units": (9,)},
        {"l2": 0.0, "eval_steps": 3, "learning_rate": 1e-9, "warmup_steps": 5_000},
    ],
)
@pytest.mark.parametrize("rows", [900, 8_000, 10_000_000])
def test_the_first_trial_of_a_sweep_by_default_has_the_options_given(
    given: dict[str, Any], rows: int, tmp_path: Path
) -> None:
    base = TrainOptions(**{"max_steps": 6_000, **given})
    table = Table(rows, 47, "regression")
    own = choose(base, table).options
    searches = default_searches(own)
    SweepOptions(base, searches)
    study = open_study(str(tmp_path), 0, distributions(searches), {})
    first = study.ask(own_parameters(own, searches))
    tried = choose(tried_options(base, searches, first.params), table).options
    rate = own.learning_rate if "learning_rate" in given else pytest.approx(own.learning_rate, 5e-3)
    assert tried.learning_rate == rate
    assert replace(tried, learning_rate=own.learning_rate) == own
    names = {search.option for search in searches}
    assert "learning_rate" in names
    assert ("batch_size" in names) == ("eval_steps" not in given)
    assert ("l2" in names) == (own.l2 > 0)
    assert ("dropout" in names) == ("hidden_units" in names) == (own.model != "linear")
    (rates,) = (search for search in searches if search.option == "learning_rate")
    assert rates.log
    assert rates.low * 20 < own.learning_rate < rates.high / 5


def test_the_first_trial_is_the_users_own(tmp_path: Path) -> None:
    own = own_parameters(TrainOptions(learning_rate=0.05, batch_size=20), SEARCHES)
    assert own == {"learning_rate": 0.05, "batch_size": 20}
    params = opened(tmp_path).ask(own).params
    assert (params["learning_rate"], params["batch_size"]) == (0.05, 20)
