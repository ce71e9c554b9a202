"""What a row counts: its own weight times that of its class.

Weights change what a model is trained for, and so what its evaluations watch. They leave alone what
the transform graph learned of train: there every row counts once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from forebay.console.words import counted
from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.examples.statistics import Floats, TrainStatistics
from forebay.transforms.definition.labels import Classification, Label
from forebay.transforms.errors import InputError

# Weights of classes by their names; or such that all classes weigh the same; or none.
ClassWeights = Mapping[str, float] | Literal["balanced"] | None


@dataclass(frozen=True)
class Weighting:
    """How rows are weighed in training.

    Attributes:
        of_class: the weight of each class; empty: they count alike.
        mean: the mean of the weights of train's rows. They are divided by it, so that a learning
            rate and a penalty mean the same with weights and without.
    """

    of_class: tuple[float, ...] = ()
    mean: float = 1.0

    def row_weights(self, label: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Weighs rows, float32 (n,), 1 in the mean of train.

        Args:
            label: float32 (n,); the number of its class where these have weights.
            weight: float32 (n,), the rows' own weights.
        """
        if self.of_class:
            of_class = tf.constant(self.of_class, tf.float32)
            weight = weight * tf.gather(of_class, tf.cast(label, tf.int32))
        return weight / tf.constant(self.mean, tf.float32)


UNWEIGHTED = Weighting()


def classes_of(label: Label) -> tuple[str, ...]:
    """Returns the names of a label's classes, in the order of their numbers; empty: it has none."""
    if isinstance(label, Classification):
        return tuple(map(str, label.classes))
    return ("0", "1") if label.task == "binary_classification" else ()


def weighting(wanted: ClassWeights, label: Label, statistics: TrainStatistics) -> Weighting:
    """Decides how the rows of train are weighed.

    Args:
        wanted: the weights of classes. ``balanced`` gives class c the weight W / (k * W_c): W_c the
            sum of its rows' own weights, W that of all k classes; so all sums become equal.
        label: what is predicted.
        statistics: what was computed of the train split.

    Raises:
        InputError: the label has no such classes, ``balanced`` meets a class without rows, or no
            row of train has a weight above zero.
    """
    of_class = _class_weights(wanted, label, statistics.class_weights)
    total = statistics.weight
    if of_class:
        total = float(np.dot(of_class, statistics.class_weights))
    if not total > 0:
        raise InputError(
            "no row of train has a weight above zero: nothing would be learned; give other weights"
        )
    return Weighting(of_class, total / statistics.rows)


def check_evaluated(
    name: str, parts: Iterable[Examples], weighting: Weighting, wanted: ClassWeights
) -> None:
    """Refuses rows to evaluate on of which none counts: no loss could be told of them.

    Args:
        name: what the rows are, for people.
        parts: the rows.
        weighting: what they count.
        wanted: the weights of classes, as they were asked for.

    Raises:
        InputError: no row has a weight above zero.
    """
    rows = 0
    for part in parts:
        if bool(tf.reduce_any(weighting.row_weights(part.label, part.weight) > 0)):
            return
        rows += len(part)
    by = ""
    if isinstance(wanted, Mapping):
        named = ",".join(f"{name}:{weight:g}" for name, weight in wanted.items())
        by = f" with --class-weights {named}"
    raise InputError(
        f"{name}: of {counted(rows, 'row')} to evaluate on none has a weight above zero{by}, and "
        "no evaluation could tell one model from another; give other weights, or change the "
        "definition's split"
    )


def _class_weights(wanted: ClassWeights, label: Label, sums: Floats) -> tuple[float, ...]:
    if wanted is None:
        return ()
    classes = classes_of(label)
    if not classes:
        raise InputError(
            f"--class-weights: the label {label.column!r} is a number and has no classes; leave it "
            "out, or name a column of weights in the definition (weight=)"
        )
    if wanted == "balanced":
        empty = [repr(name) for name, found in zip(classes, sums, strict=True) if not found > 0]
        if empty:
            raise InputError(
                f"--class-weights balanced: no row of train is of class {', '.join(empty)}; give "
                f"weights instead, such as {classes[0]}:1,{classes[1]}:2"
            )
        return tuple((sums.sum() / (len(classes) * sums)).tolist())
    unknown = [repr(name) for name in wanted if name not in classes]
    if unknown:
        raise InputError(
            f"--class-weights: the label {label.column!r} has no class {', '.join(unknown)}; its "
            f"classes are {', '.join(map(repr, classes))}"
        )
    return tuple(float(wanted.get(name, 1.0)) for name in classes)
