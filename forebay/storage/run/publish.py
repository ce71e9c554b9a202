"""How a new run takes the place of an older one on a local disk, so that a kill loses neither.

A run is made in a folder in the making inside its own, whatever disk that is on. When it is whole
and flushed, its manifest is written there, last. From then on it can be published from what is on
the disk, by this process or by the next that comes by: the older manifest moves beside the new
one, so that nobody takes a mixture for a run; each file is renamed to its place; what only the
older manifest lists is removed; and the new manifest takes its place.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from forebay.console.terminal import note
from forebay.storage import folders
from forebay.storage.entries import entries_below, temporaries
from forebay.storage.locks import clean, locked
from forebay.storage.names import LOCK_NAME, is_temporary, temporary_name
from forebay.storage.run.layout import FOLDERS, MANIFEST_NAME, OUTPUTS
from forebay.storage.run.manifest import Manifest
from forebay.transforms.errors import RunFolderError, reason

# The manifest of the run that is being replaced, beside the one of its successor.
_REPLACED_NAME = "replaced-manifest.json"
# The entries of a run folder that a new run may take the place of.
REPLACED = (*OUTPUTS, MANIFEST_NAME)
# What a file is that is not replaced.
NOT_LISTED = "not a file that the run's manifest lists"


def check_target(run: str, overwrite: bool) -> Manifest | None:
    """Checks that a run may be written to a folder, and changes nothing.

    Args:
        run: the folder.
        overwrite: whether a run that is there may be replaced.

    Returns:
        The manifest of the run that is there.

    Raises:
        RunFolderError: the folder holds a run and ``overwrite`` is false, or holds what no run's
            manifest lists where a run's files lie, or is something else.
    """
    if not os.path.lexists(run):
        above = next(path for path in Path(run).absolute().parents if os.path.lexists(path))
        if not above.is_dir():
            raise RunFolderError(f"{run} cannot be made: {above} is not a folder; choose another")
        return None
    if not os.path.isdir(run):
        kind = "a link to nothing" if os.path.islink(run) else "a file"
        raise RunFolderError(f"{run} is {kind}; choose another name for the run folder")
    names = [name for name in sorted(os.listdir(run)) if not _is_ours(name)]
    if MANIFEST_NAME not in names:
        if names:
            raise not_a_runs(run, names)
        return None
    manifest = _read_manifest(run, MANIFEST_NAME)
    if not overwrite:
        raise there_already(run)
    device = os.stat(run).st_dev
    for entry in (entry for name in OUTPUTS for entry in entries_below(run, name)):
        path = os.path.join(run, entry.name)
        if not entry.is_folder and not (entry.is_file and entry.name in manifest.files):
            raise not_replaced(path, NOT_LISTED if entry.is_file else entry.kind)
        if entry.identity[0] != device:
            raise RunFolderError(
                f"{path} lies on another file system than {run}, so it cannot be replaced whole; "
                "choose another folder"
            )
    return manifest


def there_already(run: str) -> RunFolderError:
    """Returns the error that says that a folder holds a run."""
    return RunFolderError(
        f"{run} holds a run already; choose another folder, or replace it with --overwrite "
        "(models stay)"
    )


def not_a_runs(run: str, names: Sequence[str]) -> RunFolderError:
    """Returns the error that says that a folder without a manifest holds something."""
    return RunFolderError(
        f"{run} holds files that are not a run's ({', '.join(names[:3])}); choose another folder"
    )


def not_replaced(path: str, kind: str) -> RunFolderError:
    """Returns the error that says that something lies where a run's files do, and what it is."""
    return RunFolderError(
        f"{path} is {kind}, so it is not replaced; move it away, or choose another folder"
    )


def publish(run: str, staged: str, manifest: Manifest, overwrite: bool) -> None:
    """Publishes a run that is whole, by whoever holds its folder.

    Args:
        run: its folder.
        staged: the name below it of the folder in the making that it lies in.
        manifest: what it consists of.
        overwrite: whether a run may be replaced; `check_target` is asked again.

    Raises:
        RunFolderError: the folder may no longer be written to, or a file cannot be moved. Once the
            moves have begun, the next command on the run goes on with them.
    """
    check_target(run, overwrite)
    for name in manifest.files:
        _check_move(run, staged, name)
    for name in OUTPUTS:  # what the pipelines leave beside them is removed
        folders.flush(os.path.join(run, staged), name)
    folders.flush_one(os.path.join(run, staged))
    folders.write(os.path.join(run, staged), MANIFEST_NAME, manifest.to_json().encode())
    folders.flush_one(run)
    _finish(run, staged)


