"""Operations that may not be in a transform graph: served models lack them, or differ there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Unservable:
    """Operations that may not be in a transform graph.

    Attributes:
        operations: their types, as TensorFlow's graphs name them.
        cause: what is wrong with them.
        cure: what to do instead.
    """

    operations: frozenset[str]
    cause: str
    cure: str


UNSERVABLE = (
    Unservable(
        frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"}),
        "it calls Python (tf.py_function, tf.numpy_function), which a served model cannot",
        "write it in TensorFlow's own operations, or make the column with a Derive",
    ),
    Unservable(
        frozenset({
            "ReadFile", "WriteFile", "MatchingFiles", "FixedLengthRecordReader",
            "FixedLengthRecordReaderV2", "TFRecordReader", "TFRecordReaderV2", "TextLineReader",
            "TextLineReaderV2", "WholeFileReader", "WholeFileReaderV2",
        }),
        "it opens files by their path, which are not there where a model is served",
        "read the file when the function's module is loaded, and use what it holds as constants",
    ),
    Unservable(
        frozenset({
            "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoisson",
            "RandomPoissonV2", "RandomShuffle", "RandomStandardNormal", "RandomUniform",
            "RandomUniformInt", "StatefulRandomBinomial", "StatefulStandardNormal",
            "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
            "StatefulUniformFullInt", "StatefulUniformInt", "TruncatedNormal",
        }),
        "it draws at random, so that a served model would be given other numbers than in training",
        "use tf.random.stateless_uniform or its like, with a seed made of the row",
    ),
    Unservable(
        frozenset({"Timestamp"}),
        "it reads the clock, which shows another time when a model is served than in training",
        "use the row's own time",
    ),
)  # fmt: skip
_BY_OPERATION = {name: found for found in UNSERVABLE for name in found.operations}


def find_unservable(graph: tf.Graph, since: int) -> tuple[str, Unservable] | None:
    """Returns the first operation that may not be in a graph, and why.

    Args:
        graph: the graph.
        since: how many operations of it not to look at, from the first on. Bodies of loops and
            functions that the others call are looked at, too.
    """
    nodes = [operation.node_def for operation in graph.get_operations()[since:]]
    library: Mapping[str, Any] = {}
    if any(True for node in nodes for _ in _called(node)):
        functions = graph.as_graph_def().library.function
        library = {function.signature.name: function.node_def for function in functions}
    for operation in _operations(nodes, library, set()):
        if operation in _BY_OPERATION:
            return operation, _BY_OPERATION[operation]
    return None


def _operations(nodes: Iterable[Any], library: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    for node in nodes:
        yield str(node.op)
        for name in _called(node):
            if name not in seen:
                seen.add(name)
                yield from _operations(library.get(name, ()), library, seen)


def _called(node: Any) -> Iterator[str]:
    """Yields the names of the functions that a node calls."""
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            yield attribute.func.name
        for function in attribute.list.func:
            yield function.name
