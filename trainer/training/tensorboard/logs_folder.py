"""Where a training's logs for TensorBoard lie: in a folder that no other training writes."""

import hashlib
import os
import posixpath
from dataclasses import dataclass

from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME

from forebay.storage.names import absolute, is_remote
from forebay.storage.run import files
from forebay.storage.run.layout import LOG_FILES, LOGS_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.transforms.errors import InputError, reason


@dataclass(frozen=True)
class LogsFolder:
    """The folder of a training's logs.

    Attributes:
        home: the folder that it is below: the run's, or one that trainings and other programs
            share.
        name: its name there.
    """

    home: str
    name: str

    @property
    def path(self) -> str:
        """The folder itself."""
        return posixpath.join(self.home, self.name)

    def check(self) -> None:
        """Checks that the logs can be written, before the work that they are of.

        Raises:
            InputError: the folder that they are below cannot be made.
            RunFolderError: they cannot be written there, or a link is in the way.
        """
        if not is_remote(self.home):
            try:
                os.makedirs(self.home, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"--logs {self.home!r}: cannot be made ({reason(error)}); name a folder that "
                    "can be written to"
                ) from error
        files.check_outputs(self.home, [posixpath.join(self.name, PROJECTOR_FILENAME)])

    def written(self) -> list[str]:
        """Returns the names, below the home, of what a training has written there.

        Raises:
            RunFolderError: there is something else.
        """
        return files.owned(self.home, self.name, LOG_FILES)

    def remove(self, names: list[str]) -> None:
        """Removes what `written` named."""
        files.remove(self.home, names)


def logs_folder(run: RunFolder, folder: str, shared: str | None) -> LogsFolder:
    """Returns the folder of a training's logs.

    Args:
        run: the run.
        folder: the folder of the run that the training writes.
        shared: the folder that ``--logs`` names; None: the logs lie in the training's. TensorBoard
            shows all event files of one folder as one training, so each has its own in there: it is
            called as the run, and after what tells runs of one name apart.
    """
    if shared is None:
        return LogsFolder(run.outputs, posixpath.join(folder, LOGS_FOLDER))
    place = absolute(run.own(folder))
    told = (place, run.manifest.created, run.manifest.definition_digest)
    digest = hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()
    return LogsFolder(shared, f"{posixpath.basename(absolute(run.path))}-{digest[:8]}")
