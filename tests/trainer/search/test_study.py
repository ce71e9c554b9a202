"""The journal of a sweep: it continues, and hopeless trials are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna import TrialPruned

from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.options import TrainOptions
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.sweep import Search
from forebay.trainer.search.space import distributions, own_parameters, tried_options
from forebay.trainer.search.study import JOURNAL_NAME, Study, open_study
from forebay.trainer.search.sweep import Watch
from forebay.transforms.errors import RunFolderError

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


def test_the_first_trial_is_the_users_own(tmp_path: Path) -> None:
    own = own_parameters(TrainOptions(learning_rate=0.05, batch_size=20), SEARCHES)
    assert own == {"learning_rate": 0.05, "batch_size": 20}
    params = opened(tmp_path).ask(own).params
    assert (params["learning_rate"], params["batch_size"]) == (0.05, 20)
