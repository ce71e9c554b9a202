"""``forebay predict``: from parsed arguments to predictions."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import IO

from forebay.commands.predict.options import predict_options
from forebay.console.command_line import start_tensorflow
from forebay.console.terminal import note, say_json
from forebay.storage.entries import files_below
from forebay.storage.named_files import check_output, written_whole
from forebay.storage.run.definition_files import load_same_definition
from forebay.storage.run.exported import open_exported
from forebay.transforms.errors import InputError


def run_predict(args: argparse.Namespace) -> int:
    """Runs ``forebay predict``; returns 1 where there were rows and none was answered, else 0."""
    start_tensorflow()
    if args.input is None:
        return _answer_lines(args)
    if args.instances is not None:
        raise InputError(
            f"both {args.instances!r} and --input {args.input[0]!r} are given; a table goes to "
            "--input, JSON lines with every column of the model to INPUT"
        )
    return _answer_table(args)


def _answer_lines(args: argparse.Namespace) -> int:
    from forebay.serving.predictor import predict_files

    for flag in ("history", "source", "rejects"):
        if getattr(args, flag):
            raise InputError(f"--{flag} goes with a table, which --input names; give it")
    if args.definition is not None:
        load_same_definition(args.definition, open_exported(args.model).definition)
    lines = args.instances or "-"
    counts = predict_files(args.model, lines, args.output, ignore_extra=args.ignore_extra)
    if counts.errors:
        note(f"{counts.errors:,} of {counts.lines:,} lines were answered with an error")
    return 1 if counts.errors and counts.errors == counts.lines else 0


def _answer_table(args: argparse.Namespace) -> int:
    from forebay.pipelines.predictions.outputs import writer_for
    from forebay.pipelines.predictions.predict import predicted

    options = predict_options(args)
    read = [one for one in (*args.input, *args.history) if isinstance(one, str)]
    inputs = [*read, *(path for _, path in args.source), *files_below(args.model)]
    rejects = args.rejects or (f"{args.output}.rejects.jsonl" if args.output != "-" else None)
    for path, option in ((args.output, "--output"), (rejects, "--rejects")):
        if path not in (None, "-"):
            check_output(path, option, inputs)
    with predicted(options) as found:
        write = writer_for(args.output)
        if args.output == "-" and not args.json:
            write(sys.stdout.buffer, found.schema, found.batches())
        elif args.output != "-":
            with written_whole(args.output, "--output", inputs) as stream:
                write(stream, found.schema, found.batches())
        if rejects is not None and found.rejects:
            with written_whole(rejects, "--rejects", inputs) as stream:
                _join(found.read_rejects(), stream)
    counts = found.counts
    rejected = sum(counts.rejects.values())
    if rejected:
        kept = f"; they are in {rejects}" if rejects is not None else ""
        reasons = "; ".join(f"{reason} ({n:,})" for reason, n in counts.rejects.items())
        note(f"{rejected:,} of {counts.records:,} records have no prediction: {reasons}{kept}")
    if args.json:
        say_json(asdict(counts), indent=2)
    elif args.output != "-":
        note(f"{args.output}: {counts.answered:,} predictions of {counts.records:,} records")
    return 1 if counts.records and not counts.answered else 0


def _join(blocks: Iterable[bytes], stream: IO[bytes]) -> None:
    for block in blocks:
        stream.write(block)
