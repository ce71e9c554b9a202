"""The commands that answer with an exported model."""

import argparse

from forebay.console.commands import Command
from forebay.console.tensorflow import start_tensorflow
from forebay.console.terminal import note
from forebay.serving.options import add_predict_arguments


def run_predict(args: argparse.Namespace) -> int:
    """Answers JSON lines; returns 1 where there were lines and all failed, else 0."""
    start_tensorflow()
    from forebay.serving.predictor import predict_files

    counts = predict_files(args.model, args.input, args.output)
    if counts.errors:
        note(f"{counts.errors:,} of {counts.lines:,} lines were answered with an error")
    return 1 if counts.errors and counts.errors == counts.lines else 0


COMMANDS = {
    "predict": Command(
        "answer JSON lines with an exported model",
        add_predict_arguments,
        "forebay.serving.commands:run_predict",
    ),
}
