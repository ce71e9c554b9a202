"""Trials that are compared on blocks of time within train."""

from dataclasses import dataclass, replace

import keras
import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.metrics.arrays import Ints
from forebay.trainer.options import LoopOptions
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.search.blocks import (
    DAY_US,
    GroupLosses,
    TimeBlock,
    block_column,
    by_group,
    reach_of,
    time_blocks,
    times_us,
)
from forebay.trainer.training.job import Rows
from forebay.trainer.training.train import train

# Neither pictures nor models of trials are kept.
QUIET = LoopOptions(exporters=(), tensorboard=False)


@dataclass(frozen=True)
class Blocks:
    """The blocks of time that trials are compared on.

    Attributes:
        examples: the rows of train.
        group: int64 (n,), the day of each, from 0.
        parts: which rows each block measures, and which come before it.
    """

    examples: Examples
    group: Ints
    parts: tuple[TimeBlock, ...]


def read_blocks(run: RunFolder, options: SweepOptions) -> Blocks | None:
    """Reads train, and cuts it into blocks, where trials are compared on them."""
    if options.blocks is None:
        return None
    column = block_column(run.definition, options.block_by)
    inputs = inputs_of(run, options.train.drop_features)
    reader = SplitReader(run, "train", inputs, (column,), patterns=options.train.data.files)
    examples = reader.read()
    times = times_us(run.definition, column, examples.carried[column].astype(np.int64))
    parts = time_blocks(times, options.blocks, reach_of(run))
    _, group = np.unique(times // DAY_US, return_inverse=True)
    return Blocks(examples, group.astype(np.int64), tuple(parts))


def losses_on_blocks(
    run: RunFolder, blocks: Blocks, tried: ChosenOptions, folder: str
) -> GroupLosses:
    """Trains a model for each block, to its last step, and asks it about the block's rows."""
    answered = []
    for part in blocks.parts:
        rows = Rows(blocks.examples.take(part.before), blocks.examples.take(part.measured))
        # As many passes as over all rows; the one evaluation, after the last step, chooses nothing.
        steps = max(1, round(tried.max_steps * len(rows.train) / len(blocks.examples)))
        warmup = min(tried.warmup_steps, steps - 1)
        whole = replace(tried, max_steps=steps, eval_every=steps, warmup_steps=warmup)
        training = train(run, whole, QUIET, fresh=True, folder=folder, instead=rows)
        measured = rows.evaluated
        answered.append((
            blocks.group[part.measured],
            measured.label.astype(np.float64),
            predict(training.model, measured),
            measured.weight.astype(np.float64),
        ))  # fmt: skip
        keras.backend.clear_session()
    return by_group(run.definition.label.task, iter(answered), int(blocks.group.max()) + 1)
