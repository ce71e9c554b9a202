"""tf.Transform's analyzers without its pipeline: what one sees of a batch, merged, finished.

Whatever is a combiner (means, variances, ranges, quantiles, sums, sizes, covariances), for all rows
or for each key, and ``tft.vocabulary`` are computed here. tf.Transform describes an analyzer as a
chain of operations from tensors of the traced graph to the tensor that stands for its result. The
names of these are all that is kept of the graph, so that an `Analyzer` can be sent to workers.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from tensorflow_transform import analyzer_nodes as tft
from tensorflow_transform import analyzers, tf_utils
from tensorflow_transform.beam import analyzer_impls

from forebay.pipelines.transform.vocabularies import (
    counted_tokens,
    divided,
    merged,
    part_of,
    pruned,
    weighed,
    write_vocabulary,
)


class Result(NamedTuple):
    """A tensor that stands for what an analyzer finds: its name and dtype."""

    name: str
    dtype: str


@dataclass(frozen=True)
class Analyzer(ABC):
    """One analyzer of a ``preprocessing_fn``.

    Attributes:
        sources: the names of the tensors it looks at.
        results: what stands for what it finds.
    """

    sources: tuple[str, ...]
    results: tuple[Result, ...]

    @abstractmethod
    def accumulate(self, values: Sequence[Any]) -> Any:
        """Returns what it sees of a batch, given its sources' values."""

    @abstractmethod
    def merge(self, accumulators: Sequence[Any]) -> Any:
        """Makes one of what it saw of several batches, in their order."""

    def divide(self, accumulator: Any, parts: int) -> Iterable[tuple[int, Any]]:
        """Yields parts that can be merged apart from each other, each with its number."""
        del parts
        yield 0, accumulator

    @abstractmethod
    def finish(self, accumulators: Sequence[Any], folder: str) -> dict[Result, Any]:
        """Returns the value of each result: an array, or the path of a file.

        Args:
            accumulators: the merged parts; none where there are no rows.
            folder: where files go.
        """


@dataclass(frozen=True)
class Combined(Analyzer):
    """An analyzer that is a combiner.

    Attributes:
        combiner: tf.Transform's.
        results: what stands for each of its outputs.
    """

    combiner: tft.Combiner
    results: tuple[Result, ...]

    def accumulate(self, values: Sequence[Any]) -> Any:
        """Returns what it sees of a batch."""
        return self.combiner.add_input(self.combiner.create_accumulator(), list(values))

    def merge(self, accumulators: Sequence[Any]) -> Any:
        """Makes one of what it saw of several batches."""
        return self.combiner.merge_accumulators(list(accumulators))

    def finish(self, accumulators: Sequence[Any], folder: str) -> dict[Result, Any]:
        """Returns the values of its results."""
        whole = self.merge(accumulators) if accumulators else self.combiner.create_accumulator()
        found = self.combiner.extract_output(whole)
        return dict(zip(self.results, found, strict=True))


