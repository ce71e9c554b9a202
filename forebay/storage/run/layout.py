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


# What the name of an export begins with until it is whole.
UNFINISHED = "tmp-"
EXTRA = "assets.extra"
RATES_FOLDER = "learning-rate"
SWEEP_FOLDER = "sweep"
