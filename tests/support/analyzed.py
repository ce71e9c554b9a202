"""Training rows analyzed by tf.Transform in memory, in several batches; its graph for others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.embedded import EmbeddedTable
from forebay.transforms.graph.inputs import feature_spec
from forebay.transforms.graph.preprocessing import preprocessing_fn

Columns = Mapping[str, list[Any]]


def fed(dataset: Dataset, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a definition's dtypes as its graph is fed them: float64 as its bits."""
    return {
        name: np.asarray(values, np.float64).view(np.int64)
        if dataset.graph_dtypes[name] == "float64"
        else values
        for name, values in rows.items()
    }


class Analyzed:
    """What the graph makes of its training rows; columns are lists by name."""

    def __init__(
        self,
        dataset: Dataset,
        rows: Columns,
        folder: Path,
        batch: int = 50,
        tables: Mapping[str, EmbeddedTable] | None = None,
    ) -> None:
        self.rows, self._dataset = rows, dataset
        self._spec = feature_spec(dataset)
        rows = fed(dataset, rows)
        total = len(next(iter(rows.values())))
        instances = [{name: rows[name][i] for name in self._spec} for i in range(total)]
        metadata = tft.DatasetMetadata.from_feature_spec(self._spec)
        with tft_beam.Context(temp_dir=str(folder / "temp"), desired_batch_size=batch):
            made = preprocessing_fn(dataset, tables)
            function = (instances, metadata) | tft_beam.AnalyzeDataset(made)
            _ = function | tft_beam.WriteTransformFn(str(folder))
        self.output = tft.TFTransformOutput(str(folder))
        self._layer = self.output.transform_features_layer()
        self._found = self.served(self.rows)

    def served(self, rows: Columns) -> dict[str, list[Any]]:
        """What the saved graph makes of rows."""
        rows = fed(self._dataset, rows)
        tensors = {name: tf.constant(rows[name], kind.dtype) for name, kind in self._spec.items()}
        return {name: value.numpy().tolist() for name, value in self._layer(tensors).items()}

    def __getitem__(self, name: str) -> list[Any]:
        return self._found[name]

    def size(self, name: str) -> int:
        """How many ids an output has, as the schema says."""
        schema = self.output.transformed_metadata.schema
        (found,) = [feature.int_domain for feature in schema.feature if feature.name == name]
        assert found.min == 0
        return int(found.max) + 1

    def vocabulary(self, name: str) -> list[bytes]:
        """The values of a vocabulary of train, in order."""
        lines: list[bytes] = self.output.vocabulary_by_name(name)
        for byte, text in {b"\xfd": b"\n", b"\xfc": b"\r", b"\xfe": b""}.items():
            lines = [line.replace(byte, text) for line in lines]
        return lines
