"""The transform graph: a definition's features as a tf.Transform ``preprocessing_fn``.

Inputs are dense tensors of shape (batch,), one for each of `Dataset.graph_columns`, as
`feature_spec` says; a missing value is the column's own marker (see
`forebay.transforms.definition.columns.MISSING`). Outputs are float32 numbers and int64 ids whose
range is written to the transformed schema, (batch,) or (batch, width), and the carried columns
untouched.
"""

import functools
from collections.abc import Callable, Mapping

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import schema_inference

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Custom,
    Cyclic,
    Feature,
    Frequency,
    Grid,
    Image,
    MultiHot,
    NumberList,
    Numeric,
    Text,
)
from forebay.transforms.definition.labels import Label
from forebay.transforms.errors import InputError
from forebay.transforms.graph.buckets import bucket_ids
from forebay.transforms.graph.calendar import calendar_ids, cyclic_outputs
from forebay.transforms.graph.categories import category_ids, frequencies
from forebay.transforms.graph.crosses import cross_ids
from forebay.transforms.graph.custom import custom_outputs, own_input
from forebay.transforms.graph.embedded import EmbeddedTable, embedded_columns
from forebay.transforms.graph.ids import Ids
from forebay.transforms.graph.images import image_outputs
from forebay.transforms.graph.inputs import Inputs, feature_spec, from_fed
from forebay.transforms.graph.label_classes import label_classes
from forebay.transforms.graph.lists import list_outputs
from forebay.transforms.graph.numbers import numeric_outputs
from forebay.transforms.graph.terms import term_lists

Tensors = Mapping[str, tf.Tensor]


def preprocessing_fn(
    dataset: Dataset, tables: Mapping[str, EmbeddedTable] | None = None
) -> Callable[[Tensors], dict[str, tf.Tensor]]:
    """Returns the definition's ``preprocessing_fn``, for tf.Transform to trace.

    Args:
        dataset: the definition.
        tables: the table of each lookup that is embedded, by its name; None: nothing is found.
    """
    return functools.partial(_preprocess, dataset, tables)


def check_functions(dataset: Dataset) -> None:
    """Calls users' functions as the graph does, before there is any data, for mistakes to show.

    Raises:
        InputError: a function failed, returned what is not a feature, or does what no served model
            can do.
    """
    if not dataset.custom_features:
        return
    spec = feature_spec(dataset)
    columns = {name: tf.TensorSpec([None], kind.dtype, name) for name, kind in spec.items()}
    tft.get_transform_input_columns(preprocessing_fn(dataset), columns)


def _preprocess(
    dataset: Dataset, tables: Mapping[str, EmbeddedTable] | None, fed: Tensors
) -> dict[str, tf.Tensor]:
    given = from_fed({**fed, **embedded_columns(fed, dataset, tables)}, dataset)
    outputs = {name: tf.identity(given.columns[name]) for name in dataset.carried_columns}
    numeric = [feature for feature in dataset.features if isinstance(feature, Numeric)]
    cyclic = [feature for feature in dataset.features if isinstance(feature, Cyclic)]
    outputs |= numeric_outputs(numeric, given)
    outputs |= cyclic_outputs(cyclic, given.columns, given.kinds)
    outputs |= _categorical_outputs(dataset, given)
    for feature in dataset.features:
        outputs |= _other_outputs(feature, given)
    read = {name: own_input(given.columns[name]) for name in dataset.model_columns}
    for feature in dataset.custom_features:
        made = custom_outputs(feature, read)
        _refuse_taken(feature, made, outputs)
        outputs |= made
    return outputs


def _categorical_outputs(dataset: Dataset, given: Inputs) -> dict[str, tf.Tensor]:
    """Returns all ids, and writes their ranges to the transformed schema."""
    cut = [feature for feature in dataset.features if isinstance(feature, Bucketized | Grid)]
    ids = bucket_ids(cut, given)
    for feature in dataset.features:
        if isinstance(feature, Categorical | Calendar):
            ids[feature.output] = _ids(feature, given, dataset.label)
    for feature in dataset.features:
        if isinstance(feature, Crossed):
            ids[feature.output] = cross_ids(feature, ids)
    for column in ids.values():
        _declare_range(column)
    return {name: column.values for name, column in ids.items()}


def _other_outputs(feature: Feature, given: Inputs) -> dict[str, tf.Tensor]:
    """Returns the outputs of a feature that is neither a number nor one id."""
    match feature:
        case Frequency():
            return {feature.output: frequencies(feature, given.columns[feature.inputs[0]])}
        case Text() | MultiHot():
            found = term_lists(feature, given.columns[feature.inputs[0]])
            _declare_range(found.ids)
            return {feature.output: found.ids.values, **found.numbers}
        case Image():
            return image_outputs(feature, given.columns[feature.inputs[0]])
        case NumberList():
            return list_outputs(feature, given)
        case _:
            return {}


def _declare_range(ids: Ids) -> None:
    schema_inference.set_tensor_schema_override(ids.values, tf.constant(0, tf.int64), ids.size - 1)


def _ids(feature: Categorical | Calendar, given: Inputs, label: Label) -> Ids:
    (name,) = feature.inputs
    if isinstance(feature, Calendar):
        return calendar_ids(feature, given.columns[name], given.kinds[name])
    classes = functools.partial(label_classes, label, given.columns[label.column])
    return category_ids(feature, given.columns[name], classes)


def _refuse_taken(feature: Custom, made: Tensors, outputs: Tensors) -> None:
    for name in made:
        if name in outputs:
            raise InputError(
                f"the function {feature.function!r} returned {name!r}, which exists already; "
                "rename it"
            )
