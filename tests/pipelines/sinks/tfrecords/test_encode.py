"""The compiled TFRecord encoder, against tfx_bsl's encoder and TensorFlow's reader."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from forebay.pipelines.sinks.tfrecords.encode import encode_examples

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    pa.float32(): st.floats(width=32),
    pa.int64(): INT64,
    pa.large_binary(): st.binary(max_size=300),
}


def scalars(values: list, kind: pa.DataType) -> pa.Array:
    offsets = pa.array(np.arange(len(values) + 1, dtype=np.int64))
    return pa.LargeListArray.from_arrays(offsets, pa.array(values, kind))


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    # tfx_bsl's encoder ends a name at its first NUL; ours keeps it whole.
    name = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=150)
    names = draw(st.lists(name, min_size=1, max_size=6, unique=True))
    n = draw(st.integers(0, 5))
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(list(VALUES)))
        if draw(st.booleans()):
            columns[name] = scalars(draw(st.lists(VALUES[kind], min_size=n, max_size=n)), kind)
        else:
            of_any_length = st.lists(st.lists(VALUES[kind], max_size=40), min_size=n, max_size=n)
            columns[name] = pa.array(draw(of_any_length), pa.large_list(kind))
    return pa.RecordBatch.from_pydict(columns)


@settings(max_examples=150, deadline=None)
@given(batches(), st.integers(1, 6))
def test_records_are_those_of_tfx_bsl(
    tmp_path_factory: pytest.TempPathFactory, batch: pa.RecordBatch, rows: int
) -> None:
    path = tmp_path_factory.mktemp("records") / "part.tfrecord"
    path.write_bytes(encoded(batch, rows))
    # TensorFlow's reader checks both checksums of every record.
    found = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    expected = RecordBatchToExamplesEncoder().encode(batch) if len(batch) else []
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert _features(one) == _features(other)


def encoded(batch: pa.RecordBatch, rows: int = 2) -> bytes:
    return b"".join(piece.tobytes() for piece in encode_examples(batch, rows))


def _features(serialized: bytes) -> dict[str, bytes]:
    example = tf.train.Example.FromString(serialized)
    return {name: value.SerializeToString() for name, value in example.features.feature.items()}


def test_a_sliced_batch_is_encoded_as_its_copy() -> None:
    lists = {
        "text": [[b"a"], [b""], [b"ccc"], [b"dd"]],
        "number": [[1.0], [2.0], [3.0], [4.0]],
        "texts": [[b"a", b"b"], [], [b"ccc", b""], [b"dd"]],
        "numbers": [[1.0, 2.0], [3.0], [4.0, 5.0], []],
        "ids": [[1, 2], [300], [], [4]],
    }
    kinds = dict.fromkeys(("number", "numbers"), pa.float32()) | {"ids": pa.int64()}
    types = {name: pa.large_list(kinds.get(name, pa.large_binary())) for name in lists}
    batch = pa.RecordBatch.from_pydict({n: pa.array(v, types[n]) for n, v in lists.items()})
    copy = pa.RecordBatch.from_pydict({n: pa.array(v[1:3], types[n]) for n, v in lists.items()})
    assert encoded(batch.slice(1, 2)) == encoded(copy)


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (scalars([1.0], pa.float64()), TypeError),
        (pa.array([[1], None], pa.large_list(pa.int64())), ValueError),
    ],
)
def test_other_columns_are_refused(column: pa.Array, error: type[Exception]) -> None:
    with pytest.raises(error, match="'x'"):
        encoded(pa.RecordBatch.from_pydict({"x": column}))
