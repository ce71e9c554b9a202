"""What docs/reference/training-loop.md shows is what the code does."""

from __future__ import annotations

import re

from doc_pages import Page

from forebay.cli import _parser
from forebay.trainer.options import LoopOptions, TrainOptions, loop_options, train_options
from forebay.trainer.training.exporters import FOLDERS
from forebay.trainer.workers.shares import Worker
from forebay.trainer.workers.team import worker_of

PAGE = Page("reference/training-loop.md")


def test_the_commands_are_as_they_read() -> None:
    read = [_parser().parse_args(command[1:]) for command in PAGE.commands("forebay")[:5]]
    trained, looped = [train_options(args) for args in read], [loop_options(args) for args in read]
    assert trained[0] == TrainOptions(max_steps=4000, eval_every=500, patience=5)
    assert looped[1] == LoopOptions(checkpoint_every=100, throttle_seconds=60.0)
    assert looped[2] == LoopOptions(exporters=("final", "best"), keep=3)
    assert trained[3] == TrainOptions(best_by="auc")
    assert (trained[4], looped[4]) == (
        TrainOptions(eval_steps=20), LoopOptions(steps=500, save_summary_steps=50),
    )  # fmt: skip


def test_every_flag_of_the_loop_is_explained() -> None:
    help_ = _parser().parse_args(["train", "RUN"])
    flags = {f"--{name.replace('_', '-')}" for name in LoopOptions.__dataclass_fields__}
    flags -= {"--exporters", "--tensorboard"}
    flags |= {"--exporter", "--no-export", "--no-tensorboard", "--fresh", "--best-by"}
    assert flags <= set(re.findall(r"--[a-z-]+", PAGE.text))
    assert help_.keep == LoopOptions().keep


def test_exporters_write_where_the_table_says() -> None:
    rows = re.findall(r"^\| `(\w+)`.*\| `RUN/(.*)/<timestamp>/` \|$", PAGE.text, re.M)
    assert dict(rows) == FOLDERS


def test_the_tf_config_is_one_of_two_workers() -> None:
    (text,) = re.findall(r"TF_CONFIG='(.*)'", PAGE.text)
    assert worker_of(text) == Worker(0, 2)
