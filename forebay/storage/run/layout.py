"""The names of what is in a run folder."""

MANIFEST_NAME = "manifest.json"
DEFINITION_NAME = "definition.json"
OCCUPANCY_NAME = "occupancy.json"
TRANSFORM_FOLDERS = ("transform_fn", "transformed_metadata")


# What `forebay preprocess` makes, and a manifest may list; all else is somebody else's.
OUTPUTS = (
    DEFINITION_NAME, "metadata", "transform_fn", "transformed_metadata", "examples", "rejects",
    OCCUPANCY_NAME,
)  # fmt: skip


# Where a run keeps what only its own steps read.
TEMPORARY = "temporary"
TRAINING_FOLDER = "training"
KERAS_NAME = "model.keras"
RECORD_NAME = "model.json"
MODEL_FOLDER = "model"
EVALUATION_FOLDER = "evaluation"
EXTRA = "assets.extra"
RATES_FOLDER = "learning-rate"
SWEEP_FOLDER = "sweep"
JOURNAL_NAME = "journal.log"
LOGS_FOLDER = "logs"
# What a training writes in its folder, part by part of each path: it removes nothing else.
TRAINING_FILES = (
    "checkpoint.npz", KERAS_NAME, RECORD_NAME, "zeros.json", "nonfinite.json",
    "worker-*-nonfinite.json", f"{LOGS_FOLDER}/events.out.tfevents.*",
    f"{LOGS_FOLDER}/projector_config.pbtxt", f"{LOGS_FOLDER}/projector/*/*.tsv",
)  # fmt: skip
# Likewise a sweep, whose trials are trainings.
SWEEP_FILES = (
    JOURNAL_NAME, "sweep.json", "sweep.png", "best.toml",
    *(f"trial-*/{name}" for name in TRAINING_FILES),
)  # fmt: skip
