"""Which of the analyzers that are computed here a traced graph has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from tensorflow_transform import analyzer_nodes as tft
from tensorflow_transform import analyzers
from tensorflow_transform.analyzers import _VocabOrderingType

from forebay.pipelines.transform.analyzers import (
    Analyzer,
    Combined,
    CombinedByKey,
    InformativeVocabulary,
    Pruned,
    Result,
    Vocabulary,
)

_FREQUENCY = (_VocabOrderingType.FREQUENCY, _VocabOrderingType.WEIGHTED_FREQUENCY)


class NotComputed(Exception):
    """An analyzer is none of those that are computed here."""


def analyzers_of(sinks: Iterable[Any]) -> tuple[Analyzer, ...]:
    """Returns the analyzers of a traced graph.

    Args:
        sinks: tf.Transform's ``TensorSink`` of each result.

    Raises:
        NotComputed: one is of another kind.
    """
    chains = [_Chain.of(sink) for sink in sinks]
    by_start = groupby(sorted(chains, key=lambda c: c.start.label), key=lambda c: c.start.label)
    return tuple(_analyzer(list(chains)) for _, chains in by_start)


@dataclass(frozen=True)
class _Chain:
    """The operations from tensors to one result."""

    sources: tuple[str, ...]
    start: Any
    rest: tuple[Any, ...]
    index: int
    result: Result

    @classmethod
    def of(cls, sink: Any) -> _Chain:
        node, operations = sink.future.parent_operation, []
        while node.inputs:
            operations.append(node.operation_def)
            if len(node.inputs) > 1:
                raise NotComputed(node.operation_def)
            node = node.inputs[0].parent_operation
        if not isinstance(node.operation_def, tft.TensorSource) or not operations:
            raise NotComputed(node.operation_def)
        start, *rest = reversed(operations)
        sources = tuple(tensor.name for tensor in node.operation_def.tensors)
        result = Result(sink.tensor.name, sink.tensor.dtype.name)
        return cls(sources, start, tuple(rest), sink.future.value_index, result)


def _analyzer(chains: Sequence[_Chain]) -> Analyzer:
    first = chains[0]
    match first.start:
        case tft.CacheableCombineAccumulate():
            merge = (tft.CacheableCombineMerge, tft.ExtractCombineMergeOutputs)
            return Combined(first.sources, _outputs(chains, merge), first.start.combiner)
        case tft.CacheableCombinePerKeyAccumulate():
            merge = (tft.CacheableCombinePerKeyMerge, tft.CacheableCombinePerKeyFormatKeys)
            return CombinedByKey(first.sources, _outputs(chains, merge), first.start.combiner)
        case tft.VocabularyAccumulate():
            return _vocabulary(first, {_kinds(chain): chain for chain in chains})
    raise NotComputed(first.start)


def _outputs(chains: Sequence[_Chain], operations: tuple[type, ...]) -> tuple[Result, ...]:
    """Returns the results of all outputs of one operation, which follows some others."""
    if any(_kinds(chain) != operations for chain in chains):
        raise NotComputed(chains)
    results = {chain.index: chain.result for chain in chains}
    return tuple(results[i] for i in range(chains[0].rest[-1].num_outputs))


def _vocabulary(first: _Chain, chains: Mapping[tuple[type, ...], _Chain]) -> Analyzer:
    whole = (tft.VocabularyMerge, tft.VocabularyCount)
    size = (tft.VocabularyMerge, tft.VocabularyPrune, tft.VocabularyCount)
    path = (tft.VocabularyMerge, tft.VocabularyPrune, tft.VocabularyOrderAndWrite)
    if set(chains) != {whole, size, path}:
        raise NotComputed(first.start)
    merge, prune, write = chains[path].rest
    if prune.key_fn or write.fingerprint_shuffle or write.file_format != "text":
        raise NotComputed(prune)
    results = tuple(chains[each].result for each in (path, size, whole))
    order = first.start.vocab_ordering_type
    by_frequency = order in _FREQUENCY
    threshold = prune.frequency_threshold if by_frequency else prune.informativeness_threshold
    kept = Pruned(
        write.vocab_filename, write.input_dtype, threshold, prune.top_k, write.store_frequency
    )
    if by_frequency:
        return Vocabulary(first.sources, results, kept)
    if order != _VocabOrderingType.WEIGHTED_MUTUAL_INFORMATION:
        raise NotComputed(first.start)
    combiner = analyzers.WeightedMeanAndVarCombiner(
        np.float32, output_shape=(None,), compute_variance=False, compute_weighted=True
    )
    adjusted, least = merge.use_adjusted_mutual_info, merge.min_diff_from_avg
    return InformativeVocabulary(first.sources, results, combiner, kept, adjusted, least)


def _kinds(chain: _Chain) -> tuple[type, ...]:
    return tuple(type(operation) for operation in chain.rest)
