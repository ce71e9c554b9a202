"""Arguments of the training commands, a file each; stdlib only, so that ``--help`` is quick."""

from trainer.options.data import DataOptions as DataOptions
from trainer.options.evaluate import EvaluateOptions as EvaluateOptions
from trainer.options.evaluate import add_evaluate_arguments as add_evaluate_arguments
from trainer.options.evaluate import evaluate_options as evaluate_options
from trainer.options.find_rate import add_find_rate_arguments as add_find_rate_arguments
from trainer.options.find_rate import find_rate_options as find_rate_options
from trainer.options.loop import ExporterName as ExporterName
from trainer.options.loop import LoopOptions as LoopOptions
from trainer.options.loop import loop_options as loop_options
from trainer.options.predict import add_predict_arguments as add_predict_arguments
from trainer.options.sweep import add_sweep_arguments as add_sweep_arguments
from trainer.options.sweep import sweep_options as sweep_options
from trainer.options.train import ModelKind as ModelKind
from trainer.options.train import OptimizerName as OptimizerName
from trainer.options.train import TrainOptions as TrainOptions
from trainer.options.train_arguments import add_train_arguments as add_train_arguments
from trainer.options.train_arguments import train_options as train_options
