"""``forebay init``: writes a starting definition, guessed from a sample of the data."""

import argparse
import keyword
import math
import os
import re
import shlex
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebay.commands.init.draft import Draft, make_draft
from forebay.commands.init.guesses.column_facts import described, share
from forebay.commands.init.options import InitOptions, init_options
from forebay.commands.init.sample import read_sample
from forebay.commands.init.source.definition import OWN_NAMES, write_definition
from forebay.console.terminal import say, say_json, saying
from forebay.console.words import counted
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.sources.bigquery.address import (
    QUERY_SCHEME,
    TABLE_SCHEME,
    BigQuery,
    table_address,
)
from forebay.pipelines.sources.bigquery.input import open_bigquery
from forebay.pipelines.sources.named_inputs import Option
from forebay.pipelines.sources.spool import Given, several
from forebay.pipelines.sources.tables import find_inputs
from forebay.storage.named_files import check_output, write_whole
from forebay.transforms import html
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError

_STANDARD_OUTPUT = "-"
_PACKAGES = ("forebay", "pipelines", "trainer", "transforms")


@dataclass(frozen=True)
class Guess:
    """A definition guessed from a sample of the data.

    Attributes:
        draft: what was guessed, and why.
        variable: what the definition is called in its file.
        source: the text of that file.
    """

    draft: Draft
    variable: str
    source: str

    @property
    def dataset(self) -> Dataset:
        """The definition."""
        return self.draft.dataset

    def __repr__(self) -> str:
        return self.source

    def _repr_html_(self) -> str:
        return html.preformatted(self.source)


def guess(options: InitOptions) -> Guess:
    """Guesses a definition, and writes it where that is asked for.

    Raises:
        InputError: the input cannot be read, there is nothing to learn from it, or the file cannot
            be written.
    """
    given = several(options.inputs)
    variable = _variable(_called(given))
    path = options.output
    if path is not None:
        _refuse_output(Path(path), options.overwrite)
    found = find_inputs(given, option=Option("", "inputs"))
    named = [one for one in found if isinstance(one, BigQuery)]
    files = [one for one in found if not isinstance(one, BigQuery)]
    inputs = [file.path for file in files]
    inputs += [one.name.removeprefix(QUERY_SCHEME) for one in named]
    if path is not None:
        check_output(path, "--output", inputs)
    with saying("init: reading a sample"):
        tables = [open_bigquery(one, None, number) for number, one in enumerate(named)]
        sample = read_sample(
            files, options.delimiter, options.names, options.rows, options.max_record_bytes, tables
        )
    with saying(f"init: guessing from {sample.rows:,} rows"):
        draft = make_draft(sample, variable, options.label)
    source = write_definition(draft, variable)
    if path is not None:
        _write(Path(path), source, inputs, options.overwrite)
    return Guess(draft, variable, source)


def run_init(args: argparse.Namespace) -> int:
    """Runs ``forebay init`` with parsed arguments; returns its exit status."""
    if args.json and args.output == _STANDARD_OUTPUT:
        raise InputError("--json and --output - both print; leave one of them out")
    path = Path(f"{_variable(args.input[0])}.py" if args.output is None else args.output)
    printed = args.output == _STANDARD_OUTPUT
    found = guess(init_options(args, None if printed else str(path)))
    if printed:
        say(found.source.rstrip("\n"))
    elif args.json:
        say_json(_to_json(found.draft, str(path), found.variable), indent=2)
    else:
        _tell(found.draft, path, args.input)
    return 0


def _called(given: Sequence[Given]) -> str:
    """Returns what the first input is called; a table in memory has no name."""
    first = given[0] if given else ""
    if isinstance(first, BigQuery):
        return first.name
    return first if isinstance(first, str) else "data"


