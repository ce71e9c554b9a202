"""Coders of what carries record batches between steps.

Beam samples the sizes of elements as they pass, even between fused steps, and a coder that does
not say how large an element is has to encode it to find out.
"""

import pickle
from typing import Any

import apache_beam as beam
import pyarrow as pa


class RecordBatchCoder(beam.coders.Coder):
    """Encodes a ``pyarrow.RecordBatch`` as an Arrow IPC stream."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        """Returns the batch with its schema as IPC bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        """Returns the batch that `encode` was given."""
        return pa.ipc.open_stream(encoded).read_next_batch()

    def estimate_size(self, value: pa.RecordBatch) -> int:
        """Returns the bytes that the batch takes in memory."""
        return value.nbytes  # type: ignore[no-any-return]

    def is_deterministic(self) -> bool:
        """Equal batches may differ in unused bits of their buffers."""
        return False


class SizedCoder(beam.coders.Coder):
    """Encodes our own values that hold batches and know their size as ``nbytes``.

    Such values pass between fused steps only; should a runner move one, it travels as the
    pickle of its Arrow data.
    """

    def encode(self, value: Any) -> bytes:
        """Returns the value's pickle."""
        return pickle.dumps(value, protocol=5)

    def decode(self, encoded: bytes) -> Any:
        """Returns the value that `encode` was given, as every Beam worker's own data is read."""
        return pickle.loads(encoded)  # noqa: S301  # written by this job's own workers

    def estimate_size(self, value: Any) -> int:
        """Returns the bytes that the value takes in memory."""
        return value.nbytes  # type: ignore[no-any-return]

    def is_deterministic(self) -> bool:
        """Equal values may differ in unused bits of their buffers."""
        return False


def register_coders(*sized: type) -> None:
    """Makes Beam use these coders wherever elements are typed so.

    Args:
        sized: our own types with ``nbytes``.
    """
    beam.coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
    for kind in sized:
        beam.coders.registry.register_coder(kind, SizedCoder)