@dataclass(frozen=True)
class CombinedByKey(Analyzer):
    """An analyzer that is a combiner for each key; its first result is the keys, ascending.

    Attributes:
        combiner: tf.Transform's.
    """

    combiner: tft.Combiner

    def accumulate(self, values: Sequence[Any]) -> dict[Any, Any]:
        """Returns what it sees of a batch."""
        return self._folded(analyzer_impls._split_inputs_by_key(values))

    def _folded(self, inputs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, given in inputs:
            before = found[key] if key in found else self.combiner.create_accumulator()
            found[key] = self.combiner.add_input(before, given)
        return found

    def merge(self, accumulators: Sequence[dict[Any, Any]]) -> dict[Any, Any]:
        """Makes one of what it saw of several batches."""
        found: dict[Any, list[Any]] = {}
        for accumulator in accumulators:
            for key, value in accumulator.items():
                found.setdefault(key, []).append(value)
        return {key: self.combiner.merge_accumulators(each) for key, each in found.items()}

    def divide(
        self, accumulator: dict[Any, Any], parts: int
    ) -> Iterable[tuple[int, dict[Any, Any]]]:
        """Yields its keys by part."""
        found: list[dict[Any, Any]] = [{} for _ in range(parts)]
        for key, value in accumulator.items():
            found[part_of(key, parts)][key] = value
        yield from enumerate(found)

    def finish(self, accumulators: Sequence[dict[Any, Any]], folder: str) -> dict[Result, Any]:
        """Returns the values of its results."""
        whole = self.merge(accumulators)
        keys = sorted(whole)
        outputs = zip(*(self.combiner.extract_output(whole[key]) for key in keys), strict=True)
        columns = list(outputs) or [()] * (len(self.results) - 1)
        found = [np.array(keys, object), *map(np.array, columns)]
        return dict(zip(self.results, found, strict=True))


@dataclass(frozen=True)
class Pruned:
    """What of all tokens enters a vocabulary, and its file.

    Attributes:
        file: the file's name.
        dtype: of what the vocabulary is.
        threshold, top_k: what is left out.
        with_weights: whether the file has the weights.
    """

    file: str
    dtype: str
    threshold: float
    top_k: int | None
    with_weights: bool

    def written(self, tokens: pa.Table, folder: str) -> tuple[str, int, int]:
        """Writes the file; returns its path, its lines, and how many tokens there were.

        An empty vocabulary counts as one line, for there are no empty lookup tables.
        """
        kept = pruned(tokens, self.threshold, self.top_k)
        path = os.path.join(folder, self.file)
        write_vocabulary(kept, path, self.dtype, with_weights=self.with_weights)
        return path, max(len(kept), 1), max(len(tokens), 1)


@dataclass(frozen=True)
class Vocabulary(Analyzer):
    """A vocabulary by frequency. Its results are its file's path, its size, and that unpruned.

    Attributes:
        kept: what enters it.
    """

    kept: Pruned

    def accumulate(self, values: Sequence[Any]) -> pa.Table:
        """Returns what it sees of a batch."""
        tokens, *weights = values
        return counted_tokens(tokens, *weights or [None])

    def merge(self, accumulators: Sequence[pa.Table]) -> pa.Table:
        """Makes one of what it saw of several batches."""
        return merged(accumulators)

    def divide(self, accumulator: pa.Table, parts: int) -> Iterable[tuple[int, pa.Table]]:
        """Yields its tokens by part."""
        yield from enumerate(divided(accumulator, parts))

    def finish(self, accumulators: Sequence[pa.Table], folder: str) -> dict[Result, Any]:
        """Returns the values of its results."""
        whole = pa.concat_tables(accumulators) if accumulators else weighed({})
        return dict(zip(self.results, self.kept.written(whole, folder), strict=True))


@dataclass(frozen=True)
class InformativeVocabulary(CombinedByKey):
    """A vocabulary by what tokens tell of the label. Results as those of `Vocabulary`.

    Its combiner takes the mean of each label. The formula of the information is tf.Transform's.

    Attributes:
        kept: what enters it.
        adjusted, least_difference: how the information is computed, as ``tft.vocabulary`` says.
    """

    kept: Pruned
    adjusted: bool
    least_difference: float | None

    def accumulate(self, values: Sequence[Any]) -> dict[Any, Any]:
        """Returns what it sees of a batch."""
        return self._folded(analyzer_impls._flatten_to_key_and_means_accumulator_list(values))

    def finish(self, accumulators: Sequence[dict[Any, Any]], folder: str) -> dict[Result, Any]:
        """Returns the values of its results."""
        whole = self.merge(accumulators)
        marks = (tf_utils.GLOBAL_Y_COUNT_SENTINEL_STRING, tf_utils.GLOBAL_Y_COUNT_SENTINEL_INT)
        (overall,) = (mean for token, mean in whole.items() if token in marks)
        least = self.least_difference
        if least is None:
            rows = overall.count * overall.weight
            least = analyzers.calculate_recommended_min_diff_from_avg(rows)
        told = (
            analyzer_impls._calculate_mutual_information_for_feature_value(
                (token, mean), overall, self.adjusted, least
            )
            for token, mean in whole.items()
            if token not in marks
        )
        weights = {token: float(information) for token, (information, *_) in told}
        return dict(zip(self.results, self.kept.written(weighed(weights), folder), strict=True))
