"""``forebay predict``: from parsed arguments to predictions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from forebay.commands.predict.options import (
    given_for_table,
    predict_folder_options,
    predict_options,
)
from forebay.console.tensorflow import start_tensorflow
from forebay.console.terminal import note, say_json, warn
from forebay.console.words import counted
from forebay.pipelines.command import tell_jobs
from forebay.pipelines.runners.engines import ENGINES, engine_of
from forebay.pipelines.runners.local import Local
from forebay.pipelines.sources.bigquery.address import as_bigquery
from forebay.storage.named_files import is_special
from forebay.storage.run.definition_files import definition_file, load_same_definition
from forebay.storage.run.exported import open_exported
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.predictions.counts import Counts
    from forebay.pipelines.sinks.outputs import TableOutput


def run_predict(args: argparse.Namespace) -> int:
    """Runs ``forebay predict``; returns 1 where there were rows and none was answered, else 0."""
    if ENGINES[args.on].is_here:  # elsewhere only workers need it
        start_tensorflow(has_runs=args.input is not None)
    if args.input is None:
        return _answer_lines(args)
    if args.instances is not None:
        raise InputError(
            f"both {args.instances!r} and --input {args.input[0]!r} are given; a table goes to "
            "--input, JSON lines with every column of the model to INPUT"
        )
    if args.ignore_extra:
        raise InputError(
            f"--ignore-extra goes with JSON lines; of the table of --input {args.input[0]!r} the "
            "definition says which columns are read; leave it out"
        )
    return _answer_to_folder(args) if _is_for_workers(args) else _answer_table(args)


def _answer_lines(args: argparse.Namespace) -> int:
    from forebay.pipelines.sinks.kinds import check_lines_output
    from forebay.serving.doubts import told
    from forebay.serving.predictor import predict_files

    if args.on != Local.name:
        raise InputError(
            f"--on {args.on} goes with a table, which --input names; JSON lines are answered here"
        )
    engine_of(args)  # which refuses flags of others
    if of_table := [*given_for_table(args)]:
        raise InputError(
            f"{', '.join(of_table)} {'goes' if len(of_table) == 1 else 'go'} with a table, which "
            "--input names; leave out what JSON lines have no use for, or give it"
        )
    read = []
    if args.definition is not None:
        load_same_definition(args.definition, open_exported(args.model).definition)
        read = [file for file in [definition_file(args.definition)] if file is not None]
    lines = args.instances or "-"
    if as_bigquery(args.output) is not None:
        raise InputError(
            f"--output {args.output!r} takes the predictions of a table, which --input names; "
            "answers to JSON lines go to a file"
        )
    check_lines_output(args.output, "--output")
    counts = predict_files(
        args.model, lines, args.output, ignore_extra=args.ignore_extra, also_read=read
    )
    for doubt, rows in counts.doubts.items():
        warn(told(doubt, rows))
    if counts.errors:
        note(f"{counts.errors:,} of {counts.lines:,} lines were answered with an error")
    return 1 if counts.errors and counts.errors == counts.lines else 0


def _answer_table(args: argparse.Namespace) -> int:
    from forebay.pipelines.predictions.predict import predicted
    from forebay.pipelines.predictions.question import open_question
    from forebay.pipelines.sinks.kinds import check_all
    from forebay.pipelines.sinks.rejects import REJECT_COLUMNS

    options = predict_options(args)
    _outputs(args)  # names that are none are told before anything is opened
    asked = open_question(options)
    output, rejects = _outputs(args, asked.read)
    outputs = [(output, asked.schema), *([(rejects, REJECT_COLUMNS)] if rejects else [])]
    check_all(outputs)
    for sink, schema in outputs:
        sink.make_ready(schema)
    with predicted(asked) as found:
        # The greater one first: where it does not fit, those before are left, with their rejects.
        if not (args.json and args.output == "-"):
            output.write(found.schema, found.batches())
        if rejects is not None and (found.rejected or args.rejects or _is_there(rejects.name)):
            rejects.write(REJECT_COLUMNS, found.rejects())
    return _told(found.counts, rejects.name if rejects is not None else None, args)


def _is_there(path: str) -> bool:
    """Tells whether there is a file: an earlier command's rejects are not those of this one."""
    from forebay.pipelines.sources.files import file_systems

    return bool(file_systems(path).exists(path))


