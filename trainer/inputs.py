"""What a model is given: the transformed columns it reads, and the sizes of its categories."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from transforms.dataset import Dataset
from transforms.errors import InputError
from transforms.features import Crossed, Feature


@dataclass(frozen=True)
class CategoricalInput:
    """A column of ids.

    Attributes:
        name: the transformed output.
        size: how many ids there are.
        lowest: the least id; the model counts from it.
        embed: dimensions of the embedding on the deep side; 0: wide side only.
    """

    name: str
    size: int
    lowest: int
    embed: int


@dataclass(frozen=True)
class ModelInputs:
    """The transformed columns that a model reads, in the order of its input matrices.

    Attributes:
        numeric: names of float32 columns.
        categorical: the int64 columns.
    """

    numeric: tuple[str, ...]
    categorical: tuple[CategoricalInput, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All transformed columns, numbers first."""
        return (*self.numeric, *(column.name for column in self.categorical))

    def to_json(self) -> dict[str, Any]:
        """Returns plain values, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ModelInputs":
        """Reads what `to_json` returned."""
        categorical = tuple(CategoricalInput(**column) for column in value["categorical"])
        return cls(tuple(value["numeric"]), categorical)


NO_INPUTS = ModelInputs((), ())


def default_embed(size: int) -> int:
    """Returns the embedding dimensions for a category: twice its size's fourth root, 2 to 32.

    The fourth root is TensorFlow's old rule of thumb; the factor costs little at these sizes.
    """
    return max(2, min(32, round(2 * math.sqrt(math.sqrt(size)))))


def model_inputs(
    dataset: Dataset, schema: schema_pb2.Schema, drop_features: Iterable[str] = ()
) -> ModelInputs:
    """Derives a model's inputs from the schema of the transformed examples.

    Args:
        dataset: the definition, which says what is carried and how ids are embedded.
        schema: the run's transformed schema.
        drop_features: patterns of outputs to leave out.

    Raises:
        InputError: an id column without a range, a type that is no model input, a pattern that
            matches nothing, or nothing left to learn from.
    """
    columns = {c.name: c for c in schema.feature if c.name not in dataset.carried_columns}
    kept = _keep(columns, tuple(drop_features))
    embeds = {o: f for f in dataset.features for o in f.outputs}
    numeric, categorical = [], []
    for name in kept:
        if columns[name].type == schema_pb2.FLOAT:
            numeric.append(name)
        else:
            categorical.append(_categorical(columns[name], embeds.get(name)))
    return ModelInputs(tuple(numeric), tuple(categorical))


def _keep(columns: Mapping[str, Any], patterns: tuple[str, ...]) -> list[str]:
    names = sorted(columns)
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


def _categorical(column: schema_pb2.Feature, feature: Feature | None) -> CategoricalInput:
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
    domain = column.int_domain
    size = int(domain.max - domain.min + 1)
    return CategoricalInput(name, size, int(domain.min), _embed(feature, size))


def _embed(feature: Feature | None, size: int) -> int:
    """Returns embedding dimensions; crosses have one only where the definition says so."""
    declared = getattr(feature, "embed", None)
    if isinstance(feature, Crossed):
        return declared or 0
    return declared or default_embed(size)
