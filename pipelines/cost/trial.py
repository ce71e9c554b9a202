"""One run of preprocess, measured: ``python -m forebay.pipelines.cost.trial RESULT ...``.

It has a process of its own, so that its time and its memory are those of the run alone.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.storage.json_records import read_record
from forebay.storage.run.layout import EXAMPLES_FOLDER
from forebay.transforms.errors import InputError, RunFailed
from forebay.transforms.json_text import json_text

if TYPE_CHECKING:
    from forebay.pipelines.job import Job
    from forebay.pipelines.options import PreprocessOptions

# What `GroupBatches` and `WriteSplits` leave in the run's temporary folder until it is published.
_PIECES = re.compile(r"[0-9a-f]{32}\.arrow")
_SHARD = re.compile(r"[a-z]+-[0-9]{5}\.arrow")


@dataclass(frozen=True)
class Trial:
    """What a run took.

    Attributes:
        rows: records read of the dataset's own table.
        text_bytes: about how long the rows of all tables are as text.
        own_text_bytes: those of the dataset's own table.
        cpu_seconds: processor time, of all threads, start and end included.
        seconds: wall time.
        peak_bytes: the most memory that the process took.
        shuffle_bytes: bytes that were grouped by keys, shards or files, written once and read once.
        shuffle_files: the files that they were written to.
        between_bytes: the rows between the two jobs, written once and read once, or twice where a
            graph is learned.
        largest_shard_bytes: those of the largest shard, the largest element.
        output_bytes: the TFRecords.
        shards: files per split.
        key_partitions: parts that the windows' keys were cut into.
    """

    rows: int
    text_bytes: int
    own_text_bytes: int
    cpu_seconds: float
    seconds: float
    peak_bytes: int
    shuffle_bytes: int
    shuffle_files: int
    between_bytes: int
    largest_shard_bytes: int
    output_bytes: int
    shards: int
    key_partitions: int


def measure(arguments: Sequence[str], result: str) -> Trial:
    """Runs preprocess in a process of its own.

    Args:
        arguments: those of ``forebay preprocess``.
        result: a file for what it took.

    Raises:
        InputError: the run is refused; it says why.
        RunFailed: it failed.
    """
    command = [sys.executable, "-m", __name__, result, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        words = told[-1].removeprefix("error: ") if told else "it said nothing; run preprocess"
        raise (InputError if done.returncode == 2 else RunFailed)(f"the sample's run: {words}")
    return read_record(Trial, Path(result).read_bytes(), result, "measure again")


def main(arguments: Sequence[str]) -> int:
    """Makes a run, and writes what it took; returns the exit status."""
    from forebay.console.arguments import Parser
    from forebay.console.command_line import tell_failure
    from forebay.console.tensorflow import start_tensorflow_quietly
    from forebay.pipelines.options import add_preprocess_arguments, preprocess_options

    result, *own = arguments
    parser = Parser()
    add_preprocess_arguments(parser)
    args = parser.parse_args([*own, "--quiet"])
    args.beam = []
    start_tensorflow_quietly()
    try:
        trial = _trial(preprocess_options(args))
    except Exception as error:
        return tell_failure(error)
    Path(result).write_text(json_text(asdict(trial)))
    return 0


def _trial(options: PreprocessOptions) -> Trial:
    from forebay.pipelines.preprocess import preprocess
    from forebay.pipelines.sources.tables import all_inputs, text_bytes
    from forebay.transforms.definition.sources import ROWS

    seen: dict[str, int] = {}

    def look(job: Job) -> None:
        """Counts what lies in the run's temporary folder while it is there."""
        with os.scandir(job.temporary_path()) as found:
            sizes = {entry.name: entry.stat().st_size for entry in found if entry.is_file()}
        pieces = [size for name, size in sizes.items() if _PIECES.fullmatch(name)]
        shards = [size for name, size in sizes.items() if _SHARD.fullmatch(name)]
        seen.update(
            shuffle_bytes=sum(pieces), shuffle_files=len(pieces), between_bytes=sum(shards),
            largest_shard_bytes=max(shards, default=0), shards=job.shards,
            key_partitions=job.key_partitions, text_bytes=text_bytes(all_inputs(job.tables)),
            own_text_bytes=text_bytes(job.tables[ROWS]),
        )  # fmt: skip

    started = time.monotonic()
    manifest = preprocess(options, look)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    examples = [
        entry.size for name, entry in manifest.files.items()
        if name.startswith(f"{EXAMPLES_FOLDER}/")
    ]  # fmt: skip
    kilo = 1 if sys.platform == "darwin" else 1024
    return Trial(
        rows=manifest.rows_read,
        cpu_seconds=round(sum(one.ru_utime + one.ru_stime for one in used), 2),
        seconds=round(time.monotonic() - started, 2),
        peak_bytes=max(one.ru_maxrss for one in used) * kilo,
        output_bytes=sum(examples),
        **seen,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