def _outputs(
    args: argparse.Namespace, read: Sequence[str] = ()
) -> tuple[TableOutput, TableOutput | None]:
    """Opens where predictions and rejects go; rejects go nowhere unless somewhere is named.

    Args:
        args: parsed arguments.
        read: the names of what is read.
    """
    from forebay.pipelines.sinks.kinds import check_apart, open_output

    output = open_output(args.output, "--output", read)
    path = args.rejects or _beside(args.output)
    if path is None:
        return output, None
    check_apart([("--output", args.output), ("--rejects", path)])
    return output, open_output(path, "--rejects", read, sparse=True)


def _is_for_workers(args: argparse.Namespace) -> bool:
    """Tells whether workers write the predictions, each its part, to a folder."""
    from forebay.pipelines.runners.engines import chosen_engine

    engine, _ = chosen_engine(engine_of(args), args.beam)
    is_folder = str(args.output).endswith("/")
    if not isinstance(engine, Local) and not is_folder:
        raise InputError(
            f"--output {args.output!r}: on {engine.name} workers write predictions, each its part, "
            "to a folder; name one that ends in /, such as gs://BUCKET/answers/"
        )
    if is_folder and args.rejects is not None:
        raise InputError(
            f"--rejects {args.rejects!r}: the folder {args.output} has rejects in it; leave the "
            "option out"
        )
    return is_folder or args.dry_run is not None


def _answer_to_folder(args: argparse.Namespace) -> int:
    from forebay.pipelines.predictions.folder import predict_to_folder

    options = predict_folder_options(args)
    if options.dry_run is None:
        counts = predict_to_folder(options)
        return 0 if counts is None else _told(counts, f"{args.output}rejects", args)
    from forebay.pipelines.dry_run import write_predict_job

    tell_jobs(write_predict_job(options, options.dry_run), options.dry_run, args)
    return 0


def _told(counts: Counts, rejects: str | None, args: argparse.Namespace) -> int:
    """Tells what was made; returns the exit status."""
    _tell(counts, rejects)
    if args.json:
        say_json(asdict(counts), indent=2)
    elif args.output != "-":
        made = counted(counts.answered, "prediction")
        note(f"{args.output}: {made} of {counted(counts.records, 'record')}")
    return 1 if counts.records and not counts.answered else 0


def _tell(counts: Counts, rejects: str | None) -> None:
    """Tells what became of records, apart from those that are answered."""
    from forebay.pipelines.lookups.counts import told_counts

    for name, lookup in counts.lookups.items():
        note(f"{name}: {', '.join(f'{n:,} {what}' for what, n in told_counts(lookup).items())}")
    for by, rows in counts.dropped.items():
        note(f"{counted(rows, 'row')} dropped {by}")
    if counts.added:
        note(f"{counted(counts.added, 'row')} added by the definition's own step")
    if lost := sum(counts.rejects.values()):
        kept = f"; they are in {rejects}" if rejects is not None else ""
        reasons = "; ".join(f"{reason} ({n:,})" for reason, n in counts.rejects.items())
        note(f"no prediction for {lost:,} of {counted(counts.records, 'record')}: {reasons}{kept}")


def _beside(output: str) -> str | None:
    """Returns where rejects go unless somewhere is named: beside a file; None: there is none."""
    is_file = output != "-" and as_bigquery(output) is None and not is_special(output)
    return f"{output}.rejects.jsonl" if is_file else None
