"""The trials of a sweep, in a journal that outlives the process."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from forebay.storage.run.layout import JOURNAL_NAME
from forebay.transforms.errors import RunFolderError

# So many trials are drawn at random, and none is stopped before so many are done.
RANDOM_TRIALS, UNSTOPPED_TRIALS = 8, 4
_IDENTITY, _TRIED, _ERROR = "identity", "tried", "error"


@dataclass(frozen=True)
class Study:
    """The trials that a sweep has made and makes.

    A trial is a function of the seed and of the trials before it, so that a sweep that continues
    makes the trials that it would have made.

    Attributes:
        seed: the seed of the search.
        space: each option's distribution.
        optuna: Optuna's own study.
    """

    seed: int
    space: Mapping[str, BaseDistribution]
    optuna: optuna.Study

    @property
    def is_empty(self) -> bool:
        """Whether no trial has begun."""
        return not self.optuna.get_trials(deepcopy=False)

    @property
    def finished(self) -> list[FrozenTrial]:
        """The trials that came to an end, in order: trained, stopped as hopeless, or diverged."""
        return self.optuna.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))

    @property
    def interrupted(self) -> Mapping[str, Any] | None:
        """The options of the last trial that was killed, if none has come after it."""
        trials = self.optuna.get_trials(deepcopy=False)
        last = trials[-1] if trials else None
        if last is None or last.state != TrialState.FAIL:
            return None
        return last.user_attrs.get(_TRIED)

    def ask(self, own: Mapping[str, Any]) -> Trial:
        """Returns the next trial.

        Args:
            own: parameters of the first one, which is the user's own.
        """
        number = len(self.finished)
        self.optuna.sampler = TPESampler(
            seed=(self.seed * 1_000_003 + number) % 2**32, n_startup_trials=RANDOM_TRIALS
        )
        if number == 0 and own:
            self.optuna.enqueue_trial(dict(own))
        return self.optuna.ask(dict(self.space))

    def begun(self, trial: Trial, tried: Mapping[str, Any]) -> None:
        """Notes the options that a trial's training is begun with."""
        trial.set_user_attr(_TRIED, plain(tried))

    def ended(self, trial: Trial, loss: float | None, **notes: Any) -> None:
        """Notes how a trial ended: the loss, or None where it was stopped or diverged."""
        for name, value in notes.items():
            trial.set_user_attr(name, value)
        if loss is None:
            self.optuna.tell(trial, state=TrialState.PRUNED)
        else:
            self.optuna.tell(trial, loss)


def open_study(
    folder: str,
    seed: int,
    space: Mapping[str, BaseDistribution],
    identity: Mapping[str, Any],
) -> Study:
    """Opens a sweep's journal, or begins one.

    Args:
        folder: where it is, on a local disk; this process alone may use it.
        seed: the seed of the search.
        space: each option's distribution.
        identity: what must be the same for the sweep to continue.

    Raises:
        RunFolderError: the journal is another sweep's.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, JOURNAL_NAME)
    _drop_torn_line(path)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(path, _Held(path))),
        study_name="sweep",
        pruner=MedianPruner(n_startup_trials=UNSTOPPED_TRIALS),
        load_if_exists=True,
    )
    wanted = plain(identity)
    found = study.user_attrs.get(_IDENTITY)
    if found is None:
        study.set_user_attr(_IDENTITY, wanted)
    elif found != wanted:
        changed = [
            f"{name} was {found.get(name)!r} and is now {wanted.get(name)!r}"
            for name in sorted({*found, *wanted})
            if found.get(name) != wanted.get(name)
        ]
        raise RunFolderError(
            f"{path} belongs to another sweep: {'; '.join(changed)}; start anew with --fresh, or "
            "set the options as they were"
        )
    # A trial that runs though nobody trains it was killed.
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return Study(seed, space, study)


class _Held(JournalFileOpenLock):
    """Stands for Optuna's lock of the journal, a file: the sweep holds the whole folder."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _drop_torn_line(path: str) -> None:
    """Removes a last line that a kill cut short: nothing could be written after it."""
    if not os.path.exists(path):
        return
    with open(path, "rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def plain(value: Mapping[str, Any]) -> Any:
    """Returns a value as it is read back from JSON."""
    return json.loads(json.dumps(value))
