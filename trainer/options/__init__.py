"""Arguments of the training commands, a file each; stdlib only, so that ``--help`` is quick."""

from forebay.trainer.options.data import DataOptions as DataOptions
from forebay.trainer.options.evaluate import EvaluateOptions as EvaluateOptions
from forebay.trainer.options.evaluate import add_evaluate_arguments as add_evaluate_arguments
from forebay.trainer.options.evaluate import evaluate_options as evaluate_options
from forebay.trainer.options.find_rate import add_find_rate_arguments as add_find_rate_arguments
from forebay.trainer.options.find_rate import find_rate_options as find_rate_options
from forebay.trainer.options.loop import ExporterName as ExporterName
from forebay.trainer.options.loop import LoopOptions as LoopOptions
from forebay.trainer.options.loop import loop_options as loop_options
from forebay.trainer.options.sweep import add_sweep_arguments as add_sweep_arguments
from forebay.trainer.options.sweep import sweep_options as sweep_options
from forebay.trainer.options.train import ModelKind as ModelKind
from forebay.trainer.options.train import OptimizerName as OptimizerName
from forebay.trainer.options.train import TrainOptions as TrainOptions
from forebay.trainer.options.train_arguments import add_train_arguments as add_train_arguments
from forebay.trainer.options.train_arguments import train_options as train_options
