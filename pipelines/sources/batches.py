"""Files of rows as batches of typed rows, derived columns included; knows no Beam.

What a pipeline does with one stretch of a file is here, and so is a reader of whole inputs for
commands that start no pipeline.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.sources.csv.files import CsvFile
from forebay.pipelines.sources.csv.parse import ROW_OFFSET, parse_chunk
from forebay.pipelines.sources.csv.ranges import read_chunks
from forebay.pipelines.sources.derive import derive
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import row_identity
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.sources import ROW, Source

# A stretch is parsed whole: some 80,000 rows of ordinary width, large enough that what each batch
# costs is small beside its rows and small enough that two cores share one middling file.
RANGE_BYTES = 8 << 20


@dataclass(frozen=True)
class ReadBatch:
    """What a stretch of a file's text held.

    Attributes:
        file: the file.
        rows: the table's columns (derived ones included) and `ROW`, in order of place.
        rejects: the records that became no row.
        records: how many there were, rejects included.
    """

    file: CsvFile
    rows: pa.RecordBatch
    rejects: list[Reject]
    records: int


class BatchReader:
    """Turns stretches of text into batches of rows.

    Args:
        table: what the files hold.
        max_record_bytes: longer records are rejected.
    """

    def __init__(self, table: Source, max_record_bytes: int) -> None:
        self.table = table
        self.max_record_bytes = max_record_bytes
        self._functions = [resolve(str(step.function)) for step in table.derive]

    def chunks(self, file: CsvFile) -> Iterator[tuple[int, bytes]]:
        """Yields a file's text from its start in stretches of whole records, with their offsets."""
        with file.source.open() as source:
            yield from read_chunks(
                source, file.format, len(file.names), self.max_record_bytes, RANGE_BYTES,
                file.data_offset, file.source.path,
            )  # fmt: skip

    def read(self, file: CsvFile, offset: int, data: bytes) -> ReadBatch:
        """Reads a stretch of whole records of a file, which starts at an offset of its text.

        Raises:
            InputError: a function of the definition failed.
        """
        batch, rejects = parse_chunk(
            data, offset, file.names, self.table.columns, file.format, self.max_record_bytes
        )
        records = len(batch) + len(rejects)
        for step, function in zip(self.table.derive, self._functions, strict=True):
            batch, more = derive(batch, step, function)
            rejects += more
        identity = row_identity(file.source.number, batch[ROW_OFFSET].to_numpy())
        columns = {name: batch[name] for name in self.table.row_columns}
        rows = pa.RecordBatch.from_pydict({**columns, ROW: pa.array(identity, pa.int64())})
        return ReadBatch(file, rows, rejects, records)


def read_batches(
    files: Sequence[CsvFile], table: Source, max_record_bytes: int
) -> Iterator[ReadBatch]:
    """Reads files one after another, on all cores, a few stretches of text in memory at a time.

    Args:
        files: files as `inspect_csv` returns them.
        table: what they hold.
        max_record_bytes: longer records are rejected.

    Yields:
        Batches in order of file and place.

    Raises:
        InputError: a file cannot be read to its end, or a function of the definition failed.
    """
    reader = BatchReader(table, max_record_bytes)
    threads = usable_cores()
    pending: deque[Future[ReadBatch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for file in files:
            for offset, data in reader.chunks(file):
                pending.append(pool.submit(reader.read, file, offset, data))
                if len(pending) > threads:
                    yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
