"""What a model is given: the transformed columns it reads, and the sizes of its categories."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from itertools import accumulate, pairwise
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from forebay.storage.run.run_folder import RunFolder
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Crossed, Feature
from forebay.transforms.definition.features.pooling import Pooling
from forebay.transforms.errors import InputError

# The output of this name and width, where there is one, weighs the ids of a list.
WEIGHT_SUFFIX = "_weight"


@dataclass(frozen=True)
class NumericInput:
    """An output of numbers.

    Attributes:
        name: the transformed output.
        width: how many numbers a row has.
        pieces: how many pieces its range is cut into; 0: none.
    """

    name: str
    width: int = 1
    pieces: int = 0


@dataclass(frozen=True)
class CategoricalInput:
    """An output of ids.

    Attributes:
        name: the transformed output.
        size: how many ids there are.
        lowest: the least id; the model counts from it.
        embed: dimensions of the embedding on the deep side; 0: none.
        width: how many ids a row has.
        pooling: for lists, how their embeddings become one; the last id is padding there. None:
            a row has one id, and the last one is a category like others.
        weight: the output of numbers that weighs the ids; None: all weigh one.
        one_hot: whether the deep side is given a one-hot; without it and an embedding, only the
            wide side sees the ids.
    """

    name: str
    size: int
    lowest: int
    embed: int
    width: int = 1
    pooling: Pooling | None = None
    weight: str | None = None
    one_hot: bool = False


@dataclass(frozen=True)
class ModelInputs:
    """The transformed columns that a model reads, in the order of its input matrices.

    Attributes:
        numeric: the float32 columns.
        categorical: the int64 columns, and the weights that belong to them.
    """

    numeric: tuple[NumericInput, ...]
    categorical: tuple[CategoricalInput, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All transformed columns: numbers, ids, weights."""
        numbers = (column.name for column in self.numeric)
        return (*numbers, *(column.name for column in self.categorical), *self.weights)

    @property
    def weighted(self) -> tuple[CategoricalInput, ...]:
        """The lists of ids that have weights, in the order of the matrix of weights."""
        return tuple(column for column in self.categorical if column.weight)

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the weights' columns."""
        return tuple(str(column.weight) for column in self.weighted)

    @property
    def in_pieces(self) -> list[int]:
        """The places, in the matrix of numbers, of those whose range is cut into pieces."""
        places = zip(self.numeric, slots(self.numeric), strict=True)
        return [place.start for column, place in places if column.pieces]

    def cut(self, pieces: int) -> "ModelInputs":
        """Returns these with the range of each number, lists aside, cut into so many pieces."""
        numeric = (replace(c, pieces=pieces) if c.width == 1 else c for c in self.numeric)
        return replace(self, numeric=tuple(numeric))

    @property
    def widths(self) -> tuple[int, int, int]:
        """How many columns the matrices of numbers, ids and weights have."""
        groups = (self.numeric, self.categorical, self.weighted)
        return tuple(sum(column.width for column in group) for group in groups)  # type: ignore[return-value]

    def to_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)


NO_INPUTS = ModelInputs((), ())


def slots(columns: Iterable[NumericInput | CategoricalInput]) -> list[slice]:
    """Returns which columns of their matrix inputs have that lie in it side by side."""
    ends = [0, *accumulate(column.width for column in columns)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def default_embed(size: int) -> int:
    """Returns the embedding dimensions for a category: twice its size's fourth root, 2 to 32.

    The fourth root is TensorFlow's old rule of thumb; the factor costs little at these sizes.
    """
    return max(2, min(32, round(2 * math.sqrt(math.sqrt(size)))))


def inputs_of(run: RunFolder, drop_features: Iterable[str] = ()) -> ModelInputs:
    """Returns what a model trained on a run is given; see `model_inputs`."""
    return model_inputs(run.definition, run.schema, drop_features)


def model_inputs(
    dataset: Dataset, schema: schema_pb2.Schema, drop_features: Iterable[str] = ()
) -> ModelInputs:
    """Derives a model's inputs from the schema of the transformed examples.

    Args:
        dataset: the definition, which says what is carried and how ids are embedded and pooled.
        schema: the run's transformed schema.
        drop_features: patterns of outputs to leave out; the weights of ids go with them.

    Raises:
        InputError: an id column without a range, a type that no model reads, a pattern that
            matches nothing, or nothing left to learn from.
    """
    columns = {c.name: c for c in schema.feature if c.name not in dataset.carried_columns}
    weights = {name: weight for name in columns if (weight := _weight_of(name, columns))}
    companions = set(weights.values())
    kept = _keep(sorted(set(columns) - companions), tuple(drop_features))
    features = {o: f for f in dataset.features for o in f.outputs}
    numeric, categorical = [], []
    for name in kept:
        if columns[name].type == schema_pb2.FLOAT:
            numeric.append(NumericInput(name, _width(columns[name]) or 1))
        else:
            found = _categorical(columns[name], features.get(name), weights.get(name))
            categorical.append(found)
    return ModelInputs(tuple(numeric), tuple(categorical))


def _width(column: schema_pb2.Feature) -> int | None:
    """Returns how many values a row has, or None where it has one value, and no list."""
    return int(column.shape.dim[0].size) if column.shape.dim else None


def _weight_of(name: str, columns: Mapping[str, Any]) -> str | None:
    """Returns the name of the weights of a list of ids, if it has any."""
    weight = columns.get(name + WEIGHT_SUFFIX)
    if weight is None or columns[name].type != schema_pb2.INT or weight.type != schema_pb2.FLOAT:
        return None
    width = _width(columns[name])
    return str(weight.name) if width and width == _width(weight) else None


def _keep(names: list[str], patterns: tuple[str, ...]) -> list[str]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"--drop-features {pattern!r} matches no transformed output; "
                f"there are: {', '.join(names)}"
            )
    kept = [name for name in names if not any(fnmatchcase(name, p) for p in patterns)]
    if not kept:
        raise InputError(
            f"--drop-features {' '.join(patterns)!r} leaves nothing to learn from; drop less"
        )
    return kept


def _categorical(
    column: schema_pb2.Feature, feature: Feature | None, weight: str | None
) -> CategoricalInput:
    name = column.name
    if column.type != schema_pb2.INT:
        raise InputError(
            f"the transformed output {name!r} holds text, which no model reads; "
            "map it to ids, or carry it as passthrough"
        )
    if not column.HasField("int_domain"):
        raise InputError(
            f"the transformed output {name!r} holds integers of unknown range; in its function "
            "cast it to float32, or map it to ids with a tf.Transform mapper that declares their "
            "range, such as tft.compute_and_apply_vocabulary"
        )
    domain, width = column.int_domain, _width(column)
    size = int(domain.max - domain.min + 1)
    pooling: Pooling | None = getattr(feature, "pooling", "mean") if width else None
    declared = getattr(feature, "embed", None)
    one_hot = declared == "one_hot"
    # Crosses are embedded only where the definition says so.
    chosen = 0 if one_hot or isinstance(feature, Crossed) else default_embed(size)
    embed = chosen if one_hot or declared is None else declared
    return CategoricalInput(
        name, size, int(domain.min), embed, width or 1, pooling, weight, one_hot
    )  # fmt: skip
