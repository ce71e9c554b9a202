"""The peer of our models: LightGBM on the same rows and columns, in the form that suits trees.

Trees see the order of numbers alone, so a scaled number serves them as well as a raw one. What
filling in hides is undone: a number is NaN where its indicator, or that of a column it is computed
from, says that it is missing. Ids of categories are declared categorical; buckets and calendar
parts, whose ids have an order, are numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput
from forebay.trainer.examples.split_reader import Examples
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Feature, Numeric
from forebay.transforms.definition.labels import Task

MAX_TREES = 2_000
PATIENCE = 50
# One: threads wait for each other by spinning, which costs most where others work too.
THREADS = 1

Columns = Mapping[str, npt.NDArray[np.float32]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PeerRows:
    """Rows of a split as LightGBM is given them.

    Attributes:
        columns: float32 (n,) each, NaN where a number is missing, by output.
        categorical: the outputs that are categories.
        label: float32 (n,), in its own units; 0 or 1.
        baseline: the label's first baseline, float64 (n,); None where it has none.
    """

    columns: Columns
    categorical: tuple[str, ...]
    label: npt.NDArray[np.float32]
    baseline: Floats | None

    @property
    def matrix(self) -> npt.NDArray[np.float32]:
        """All columns, float32 (n, columns)."""
        return np.column_stack(list(self.columns.values()))


@dataclass(frozen=True)
class PeerOptions:
    """What was searched for LightGBM, by its own names; and what it is given.

    Attributes:
        crosses: whether it is given the crosses, as categories; trees make crosses of their own.
        from_baseline: whether trees are added to the label's first baseline, not to its mean.
    """

    num_leaves: int = 63
    learning_rate: float = 0.05
    min_data_in_leaf: int = 20
    feature_fraction: float = 1.0
    lambda_l2: float = 0.0
    crosses: bool = True
    from_baseline: bool = False


# What a search draws from.
CHOICES: Mapping[str, Sequence[Any]] = {
    "num_leaves": (15, 31, 63, 127),
    "learning_rate": (0.05, 0.1),
    "min_data_in_leaf": (20, 100, 400),
    "feature_fraction": (0.3, 0.6, 1.0),
    "lambda_l2": (0.0, 10.0, 100.0),
    "crosses": (True, False),
    "from_baseline": (True, False),
}


def candidates(trials: int, *, has_baseline: bool, seed: int = 0) -> Iterator[PeerOptions]:
    """Yields LightGBM's own defaults, as far as they are options, then random draws of `CHOICES`.

    Args:
        trials: how many, the first included.
        has_baseline: whether the label has a baseline to start from.
        seed: the seed of the draws.
    """
    yield PeerOptions(num_leaves=31, learning_rate=0.1)
    random = np.random.default_rng(seed)
    for _ in range(trials - 1):
        drawn = {
            name: values[int(random.integers(len(values)))] for name, values in CHOICES.items()
        }
        yield PeerOptions(**{**drawn, "from_baseline": drawn["from_baseline"] and has_baseline})


def peer_rows(
    dataset: Dataset, inputs: ModelInputs, examples: Examples, *, crosses: bool
) -> PeerRows:
    """Turns what our models are given into what LightGBM is given.

    Args:
        dataset: the definition, which says what the columns are.
        inputs: the columns of the matrices.
        examples: the rows, the label's first baseline carried.
        crosses: whether crosses are among the columns.
    """
    given = _by_name(inputs, examples)
    missing = _missing(dataset.features, given)
    owners = {output: feature for feature in dataset.features for output in feature.outputs}
    columns: dict[str, npt.NDArray[np.float32]] = {}
    categorical = []
    for name, values in given.items():
        match owners.get(name):
            case Crossed() if not crosses:
                continue
            case Numeric() as feature:
                if name == feature.output:  # else an indicator: the number itself is NaN there
                    columns[name] = _with_gaps(values, feature, missing)
                continue
            case Categorical() | Crossed():
                categorical.append(name)
        columns[name] = values
    baselines = dataset.label.baselines[:1]
    baseline = examples.carried[baselines[0]].astype(np.float64) if baselines else None
    return PeerRows(columns, tuple(categorical), examples.label, baseline)


def _by_name(inputs: ModelInputs, examples: Examples) -> Columns:
    columns: tuple[NumericInput | CategoricalInput, ...] = (*inputs.numeric, *inputs.categorical)
    if lists := [column.name for column in columns if column.width != 1]:
        raise ValueError(f"trees take single values, and {lists} are lists")
    numbers = zip((c.name for c in inputs.numeric), examples.numbers.T, strict=True)
    ids = zip((c.name for c in inputs.categorical), examples.ids.T, strict=True)
    return {**dict(numbers), **{name: values.astype(np.float32) for name, values in ids}}


def _missing(features: Sequence[Feature], given: Columns) -> dict[Any, npt.NDArray[np.bool_]]:
    """Where columns are missing, bool (n,), by column; of those that have an indicator."""
    return {
        feature.column: given[feature.indicator_output] > 0.5
        for feature in features
        if isinstance(feature, Numeric) and feature.indicator_output in given
    }


def _with_gaps(
    values: npt.NDArray[np.float32], feature: Numeric, missing: Mapping[Any, Any]
) -> npt.NDArray[np.float32]:
    gaps = [missing[name] for name in (feature.column, *feature.inputs) if name in missing]
    return np.where(np.logical_or.reduce(gaps), np.nan, values) if gaps else values


@dataclass(frozen=True)
class Peer:
    """A trained LightGBM.

    Attributes:
        booster: its trees.
        from_baseline: whether they are added to the baseline.
        trees: how many of them answer: those up to the best by the eval split.
    """

    booster: lightgbm.Booster
    from_baseline: bool
    trees: int

    def answer(self, rows: PeerRows) -> Floats:
        """Returns answers in label units, or probabilities, float64 (n,)."""
        found = np.asarray(self.booster.predict(rows.matrix, num_iteration=self.trees))
        start = _start(rows, self.from_baseline)
        return found if start is None else found + start


def fit(task: Task, train: PeerRows, evaluation: PeerRows, options: PeerOptions, seed: int) -> Peer:
    """Adds trees until the eval split has had none better for `PATIENCE` of them.

    They are stopped by what they are judged by: RMSE, or AUC.
    """
    sets: list[lightgbm.Dataset] = []
    for rows in (train, evaluation):
        sets.append(
            lightgbm.Dataset(
                rows.matrix, rows.label, init_score=_start(rows, options.from_baseline),
                feature_name=list(rows.columns), categorical_feature=list(rows.categorical),
                reference=sets[0] if sets else None,
            )
        )  # fmt: skip
    booster = lightgbm.train(
        {**_parameters(task, options), "seed": seed},
        sets[0],
        MAX_TREES,
        valid_sets=[sets[1]],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return Peer(booster, options.from_baseline, booster.best_iteration)


def _start(rows: PeerRows, from_baseline: bool) -> Floats | None:
    return rows.baseline if from_baseline else None


def _parameters(task: Task, options: PeerOptions) -> dict[str, Any]:
    own = {k: v for k, v in asdict(options).items() if k not in ("crosses", "from_baseline")}
    regression = task == "regression"
    return {
        **own,
        "objective": "regression" if regression else "binary",
        "metric": "rmse" if regression else "auc",
        # Rows are drawn anew for every tree: what makes seeds differ where all columns are used.
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "num_threads": THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
