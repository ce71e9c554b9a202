"""Writing a run folder: staged, then published, with the manifest last."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apache_beam.io.filesystems import FileSystems

from forebay.storage.run.layout import (
    MANIFEST_NAME,
    OUTPUTS,
    TEMPORARY,
    TRAINER_OUTPUTS,
)
from forebay.storage.run.manifest import Manifest
from forebay.transforms.errors import RunFolderError


def refuse_existing_run(run: str, overwrite: bool) -> None:
    """Checks that a run may be written to a folder.

    Raises:
        RunFolderError: the folder holds a run and ``overwrite`` is false, or holds other files.
    """
    if FileSystems.exists(FileSystems.join(run, MANIFEST_NAME)) and not overwrite:
        raise RunFolderError(
            f"{run} holds a run already; choose another folder, or replace it with --overwrite "
            "(models stay)"
        )
    if "://" in run or not os.path.exists(run):
        return
    if not os.path.isdir(run):
        raise RunFolderError(f"{run} is a file; choose another name for the run folder")
    foreign = sorted(set(os.listdir(run)) - {*OUTPUTS, *TRAINER_OUTPUTS, MANIFEST_NAME})
    if foreign:
        raise RunFolderError(
            f"{run} holds files that are no run's ({', '.join(foreign[:3])}); choose another folder"
        )


@contextmanager
def staging(run: str) -> Iterator[str]:
    """Gives a folder to write the run's files to, and removes what is left of it afterwards.

    On a local disk it lies beside the run and is locked, so that a killed run's remains can be
    told from a run under way. On an object store it is the run folder itself: there the manifest
    alone publishes.

    Raises:
        RunFolderError: another process is writing the same run, or nobody can write there.
    """
    if "://" in run:
        _delete([FileSystems.join(run, MANIFEST_NAME)])
        yield run
        _delete([FileSystems.join(run, TEMPORARY)])
        return
    target = Path(run).absolute()
    folder = target.parent / f".{target.name}.staging"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{run} cannot be made ({error}); choose another folder") from error
    with open(folder.with_suffix(".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunFolderError(
                f"another process is writing {run}; wait for it, or choose another folder"
            ) from error
        shutil.rmtree(folder)  # what a killed run left
        folder.mkdir()
        try:
            yield str(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".lock").unlink(missing_ok=True)


def publish(staged: str, run: str, manifest: Manifest) -> None:
    """Moves staged files to their final place and writes the manifest last.

    A run that was there before loses its manifest first and then its other files, so that no
    reader takes a mixture for a run.
    """
    if staged != run:
        target = Path(run)
        target.mkdir(parents=True, exist_ok=True)
        (target / MANIFEST_NAME).unlink(missing_ok=True)
        for name in OUTPUTS:
            _remove(target / name)
            if (Path(staged) / name).exists():
                os.rename(Path(staged) / name, target / name)
        written = Path(staged) / MANIFEST_NAME
        written.write_text(manifest.to_json(), "utf-8")
        os.rename(written, target / MANIFEST_NAME)
        return
    with FileSystems.create(FileSystems.join(run, MANIFEST_NAME)) as sink:
        sink.write(manifest.to_json().encode())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _delete(paths: list[str]) -> None:
    existing = [path for path in paths if FileSystems.exists(path)]
    if existing:
        FileSystems.delete(existing)
