"""The transform graph of an earlier run, for a run that has nothing to learn from."""

import posixpath
from dataclasses import dataclass

from forebay.pipelines.sinks.run_folder import write_file
from forebay.storage.entries import identity
from forebay.storage.names import is_remote
from forebay.storage.run import files
from forebay.storage.run.checksums import check_entry, file_entry
from forebay.storage.run.layout import TRANSFORM_FOLDERS
from forebay.storage.run.manifest import TransformOf
from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import digest
from forebay.transforms.errors import RunFolderError


@dataclass(frozen=True)
class TransformSource:
    """A finished run whose transform graph another run takes over.

    Attributes:
        run: the run.
    """

    run: RunFolder

    @property
    def entry(self) -> TransformOf:
        """What the other run's manifest says of it."""
        return TransformOf(self.run.path, self.run.manifest.created)

    def copy_to(self, folder: str) -> None:
        """Copies the graph with its vocabularies, and its metadata, into another run's folder.

        Raises:
            RunFolderError: a file is gone, or is not what the manifest says, or the run was
                replaced since it was opened.
        """
        with self.run.unchanged():
            for name, entry in self.run.manifest.files.items():
                if name.partition("/")[0] in TRANSFORM_FOLDERS:
                    path = self.run.file(name)
                    content = files.read_bytes(path)
                    cure = "make that run anew with `forebay preprocess --overwrite`"
                    check_entry(path, file_entry(content), entry, cure)
                    write_file(posixpath.join(folder, name), [content])


def open_transform_source(run: str, output: str, dataset: Dataset) -> TransformSource:
    """Opens a run whose transform graph is to be used.

    Args:
        run: its folder.
        output: the folder of the run to be made.
        dataset: the definition of that run.

    Raises:
        RunFolderError: the folder is not a finished run, is of another definition, or is the run to
            be made itself.
    """
    if run.rstrip("/") == output.rstrip("/") or _is_one_folder(run, output):
        raise RunFolderError(
            f"--transform-fn {run!r} is the run to be written; choose another --output"
        )
    found, wanted = open_run(run), digest(dataset)
    if found.manifest.definition_digest != wanted:
        raise RunFolderError(
            f"--transform-fn {run!r} is a run of another definition (digest "
            f"{found.manifest.definition_digest}, the definition given has {wanted}); name a run "
            "of this definition, or make one over the training period"
        )
    return TransformSource(found)


def _is_one_folder(run: str, output: str) -> bool:
    if is_remote(run) or is_remote(output):
        return False
    return identity(run) is not None and identity(run) == identity(output)
