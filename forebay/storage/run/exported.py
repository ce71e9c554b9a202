"""Exported models: where they are, and the record that each carries."""

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, TypeVar

import numpy as np

from forebay.storage.names import check_place, is_inside
from forebay.storage.run import files
from forebay.storage.run.layout import EXTRA, MODEL_FOLDER
from forebay.storage.run.manifest import FileEntry
from forebay.transforms.definition import serialize
from forebay.transforms.definition.columns import GraphDtype
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import Classification, Label, Task
from forebay.transforms.errors import RunFolderError

RECORD_NAME = "forebay.json"
OUTPUT_NAMES: Mapping[Task, str] = {
    "regression": "prediction",
    "binary_classification": "probability",
    "multiclass_classification": "probabilities",
}
# Columns in memory, by their dtype in a definition.
NUMPY_DTYPES: Mapping[GraphDtype, type[Any]] = {
    "float32": np.float32, "float64": np.float64, "int64": np.int64, "string": object,
}  # fmt: skip
# The likeliest class, beside the probabilities.
CLASS_NAME = "class"
_Made = TypeVar("_Made")


class _Training(TypedDict):
    """What tells models apart."""

    sha256: str


class ExportRecord(TypedDict):
    """What is read of the record beside a model; more stands there for people.

    Attributes:
        definition: the dataset's, as JSON.
        files: what belongs to the model, by path relative to its folder.
        training: the training that the model comes from.
    """

    definition: dict[str, Any]
    files: dict[str, FileEntry]
    training: Annotated[dict[str, Any], _Training]


@dataclass(frozen=True)
class ExportedModel:
    """An exported model's folder and its record.

    Attributes:
        path: the SavedModel's folder.
        record: what `export.export_model` wrote beside the model.
        definition: the dataset's definition.
    """

    path: str
    record: ExportRecord
    definition: Dataset

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that the model is given."""
        return self.definition.served_columns

    @property
    def output(self) -> str:
        """The name of the model's answer."""
        return OUTPUT_NAMES[self.definition.label.task]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all that the model answers."""
        return output_names(self.definition.label)


def output_names(label: Label) -> tuple[str, ...]:
    """Returns the names of all that a model answers, its answer proper first."""
    extra = (CLASS_NAME,) if isinstance(label, Classification) else ()
    return (OUTPUT_NAMES[label.task], *extra)


def open_exported(path: str) -> ExportedModel:
    """Opens an exported model.

    Args:
        path: its folder, or a folder of them by timestamp, of which the newest is taken.

    Raises:
        RunFolderError: there is none, or a file of it is not what its record says.
    """
    path = newest_model(path)
    record = read_exported(path)
    definition = serialize.from_record(
        json.dumps(record["definition"]), f"{path}/{EXTRA}/{RECORD_NAME}",
        "export anew with `forebay train`",
    )  # fmt: skip
    files.verify(path, record["files"], "export it anew with `forebay train`")
    return ExportedModel(path, record, definition)


def of_newest(path: str, use: Callable[[ExportedModel], _Made]) -> _Made:
    """Opens an exported model and makes something of it.

    A training removes older models when it exports one: where that happens meanwhile, its new one
    is taken.

    Args:
        path: as for `open_exported`.
        use: reads what it needs of the model's files.

    Raises:
        RunFolderError: as `open_exported` and ``use`` do.
    """
    found = newest_model(path)
    while True:
        try:
            return use(open_exported(found))
        except RunFolderError:
            newer = newest_model(path)
            if newer == found:
                raise
            found = newer


def read_exported(path: str) -> ExportRecord:
    """Reads what stands beside the model in a folder.

    Raises:
        RunFolderError: it cannot be read, or is damaged.
    """
    record = files.read_record(ExportRecord, posixpath.join(path, EXTRA, RECORD_NAME))
    for name in record["files"]:
        if not is_inside(name):
            raise RunFolderError(
                f"{path}/{EXTRA}/{RECORD_NAME} lists {name!r}, which is not a place of a model's "
                "files; export anew with `forebay train`"
            )
    return record


def training_of(path: str) -> str | None:
    """Returns the SHA-256 of the training that a folder's model is of; None: there is no whole one.

    On an object store, files arrive in a folder one after another, the record before others.
    """
    try:
        record = read_exported(path)
        for name, entry in record["files"].items():
            files.check_size(posixpath.join(path, name), entry, "export anew")
    except RunFolderError:
        return None
    return str(record["training"]["sha256"])


def to_record(listing: Mapping[str, FileEntry]) -> dict[str, Any]:
    """Returns a model's files, as its record lists them."""
    return {name: {"size": e.size, "crc32c": e.crc32c} for name, e in listing.items()}


def is_as_exported(run: str, name: str) -> bool:
    """Tells whether a folder is a model and holds nothing but what was exported with it.

    Args:
        run: the run folder.
        name: the name of the model's folder below it.
    """
    try:
        listed = read_exported(posixpath.join(run, name))["files"]
        files.owned(run, name, (*listed, f"{EXTRA}/{RECORD_NAME}"))
    except RunFolderError:
        return False
    return True


def stamps(folder: str) -> list[int]:
    """Returns the timestamps of the models in a folder, oldest first."""
    names = files.names_in(folder)
    return sorted(int(name.rstrip("/")) for name in names if name.rstrip("/").isdigit())


def newest_model(path: str) -> str:
    """Returns the exported model that a path means; raises as `open_exported` does."""
    if not path.strip():
        raise RunFolderError(f"{path!r} names no model; write its folder")
    check_place(path)
    if files.exists(posixpath.join(path, EXTRA, RECORD_NAME)):
        return path
    found = stamps(path)
    if not found:
        below = posixpath.join(path, MODEL_FOLDER)
        if stamps(below):
            raise RunFolderError(f"{path} is a run, whose models are in {below}; name that folder")
        state = "holds no exported model" if files.exists(path) else "is not there"
        raise RunFolderError(f"{path} {state}; export one with `forebay train RUN` (RUN/model/)")
    newest = posixpath.join(path, str(found[-1]))
    if not files.exists(posixpath.join(newest, EXTRA, RECORD_NAME)):
        raise RunFolderError(
            f"{newest} has no {EXTRA}/{RECORD_NAME}, so it was not exported by Forebay; "
            "name another model"
        )
    return newest
