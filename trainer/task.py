"""``python -m trainer.task train|evaluate|...``: the commands without the front door.

The functions `run_train`, `run_evaluate` and so on are what the ``forebay`` commands call.
"""

import sys

if __name__ == "__main__":  # before what takes longer to import
    from forebay.console.first_moment import end_when_interrupted

    end_when_interrupted()

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from forebay.console.arguments import Parser
from forebay.console.commands import Command, add_commands, parse_command, run_parsed
from forebay.console.process import in_own_process
from forebay.console.tensorflow import start_tensorflow
from forebay.console.terminal import say, say_json
from forebay.console.words import counted
from forebay.trainer import options


def run_train(args: argparse.Namespace) -> int:
    """Trains, evaluates on the eval split, exports; returns the exit status."""
    chosen, loop = options.train_options(args), options.loop_options(args)
    start_tensorflow()
    from forebay.storage.run import files
    from forebay.storage.run.layout import TRAINING_FOLDER, ZEROS_NAME
    from forebay.trainer.evaluation.table import table
    from forebay.trainer.training.whole import train_run
    from forebay.trainer.weights import zeros

    trained = train_run(args.run, chosen, loop, fresh=args.fresh)
    record = trained.record
    if trained.was_done:
        return _say_nothing_to_do(record, args)
    if args.json:
        say_json({
            "worker": trained.worker,
            "step": record["step"],
            "steps_trained": record["steps_trained"],
            "weights_sha256": record["weights_sha256"],
            "model": trained.model,
            "evaluation": trained.report,
        })  # fmt: skip
        return 0
    _say_trained(record, loop.steps)
    if trained.report is not None:
        say(table(trained.report))
        if chosen.l1:
            path = trained.run.own(TRAINING_FOLDER, ZEROS_NAME)
            say(zeros.table(files.read_record(zeros.Zeros, path)))
            say(f"wrote {path}")
        model = trained.model
        say(f"exported {model}" if model else "exported no final model, as asked")
    return 0


def _say_trained(record: Mapping[str, Any], steps: int | None) -> None:
    taken, planned = record["steps_trained"], record["options"]["max_steps"]
    say(f"trained {counted(taken, 'step')}, the best was {record['step']:,}")
    late = sum(evaluation["step"] > record["step"] for evaluation in record["history"])
    if steps is not None and taken < planned and late < record["options"]["patience"]:
        say(f"{planned - taken:,} of {counted(planned, 'step')} are left: the same command goes on")
    if record["seconds"]["steps"]:
        share = record["seconds"]["waiting for rows"] / record["seconds"]["steps"]
        say(f"{share:.1%} of the steps' time was spent waiting for rows")


def _say_nothing_to_do(record: Mapping[str, Any], args: argparse.Namespace) -> int:
    steps = {name: record[name] for name in ("step", "steps_trained")}
    if args.json:
        say_json({"nothing_to_do": True, **steps})
    else:
        say(
            f"nothing to do: {args.run} is trained already, "
            f"{counted(steps['steps_trained'], 'step')} of "
            f"{record['options']['max_steps']:,} planned; --fresh trains anew"
        )
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Evaluates a split; returns the exit status."""
    chosen = options.evaluate_options(args)
    start_tensorflow()
    from forebay.storage.run.run_folder import open_run
    from forebay.trainer.evaluation.evaluate import evaluate
    from forebay.trainer.evaluation.table import table

    run = open_run(args.run)
    report = evaluate(run, chosen)
    if args.json:
        say_json(report)
    else:
        say(table(report))
        say(f"wrote {run.own('evaluation', chosen.split)}.json and .png")
    return 0


def run_sweep(args: argparse.Namespace) -> int:
    """Trains with other options again and again; returns the exit status."""
    chosen = options.sweep_options(args)
    start_tensorflow()
    from forebay.storage.run.layout import SWEEP_FOLDER
    from forebay.storage.run.run_folder import open_run
    from forebay.trainer.search.report import sweep_table
    from forebay.trainer.search.sweep import sweep

    run = open_run(args.run)
    report = sweep(run, chosen, fresh=args.fresh)
    if args.json:
        say_json(report)
    else:
        say(sweep_table(report, run.file(SWEEP_FOLDER)))
    return 0


def run_lr_find(args: argparse.Namespace) -> int:
    """Trains at growing rates and suggests one; returns the exit status."""
    chosen = options.find_rate_options(args)
    start_tensorflow()
    from forebay.storage.run.layout import RATES_FOLDER
    from forebay.storage.run.run_folder import open_run
    from forebay.trainer.search.learning_rate import find_rate, rate_table

    run = open_run(args.run)
    report = find_rate(run, chosen)
    if args.json:
        say_json(report)
    else:
        say(rate_table(report, run.file(RATES_FOLDER)))
    return 0


COMMANDS = {
    "train": Command(
        "train and export a model on a run folder",
        options.add_train_arguments,
        "forebay.trainer.task:run_train",
    ),
    "evaluate": Command(
        "measure a model on a split, beside baselines",
        options.add_evaluate_arguments,
        "forebay.trainer.task:run_evaluate",
    ),
    "sweep": Command(
        "train with other options again and again, and compare them on the eval split",
        options.add_sweep_arguments,
        "forebay.trainer.task:run_sweep",
    ),
    "lr-find": Command(
        "see at which learning rates the loss falls, and where it diverges",
        options.add_find_rate_arguments,
        "forebay.trainer.task:run_lr_find",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the arguments name; returns the exit status."""
    if arguments is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    parser = Parser(prog="python -m trainer.task", description=__doc__)
    add_commands(parser, COMMANDS)
    args = parse_command(parser, COMMANDS, arguments)
    return run_parsed(f"trainer.task {args.command}", COMMANDS[args.command], args)


if __name__ == "__main__":
    sys.exit(main())
