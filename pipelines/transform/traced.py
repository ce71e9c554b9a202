"""A ``preprocessing_fn`` traced with what is known of its analyzers; the graph it becomes.

tf.Transform itself traces it: an analyzer whose result is known is that constant in the graph, or
the table made of that file; any other is a placeholder.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from tensorflow_transform import analyzer_nodes, annotators, impl_helper, schema_inference
from tensorflow_transform.graph_context import TFGraphContext
from tensorflow_transform.saved import saved_transform_io_v2
from tensorflow_transform.tf_metadata import dataset_metadata

from forebay.pipelines.transform.analyzers import Analyzer, Result
from forebay.pipelines.transform.recognized import analyzers_of
from forebay.transforms.errors import InputError

PreprocessingFn = Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]
# The inputs of the graph that analyzers look at, by their results.
LookedAt = Mapping[tuple[Result, ...], frozenset[str]]


@dataclass(frozen=True)
class Learned:
    """What analyzers found: the value of what stands for it."""

    values: Mapping[Result, Any] = field(default_factory=dict)

    def with_more(self, found: Mapping[Result, Any]) -> "Learned":
        """Returns it with what others found."""
        return Learned({**self.values, **found})

    @property
    def tensors(self) -> dict[str, tf.Tensor]:
        """The values as constants, by name."""
        return {
            result.name: tf.constant(value, tf.as_dtype(result.dtype))
            for result, value in self.values.items()
        }


class Trace:
    """One trace, with a function that gives the values that analyzers look at.

    Attributes:
        phases: the analyzers that are not known: those that are ready, those that need only these,
            and so on.
        asset_map: the file of each vocabulary.
        looked_at: the graph's inputs that each analyzer looks at.

    Args:
        preprocessing_fn: of tf.Transform.
        specs: the graph's inputs, by name.
        learned: what is known.

    Raises:
        NotComputed: an analyzer cannot be computed here.
    """

    def __init__(
        self,
        preprocessing_fn: PreprocessingFn,
        specs: Mapping[str, tf.TypeSpec],
        learned: Learned,
    ) -> None:
        self._module = tf.Module()

        @tf.function(input_signature=[dict(specs)], autograph=False)
        def look(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            graph = tf.compat.v1.get_default_graph()
            with context:
                preprocessing_fn(dict(inputs))
            sinks = graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
            analyzers = analyzers_of(sinks)
            self.phases = _phases(graph, analyzers)
            self.looked_at = _looked_at(graph, analyzers, inputs.values())
            self.asset_map = annotators.get_asset_annotations(graph)
            ready = self.phases[0] if self.phases else ()
            names = {name for analyzer in ready for name in analyzer.sources}
            return {name: graph.get_tensor_by_name(name) for name in names}

        with _context(self._module, learned) as context:
            saved_transform_io_v2.trace_and_update_module(
                self._module, look, "look", strip_control_dependencies=True
            )

    def values(self, fed: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Returns what the analyzers of the first phase look at, as arrays by name."""
        return {name: tensor.numpy() for name, tensor in self._module.look(dict(fed)).items()}


@contextmanager
def _context(module: tf.Module, learned: Learned) -> Iterator[TFGraphContext]:
    """Gives what tf.Transform traces in; it writes stand-ins of files that are not yet known."""
    with tempfile.TemporaryDirectory(prefix="forebay-") as folder:
        yield TFGraphContext(module, folder, learned.tensors)


def _looked_at(
    graph: tf.Graph, analyzers: Iterable[Analyzer], inputs: Iterable[tf.Tensor]
) -> LookedAt:
    given = {tensor.name for tensor in inputs}
    ends = given.union(result.name for analyzer in analyzers for result in analyzer.results)
    return {
        analyzer.results: frozenset(_reached(graph, analyzer.sources, ends) & given)
        for analyzer in analyzers
    }


def _phases(graph: tf.Graph, analyzers: tuple[Analyzer, ...]) -> tuple[tuple[Analyzer, ...], ...]:
    """Puts analyzers that need nothing first, then those that need no others, and so on."""
    maker = {result.name: analyzer for analyzer in analyzers for result in analyzer.results}
    needed = {
        analyzer.sources: {maker[name] for name in _reached(graph, analyzer.sources, set(maker))}
        for analyzer in analyzers
    }
    phases: list[tuple[Analyzer, ...]] = []
    left = list(analyzers)
    done: set[Analyzer] = set()
    while left:
        ready = [analyzer for analyzer in left if needed[analyzer.sources] <= done]
        phases.append(tuple(ready))
        done |= set(ready)
        left = [analyzer for analyzer in left if analyzer not in done]
    return tuple(phases)


def _reached(graph: tf.Graph, sources: tuple[str, ...], ends: set[str]) -> set[str]:
    """Returns which of some tensors others are computed from, these apart from each other."""
    found: set[str] = set()
    waiting = [graph.get_tensor_by_name(name) for name in sources]
    seen = set()
    while waiting:
        tensor = waiting.pop()
        if tensor.name in ends:
            found.add(tensor.name)
            continue
        if tensor.op in seen:
            continue
        seen.add(tensor.op)
        waiting += tensor.op.inputs
        for operation in tensor.op.control_inputs:
            waiting += operation.outputs or operation.inputs
    return found


def write_graph(
    preprocessing_fn: PreprocessingFn,
    specs: Mapping[str, tf.TypeSpec],
    learned: Learned,
    looked_at: LookedAt,
    folder: str,
) -> dataset_metadata.DatasetMetadata:
    """Writes the graph as a SavedModel, its vocabularies with it.

    Args:
        preprocessing_fn: of tf.Transform.
        specs: the graph's inputs, by name.
        learned: what its analyzers found.
        looked_at: what each of them looked at.
        folder: where it goes.

    Returns:
        The transformed metadata.

    Raises:
        InputError: another trace had other analyzers.
    """
    module = tf.Module()
    outputs: dict[str, tf.Tensor] = {}

    def noted(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # What a function returns is not what was returned in it, of which the schema is told.
        outputs.update(preprocessing_fn(inputs))
        return dict(outputs)

    with _context(module, learned) as context:
        traced = impl_helper.get_traced_transform_fn(noted, dict(specs), context)
        function = saved_transform_io_v2.write_v2_saved_model(
            module, traced, "transform_fn", folder
        )
    graph = function.graph
    sinks = graph.get_collection(analyzer_nodes.ALL_REPLACEMENTS)
    inputs = graph.inputs[: len(specs)]  # what follows are tables
    if _looked_at(graph, analyzers_of(sinks), inputs) != looked_at:
        raise reordered()
    with tf.compat.v1.Session(graph=graph) as session:
        schema = schema_inference.infer_feature_schema(outputs, graph, session)
    return dataset_metadata.DatasetMetadata(schema=schema)


def reordered() -> InputError:
    """Returns what is raised where two traces have not the same analyzers."""
    return InputError(
        "a function of the definition does not call the same analyzers of tf.Transform in the same "
        "order, each time that it is called; let nothing but its tensors decide what it does"
    )
