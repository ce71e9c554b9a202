"""What TensorBoard gets, read back with its own reader."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from rich.console import Console
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.training.job import TrainingJob, prepare
from forebay.trainer.training.tensorboard.activations import ActivationProbe
from forebay.trainer.training.tensorboard.board import Board
from forebay.trainer.training.train import train
from forebay.trainer.workers.team import alone
from forebay.transforms.definition import serialize
from forebay.transforms.errors import InputError

Copy = Callable[[Path], Path]


def read(logs: Path) -> EventAccumulator:
    found = EventAccumulator(str(logs), size_guidance={"tensors": 0})
    found.Reload()
    return found


def shown(logs: Path) -> plugin_event_accumulator.EventAccumulator:
    """What TensorBoard shows: of a training that went on, without what was lost."""
    found = plugin_event_accumulator.EventAccumulator(
        str(logs), tensor_size_guidance={"scalars": 0, "text": 0}
    )
    found.Reload()
    return found


def numbers(events: EventAccumulator, tag: str) -> dict[int, float]:
    return {e.step: float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)}


def text(events: Any, tag: str) -> str:
    (event,) = events.Tensors(tag)
    return tf.make_ndarray(event.tensor_proto).item().decode()


@pytest.fixture(scope="module")
def events(trained_regression: Path) -> EventAccumulator:
    return read(trained_regression / "training/logs")


@pytest.fixture(scope="module")
def record(trained_regression: Path) -> dict:
    return json.loads((trained_regression / "training/model.json").read_text())


def test_losses_metrics_and_rates_are_there(events: EventAccumulator, record: dict) -> None:
    losses = numbers(events, "train/rmse")
    assert list(losses) == [100, 200, 300, 400, 500, 600]
    for evaluation in record["history"]:
        step = evaluation["step"]
        squares = losses[step] ** 2, losses[step - 100] ** 2
        assert np.mean(squares) == pytest.approx(evaluation["train_loss"] ** 2)
        for name, value in evaluation["metrics"].items():
            assert numbers(events, f"eval/{name}")[step] == pytest.approx(value)
        assert numbers(events, "train/rows_per_second")[step] > 0
    peak, steps = record["options"]["learning_rate"], record["options"]["max_steps"]
    for step, rate in numbers(events, "learning_rate").items():
        cosine = peak * (1 + np.cos(np.pi * step / steps)) / 2
        assert rate == pytest.approx(cosine, abs=1e-9)


def test_norms_of_gradients_are_there_layer_by_layer(
    events: EventAccumulator, record: dict
) -> None:
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("gradients/")]
    assert {"gradients/hidden_0/norm", "gradients/hidden_1/norm", "gradients/deep/norm"} <= {*tags}
    evaluated = [evaluation["step"] for evaluation in record["history"]]
    for tag in tags:
        norms = numbers(events, tag)
        assert list(norms) == evaluated
        assert all(0 < norm < 100 for norm in norms.values())


def test_the_loss_is_written_every_so_many_steps(regression_run: Path, copy_of: Copy) -> None:
    run = copy_of(regression_run)
    options = TrainOptions(max_steps=60, eval_every=60, batch_size=64, hidden_units=(4,))
    train(open_run(str(run)), options, LoopOptions(save_summary_steps=15))
    assert list(numbers(read(run / "training/logs"), "train/rmse")) == [15, 30, 45, 60]


def test_histograms_count_the_average_of_every_weight(
    events: EventAccumulator, trained_regression: Path
) -> None:
    run = open_run(str(trained_regression))
    options = TrainOptions(max_steps=600, eval_every=200, batch_size=128)
    job = prepare(run, options, LoopOptions(), alone())
    model, path = job.models.score, str(trained_regression / "training/checkpoint.npz")
    found = checkpoint.load(path)
    assert found is not None
    checkpoint.restore(path, found, model.variables, job.updater.variables)
    with job.updater.averaged():
        averages = [variable.numpy().ravel() for variable in model.trainable_variables]
    for variable, values in zip(model.trainable_variables, averages, strict=True):
        last = events.Tensors(f"weights/{variable.path}")[-1]
        left, right, counts = tf.make_ndarray(last.tensor_proto).T
        assert last.step == 600
        expected, edges = np.histogram(values, len(counts))
        np.testing.assert_array_equal(counts, expected)
        np.testing.assert_allclose([left[0], right[-1]], [edges[0], edges[-1]])


def test_the_graph_and_the_definition_are_there(
    events: EventAccumulator, trained_regression: Path
) -> None:
    names = {node.name.split("/")[1] for node in events.Graph().node if "/" in node.name}
    for layer in ("hidden_0", "hidden_1", "deep", "wide_numbers", "standardise"):
        assert any(name.startswith(layer) for name in names)
    lines = text(events, "definition").splitlines()
    definition = serialize.from_json("\n".join(line[4:] for line in lines))
    assert definition == open_run(str(trained_regression)).definition
    assert '"max_steps": 600' in text(events, "options")


def test_embeddings_are_named_for_the_projector(trained_regression: Path, record: dict) -> None:
    logs = trained_regression / "training/logs"
    config = text_format.Parse((logs / "projector_config.pbtxt").read_text(), ProjectorConfig())
    embeddings = {e.tensor_name: e for e in config.embeddings}
    own = embeddings["line_id"]
    vectors = np.loadtxt(logs / own.tensor_path, delimiter="\t")
    names = (logs / own.metadata_path).read_text("utf-8").split("\n")
    # Made with top_k=5 and two OOV buckets, the frequencies falling in this order.
    assert names == ["red", "green", "blue", "étoile", "grey", "(other 0)", "(other 1)",
                     "(missing)"]  # fmt: skip
    assert vectors.shape == (8, 3)
    model = keras.models.load_model(trained_regression / "training/model.keras", compile=False)
    table = model.get_layer("embeddings_3").embeddings.numpy()
    columns = [c for c in record["inputs"]["categorical"] if c["embed"] == 3]
    before = [column["name"] for column in columns].index("line_id")
    first = sum(column["size"] for column in columns[:before])
    np.testing.assert_allclose(vectors, table[first : first + 8], rtol=1e-6)
    hours = (logs / embeddings["left_at_hour_of_day"].metadata_path).read_text().split("\n")
    assert hours == [*map(str, range(24)), "(missing)"]


def test_a_probe_counts_zeros_and_dead_units() -> None:
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="out")(hidden))
    # Units: x, -x, 1, and one that never fires.
    kernel = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    model.get_layer("hidden").set_weights([kernel, np.array([0.0, 0.0, 1.0, -1.0])])
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [-3.0, 0.0], [0.0, 5.0]], np.float32)
    ((name, zeros),) = ActivationProbe(model, (rows,)).measure().items()
    assert (name, zeros.units, zeros.dead) == ("hidden", 4, 1)
    fires = [2, 1, 4, 0]  # of the four rows, unit by unit
    assert zeros.share == 1 - sum(fires) / 16


def small_job(run: Path) -> TrainingJob:
    options = TrainOptions(
        hidden_units=(6, 4), members=2, batch_size=64, max_steps=50, eval_every=25
    )
    return prepare(open_run(str(run)), options, LoopOptions(), alone())


def test_dead_units_are_warned_of_once(
    regression_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = small_job(regression_run)
    biases = next(v for v in job.models.score.variables if v.path == "hidden_1/bias")
    # Of each of the two members.
    biases.assign(np.array([[[-1e6, 0.5, -1e6, 0.5]], [[-1e6, 0.5, 0.5, 0.5]]]))
    state = TrainingState(step=25)
    with Board(job, str(tmp_path), 0, Console(stderr=True)) as board:
        for step in (25, 50):
            state = state.evaluated(Evaluation(step, 1.0, 1.0, 1.0, {"rmse": 1.0}))
            board.evaluated(state)
    words = "layer hidden_1: 3 of 8 units are dead"
    told = capsys.readouterr().err
    assert told.count(words) == 1
    assert "warning: step 25: " in told
    events = read(tmp_path)
    assert words in text(events, "warnings/dead_units")
    assert numbers(events, "activations/hidden_1/dead_units") == {25: 3.0, 50: 3.0}
    assert all(v >= 3 / 8 for v in numbers(events, "activations/hidden_1/zero_fraction").values())


def test_a_training_that_continues_replaces_what_came_after_its_checkpoint(
    regression_run: Path, copy_of: Copy
) -> None:
    run = copy_of(regression_run)
    options = TrainOptions(max_steps=60, eval_every=20, batch_size=64, hidden_units=(4,))

    def die(state: TrainingState) -> None:
        if state.step == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(open_run(str(run)), options, on_evaluation=die)
    lost = checkpoint.load(str(run / "training/checkpoint.npz"))
    # As if it had been killed before this checkpoint was written, in the middle of an event.
    earlier = TrainingState(20, lost.state.history[:1])
    checkpoint.save(
        str(run),
        "training/checkpoint.npz",
        checkpoint.Checkpoint(earlier, lost.identity, lost.model, lost.optimizer, lost.best),
    )
    (events,) = (run / "training/logs").glob("events.*")
    events.write_bytes(left := events.read_bytes()[:-7])
    time.sleep(1.1)  # files are read in order of their names, and these count whole seconds
    train(open_run(str(run)), options)
    found = shown(run / "training/logs")
    assert [e.step for e in found.Tensors("eval/rmse")] == [20, 40, 60]
    assert '"max_steps": 60' in text(found, "options")
    assert events.read_bytes() == left


def test_a_training_that_begins_again_hides_what_one_without_a_checkpoint_wrote(
    regression_run: Path, copy_of: Copy
) -> None:
    run = copy_of(regression_run)
    options = TrainOptions(max_steps=40, eval_every=20, batch_size=64, hidden_units=(4,))
    train(open_run(str(run)), options)
    (events,) = (run / "training/logs").glob("events.*")
    left = events.read_bytes()
    for path in (run / "training").iterdir():
        if path.is_file():
            path.unlink()
    time.sleep(1.1)  # as above
    train(open_run(str(run)), options)
    found = shown(run / "training/logs")
    assert [e.step for e in found.Tensors("eval/rmse")] == [20, 40]
    assert '"max_steps": 40' in text(found, "options")  # once
    assert events.read_bytes() == left


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def another_program_writes(folder: Path) -> None:
    writer = EventFileWriter(str(folder))
    for step in (0, 500):
        writer.add_event(event_pb2.Event(wall_time=1.0, step=step, summary=scalar_pb("loss", 0.1)))
    writer.close()
    (folder / "projector_config.pbtxt").write_text("")


def test_trainings_that_share_a_folder_leave_it_as_it_is(
    regression_run: Path, tmp_path: Path
) -> None:
    """Two runs of one name, and what another program has written there."""
    shared = tmp_path / "shared"
    another_program_writes(shared)
    another_program_writes(shared / "run")
    runs = [tmp_path / name / "run" for name in ("a", "b")]
    options = TrainOptions(max_steps=40, eval_every=20, batch_size=64, hidden_units=(4,))
    loop = LoopOptions(logs=str(shared))

    def own(before: dict[Path, bytes], run: Path, *, fresh: bool = False) -> Path:
        """Trains, and returns the one folder that changed."""
        train(open_run(str(run)), options, loop, fresh=fresh)
        after = files_of(shared)
        changed = {path for path, _ in before.items() ^ after.items()}
        (folder,) = {shared / path.relative_to(shared).parts[0] for path in changed}
        assert (folder / "projector_config.pbtxt").exists()
        assert [e.step for e in read(folder).Tensors("eval/rmse")] == [20, 40]
        assert not (run / "training/logs").exists()
        return folder

    folders = []
    for run in runs:
        shutil.copytree(regression_run, run)
        before = files_of(shared)
        folders.append(own(before, run))
        assert files_of(shared).items() >= before.items()
    assert len(set(folders)) == 2
    assert all(folder.name.startswith("run-") for folder in folders)

    (events,) = folders[1].glob("events.*")
    assert own(files_of(shared), runs[1], fresh=True) == folders[1]
    assert not events.exists()
    assert len(list(folders[1].glob("events.*"))) == 1


def test_logs_that_cannot_be_written_are_refused_before_the_work(
    regression_run: Path, copy_of: Copy, tmp_path: Path
) -> None:
    run = open_run(str(copy_of(regression_run)))
    (tmp_path / "taken").touch()
    logs = str(tmp_path / "taken/logs")
    with pytest.raises(InputError, match=r"--logs '.*taken/logs': cannot be made \(not a dir"):
        train(run, TrainOptions(max_steps=20), LoopOptions(logs=logs))
    assert not (Path(run.path) / "training").exists()


def test_without_tensorboard_there_are_no_logs(regression_run: Path, copy_of: Copy) -> None:
    run = copy_of(regression_run)
    options = TrainOptions(max_steps=20, batch_size=64, hidden_units=(4,))
    train(open_run(str(run)), options, LoopOptions(tensorboard=False))
    assert not (run / "training/logs").exists()
