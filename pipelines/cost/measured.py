"""From files to an estimate: parts are taken, run and counted."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from forebay.console.terminal import note
from forebay.pipelines.cost.estimate import Estimate, estimated
from forebay.pipelines.cost.keys import largest_keys
from forebay.pipelines.cost.options import CostOptions
from forebay.pipelines.cost.parts import first_part
from forebay.pipelines.cost.trial import Trial, measure
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.pipelines.sources.tables import Tables, all_inputs, open_tables, text_bytes
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition import serialize
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError

# The lesser part is this share of the greater: far enough from it for a slope.
_LESSER = 0.25


def estimate(options: CostOptions) -> Estimate:
    """Runs preprocess on two parts of the input, and computes what more rows take.

    Raises:
        InputError: the definition or a file is not as it must be, or the parts are too small.
        RunFailed: a run failed.
    """
    dataset = load_definition(options.definition)
    tables = open_tables(dataset, options.inputs, options.sources)
    whole = text_bytes(all_inputs(tables))
    share = min(1.0, (options.sample_mb << 20) / max(whole, 1))
    with tempfile.TemporaryDirectory(prefix="forebay-cost-") as folder:
        trials = [
            _trial(options, dataset, tables, share * part, os.path.join(folder, name))
            for part, name in ((_LESSER, "lesser"), (1.0, "greater"))
        ]
        if trials[0].rows >= trials[1].rows:
            raise InputError(
                f"the sample has {trials[1].rows:,} rows, too few to tell what a row takes; give "
                "more of the table, or a greater --sample-mb"
            )
        note("looking for the largest keys")
        keys = largest_keys(
            dataset, _parts(dataset, tables, share, folder), options.max_record_bytes
        )
    return estimated(trials, keys, options.rows, options.vcpus, options.window_memory_mb)


def _trial(
    options: CostOptions, dataset: Dataset, tables: Tables, share: float, folder: str
) -> Trial:
    """Runs preprocess on a part of every table."""
    os.makedirs(folder)
    note(f"running preprocess on {share:.3g} of the input")
    definition = options.definition
    if isinstance(definition, Dataset):
        definition = os.path.join(folder, "definition.json")
        with open(definition, "w", encoding="utf-8") as file:
            file.write(serialize.to_json(dataset))
    paths = _paths(tables, share, folder)
    words = [definition, "--input", *paths[ROWS], "--output", os.path.join(folder, "run")]
    for name, own in paths.items():
        if name != ROWS:
            words += [word for path in own for word in ("--source", f"{name}={path}")]
    words += [
        "--max-reject-fraction", "1", "--window-memory-mb", str(options.window_memory_mb),
        "--max-record-bytes", str(options.max_record_bytes),
    ]  # fmt: skip
    return measure(words, os.path.join(folder, "trial.json"))


def _parts(dataset: Dataset, tables: Tables, share: float, folder: str) -> Tables:
    """Opens the part of every table."""
    paths = _paths(tables, share, folder)
    sources = {name: tuple(own) for name, own in paths.items() if name != ROWS}
    inputs = tuple(
        SplitInput(*path.split("=", 1)) if split else path
        for path, split in zip(paths[ROWS], (one.split for one in tables[ROWS]), strict=True)
    )
    return open_tables(dataset, inputs, sources)


def _paths(tables: Tables, share: float, folder: str) -> Mapping[str, Sequence[str]]:
    """Takes a part of every table's files; those of a split are named by it."""
    return {name: [*_taken(name, own, share, folder)] for name, own in tables.items()}


def _taken(name: str, inputs: Sequence[object], share: float, folder: str) -> Iterator[str]:
    for number, one in enumerate(inputs):
        below = os.path.join(folder, f"parts-{name}")
        os.makedirs(below, exist_ok=True)
        path = first_part(str(getattr(one, "path", one)), share, below, number)
        split = getattr(one, "split", None)
        yield f"{split}={path}" if split else path
