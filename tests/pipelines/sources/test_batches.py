"""Reading whole inputs without a pipeline, against records that know what they are."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from readings_oracle import make_records, write_records

from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.kinds import open_input
from forebay.pipelines.sources.row_identity import row_place
from forebay.pipelines.sources.text import input as module
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.identity import ROW

DEFINITION = str(Path(__file__).parents[2] / "end_to_end" / "readings.py")


@pytest.mark.parametrize("stretch", [300, 5_000, 8 << 20])
def test_every_record_is_a_row_or_a_reject_in_order_of_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(module, "STRETCH_BYTES", stretch)
    records = make_records()
    written = [
        write_records(tmp_path / "a.csv.gz", records[:200], line_end=b"\r\n", bom=True),
        write_records(tmp_path / "b.csv", records[200:], line_end=b"\r"),
    ]
    dataset = load_definition(DEFINITION)
    files = [open_input(file, dataset) for file in find_files([str(tmp_path / "*")])]

    found = list(read_batches(files, dataset, max_record_bytes=400))

    assert sum(read.records for read in found) == len(records)
    rows = pa.Table.from_batches([read.rows for read in found])
    assert rows.schema.names == [*dataset.row_columns, ROW]
    numbers, offsets = row_place(rows[ROW].to_numpy())
    places = [
        (number, offset)
        for number, file in enumerate(written)
        for offset, record in zip(file.offsets, file.records, strict=True)
        if record.reason is None or record.reason.startswith("batch: missing")
    ]
    assert list(zip(numbers.tolist(), offsets.tolist(), strict=True)) == places
    rejects = [(r.source.number, reject.offset) for r in found for reject in r.rejects]
    assert sorted([*places, *rejects]) == [
        (number, offset) for number, file in enumerate(written) for offset in file.offsets
    ]
    assert pc.all(pc.equal(rows["serial"], pc.cast(pc.utf8_slice_codeunits(
        rows["reading_id"], 2, 99), pa.int64()))).as_py()  # fmt: skip


@pytest.mark.parametrize("stretch", [700, 3_000, 20_000, 8 << 20])
def test_stretches_of_a_file_are_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(module, "STRETCH_BYTES", stretch)
    written = write_records(tmp_path / "a.csv", make_records())
    [file] = find_files([str(tmp_path / "a.csv")])
    text = open_input(file, load_definition(DEFINITION))

    lengths = [end - start for start, end in text.plan(max_record_bytes=400)]

    longest_record = max(len(record.raw) for record in written.records) + 2
    assert sum(lengths) == file.size - written.offsets[0]
    assert len(lengths) <= math.ceil(sum(lengths) / stretch)
    assert max(lengths) - min(lengths) <= longest_record * len(lengths)


def test_it_loads_neither_beam_nor_tensorflow() -> None:
    program = (
        "import sys, forebay.pipelines.sources.batches, forebay.pipelines.sources.text.lines, "
        "forebay.storage.run.definition_files\n"
        "print([name for name in ('apache_beam', 'tensorflow') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert printed.stdout == b"[]\n"
