"""What is in a run folder: the name of every entry, under the command that owns it."""

# `forebay preprocess`. The manifest is written last, and lists its other files.
MANIFEST_NAME = "manifest.json"
DEFINITION_NAME = "definition.json"
METADATA_FOLDER = "metadata"
TRANSFORM_FOLDERS = ("transform_fn", "transformed_metadata")
EXAMPLES_FOLDER = "examples"
PARQUET_FOLDER = "parquet"
REJECTS_FOLDER = "rejects"
OCCUPANCY_NAME = "occupancy.json"
# What a manifest may list; all else is somebody else's.
OUTPUTS = (
    DEFINITION_NAME, METADATA_FOLDER, *TRANSFORM_FOLDERS, EXAMPLES_FOLDER,
    PARQUET_FOLDER, REJECTS_FOLDER, OCCUPANCY_NAME,
)  # fmt: skip
# What is written there, part by part of each path: where no manifest says what is a run's, nothing
# else is taken for it.
RUN_FILES = (
    DEFINITION_NAME, f"{METADATA_FOLDER}/schema.pbtxt", OCCUPANCY_NAME,
    "transform_fn/saved_model.pb", "transform_fn/fingerprint.pb",
    "transform_fn/variables/variables.*", "transform_fn/assets/*",
    "transformed_metadata/schema.pbtxt", "transformed_metadata/asset_map",
    f"{EXAMPLES_FOLDER}/*/part-*.tfrecord", f"{EXAMPLES_FOLDER}/*/part-*.tfrecord.gz",
    f"{PARQUET_FOLDER}/*/*/part-*.parquet", f"{REJECTS_FOLDER}/part-*.jsonl",
)  # fmt: skip
# Where a run in the making keeps what only its own steps read, in the folder that is made for it.
TEMPORARY = "temporary"
# On an object store, where a run is written to its place: there from before the first of its files
# is written until its manifest is.
UNFINISHED_NAME = ".forebay-unfinished"

# What helps where something of a run is not as it was written.
MAKE_ANEW = "make the run anew with `forebay preprocess --overwrite`"

# `forebay train`: the training, and the models that its exporters write, each in a folder named
# for its moment.
TRAINING_FOLDER = "training"
MODEL_FOLDER = "model"
EXPORT_FOLDER = "export"
CHECKPOINT_NAME = "checkpoint.npz"
KERAS_NAME = "model.keras"
RECORD_NAME = "model.json"
ZEROS_NAME = "zeros.json"
NONFINITE_NAME = "nonfinite.json"
LOGS_FOLDER = "logs"
# How the names of our event files end: other programs' begin alike, and may lie beside them.
EVENTS_ENDING = ".forebay"
# What a training writes for TensorBoard, part by part of each path: it removes nothing else.
LOG_FILES = (
    f"events.out.tfevents.*{EVENTS_ENDING}", "projector_config.pbtxt", "projector/*/*.tsv",
)  # fmt: skip
# What it writes in its folder, in the same way.
TRAINING_FILES = (
    CHECKPOINT_NAME, KERAS_NAME, RECORD_NAME, ZEROS_NAME, NONFINITE_NAME,
    f"worker-*-{NONFINITE_NAME}", *(f"{LOGS_FOLDER}/{name}" for name in LOG_FILES),
)  # fmt: skip
# What an exported model carries beside the SavedModel.
EXTRA = "assets.extra"

# `forebay evaluate`
EVALUATION_FOLDER = "evaluation"

# `forebay lr-find`
RATES_FOLDER = "learning-rate"

# `forebay sweep`, whose trials are trainings.
SWEEP_FOLDER = "sweep"
JOURNAL_NAME = "journal.log"
# What it writes in its folder, as for a training.
SWEEP_FILES = (
    JOURNAL_NAME, "sweep.json", "sweep.png", "best.toml",
    *(f"trial-*/{name}" for name in TRAINING_FILES),
)  # fmt: skip

# What the commands on a run that is there write to.
FOLDERS = (
    TRAINING_FOLDER, MODEL_FOLDER, EXPORT_FOLDER, EVALUATION_FOLDER, RATES_FOLDER, SWEEP_FOLDER,
)  # fmt: skip