def settle(run: str) -> None:
    """Puts in order what killed processes left in a run folder, by whoever holds it.

    A publication that was cut off is finished; what else is in the making where commands on this
    run write is removed. A folder in it that is none of a run's may be another run's.

    Raises:
        RunFolderError: something cannot be moved or removed.
    """
    for name in _made_here(run):
        if os.path.exists(os.path.join(run, name, MANIFEST_NAME)):
            _finish(run, name)
            note(f"finished the publication of {run}, which was cut off")
    below = (each for name in (*OUTPUTS, *FOLDERS) for each in temporaries(run, name))
    clean(run, [*_made_here(run), *below])


def _made_here(run: str) -> list[str]:
    return sorted(filter(is_temporary, os.listdir(run)))


def settle_leftovers(run: str) -> None:
    """Does what `settle` does, where a process was killed; for who does not hold the folder.

    Raises:
        RunFolderError: as `settle` does, or another process is writing the run.
    """
    if os.path.isdir(run) and _made_here(run):
        with locked(run):
            settle(run)


def abandon(run: str, staged: str) -> None:
    """Removes a run that came to nothing; one whose publication has begun is left to `settle`."""
    if not os.path.exists(os.path.join(run, staged, MANIFEST_NAME)):
        folders.remove_temporary(run, staged)


def check_moves(run: str, staged: str) -> None:
    """Checks that files can be renamed to where the files of the run that is there lie.

    Mounts of one file system look alike, and a rename between them fails all the same.

    Raises:
        RunFolderError: they cannot.
    """
    for entry in [entry for name in OUTPUTS for entry in entries_below(run, name)]:
        if entry.is_folder:
            name = temporary_name()
            folders.write(os.path.join(run, staged), name, b"")
            folders.move(run, f"{staged}/{name}", f"{entry.name}/{name}")
            folders.remove_temporary(run, f"{entry.name}/{name}")


def _finish(run: str, staged: str) -> None:
    """Moves a run from where it was made to its place, from wherever that was cut off."""
    inside = f"{staged}/{_REPLACED_NAME}"
    if os.path.lexists(os.path.join(run, MANIFEST_NAME)):
        folders.move(run, MANIFEST_NAME, inside)
    manifest = _read_manifest(run, f"{staged}/{MANIFEST_NAME}")
    for name in manifest.files:
        if os.path.lexists(os.path.join(run, staged, name)):
            folders.move(run, f"{staged}/{name}", name)
    if os.path.lexists(os.path.join(run, inside)):
        older = _read_manifest(run, inside)
        folders.remove(run, older.files.keys() - manifest.files.keys())
    for name in OUTPUTS:
        folders.flush(run, name, files=False)
    folders.move(run, f"{staged}/{MANIFEST_NAME}", MANIFEST_NAME)
    folders.flush_one(run)
    folders.remove_temporary(run, staged)


def _check_move(run: str, staged: str, name: str) -> None:
    """Checks that a file of the new run is there, and that no folder has its name."""
    found = os.lstat(os.path.join(run, staged, name))
    if not stat.S_ISREG(found.st_mode):
        raise RunFolderError(f"{run}/{staged}/{name} is not a file; make the run anew")
    folders.check_place(run, name)


def _read_manifest(run: str, name: str) -> Manifest:
    path = os.path.join(run, name)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be read ({reason(error)}), so {run} is not a run that could be "
            "replaced; choose another folder"
        ) from error
    try:
        return Manifest.from_json(content.decode(), path)
    except UnicodeDecodeError as error:
        raise RunFolderError(
            f"{path} is not a manifest ({reason(error)}); choose another folder"
        ) from error


def _is_ours(name: str) -> bool:
    return name == LOCK_NAME or is_temporary(name)