def _variable(pattern: str) -> str:
    """Makes a Python name of an input's: ``data/Rides-2024*.csv.gz`` is rides_2024.

    A table of BigQuery gives its own name, without its project and dataset.

    Names that mean something else in a definition file, or when one is loaded, get ``_data``.
    """
    if pattern.startswith(TABLE_SCHEME):
        stem = table_address(pattern).table
    else:
        stem = os.path.basename(pattern.removeprefix(QUERY_SCHEME)).removesuffix(".gz")
        stem = stem.rpartition(".")[0] or stem
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "data"
    if not name[0].isalpha():
        name = f"data_{name}"
    is_taken = name in OWN_NAMES or keyword.iskeyword(name) or _is_module(name)
    return f"{name}_data" if is_taken else name


def _is_module(name: str) -> bool:
    """Tells whether Python, an installed package or Forebay has a module of this name."""
    if name in sys.stdlib_module_names or name in _PACKAGES:
        return True
    installed = {Path(sysconfig.get_path(place)) for place in ("purelib", "platlib")}
    return any((place / entry).exists() for place in installed for entry in (name, f"{name}.py"))


def _refuse_output(path: Path, overwrite: bool) -> None:
    """Refuses a name that no definition can be loaded from, and a file that is there.

    Raises:
        InputError: choose another name, or say --overwrite.
    """
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise InputError(
            f"--output {str(path)!r} is not the name of a Python module; write letters, digits and "
            "_, and .py at the end, or - to print"
        )
    if _is_module(path.stem):
        raise InputError(
            f"--output {str(path)!r} has the name of a module of Python or of a package, which "
            "would be loaded in its place; choose another name"
        )
    if path.exists() and not overwrite:
        raise InputError(f"{str(path)!r} is there already; choose another --output, or --overwrite")


def _write(path: Path, source: str, inputs: list[str], overwrite: bool) -> None:
    write_whole(str(path), source.encode(), "--output", inputs, replaces=overwrite)


def _tell(draft: Draft, path: Path, inputs: list[str]) -> None:
    dataset, sample = draft.dataset, draft.sample
    extent = "all" if sample.share == 1 else "a sample of"
    say(f"wrote {path}, guessed from {extent} {counted(sample.rows, 'row')}")
    if sample.blank:
        say(f"  blank     {counted(sample.blank, 'row')} without any text")
    say(f"  label     {dataset.label.column}, {draft.label_reason}")
    say(f"  row time  {dataset.row_time or 'none found'}")
    say(f"  split     {dataset.split}")
    unused = [name for s in draft.suggestions if not s.features for name in s.columns]
    say(f"  features  {len(dataset.features)}; not used: {', '.join(unused) or 'nothing'}")
    limit = ""
    if draft.reject_share:
        say(f"  rejects   about {share(draft.reject_share)} of the records")
    if draft.reject_share > PreprocessOptions.max_reject_fraction / 2:
        limit = f" --max-reject-fraction {math.ceil(200 * draft.reject_share) / 100:g}"
    given = f"{shlex.quote(str(path))} --input {shlex.join(inputs)}"
    say("read it, and change what you know better; then")
    say(f"  forebay check {given}")
    say(f"  forebay preprocess {given} --output runs/{dataset.name}{limit}")


def _to_json(draft: Draft, path: str, variable: str) -> dict[str, Any]:
    dataset = draft.dataset
    made = {name: s for s in draft.suggestions for name in s.columns}
    return {
        "definition": f"{path}:{variable}",
        "rows": draft.sample.rows,
        "blank_rows": draft.sample.blank,
        "share_of_rows": draft.sample.share,
        "rejects": len(draft.sample.rejects),
        "label": dataset.label.column,
        "row_time": dataset.row_time,
        "split": repr(dataset.split),
        "columns": {
            name: {
                "kind": type(reading.column).__name__,
                "values": described(reading, draft.facts[name]),
                "features": [out for f in made[name].features for out in f.outputs]
                if name in made
                else [],
                "reason": made[name].reason if name in made else draft.label_reason,
            }
            for name, reading in draft.readings.items()
        },
    }
