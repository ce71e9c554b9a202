"""The transform graph of an earlier run, for a run that has nothing to learn from."""

from dataclasses import dataclass

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.storage.run.files import file_entry, write_file
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest, TransformOf
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import digest
from forebay.transforms.errors import RunFolderError

_FOLDERS = ("transform_fn/", "transformed_metadata/")


@dataclass(frozen=True)
class TransformSource:
    """A finished run whose transform graph another run takes over.

    Attributes:
        run: its folder.
        manifest: what it consists of.
    """

    run: str
    manifest: Manifest

    @property
    def entry(self) -> TransformOf:
        """What the other run's manifest says of it."""
        return TransformOf(self.run, self.manifest.created)

    def copy_to(self, folder: str) -> None:
        """Copies the graph with its vocabularies, and its metadata, into another run's folder.

        Raises:
            RunFolderError: a file is gone, or is not what the manifest says.
        """
        for name, entry in self.manifest.files.items():
            if name.startswith(_FOLDERS):
                content = _read(FileSystems.join(self.run, name))
                if file_entry(content) != entry:
                    raise RunFolderError(
                        f"{self.run}/{name} is not what the run's manifest says; make that run "
                        "anew with `forebay preprocess --overwrite`"
                    )
                write_file(FileSystems.join(folder, name), [content])


def open_transform_source(run: str, output: str, dataset: Dataset) -> TransformSource:
    """Opens a run whose transform graph is to be used.

    Args:
        run: its folder.
        output: the folder of the run to be made.
        dataset: the definition of that run.

    Raises:
        RunFolderError: the folder is no finished run, is of another definition, or is the run to
            be made itself.
    """
    run = run.rstrip("/") or run
    if run == output.rstrip("/"):
        raise RunFolderError(
            f"--transform-fn {run!r} is the run to be written; choose another --output"
        )
    path = FileSystems.join(run, MANIFEST_NAME)
    if not FileSystems.exists(path):
        raise RunFolderError(
            f"--transform-fn {run!r} is no finished run: it has no {MANIFEST_NAME}; name a run "
            "folder that `forebay preprocess` made"
        )
    manifest = Manifest.from_json(_read(path), path)
    wanted = digest(dataset)
    if manifest.definition_digest != wanted:
        raise RunFolderError(
            f"--transform-fn {run!r} is a run of another definition (digest "
            f"{manifest.definition_digest}, the definition given has {wanted}); name a run of "
            "this definition, or make one over the training period"
        )
    return TransformSource(run, manifest)


def _read(path: str) -> bytes:
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            return source.read()  # type: ignore[no-any-return]
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({error}); check --transform-fn") from error
