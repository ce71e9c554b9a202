"""Images among a model's inputs, as TensorBoard shows them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from forebay.trainer.examples.inputs import ModelInputs, slots
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Image

# Images of each input that are shown.
SHOWN = 4


def pictures(
    dataset: Dataset, inputs: ModelInputs, numbers: npt.NDArray[np.float32]
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yields the images of the first rows, by the name of their input.

    Args:
        dataset: says which inputs are images.
        inputs: what the model is given.
        numbers: float32 (rows, numbers), its matrix of numbers.

    Returns:
        Each name, and float32 (images, height, width, channels) from 0 to 1.
    """
    places = dict(
        zip((column.name for column in inputs.numeric), slots(inputs.numeric), strict=True)
    )
    for feature in dataset.features:
        if isinstance(feature, Image) and feature.output in places:
            shape = (-1, feature.height, feature.width, feature.channels)
            yield feature.output, numbers[:SHOWN, places[feature.output]].reshape(shape)
