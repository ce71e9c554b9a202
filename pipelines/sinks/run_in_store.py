"""A run folder on an object store: what may be replaced there, and what is cleared away.

A store has neither renames nor locks: a run is written to its place, and the manifest alone
publishes it. Before the first of its files is written the folder is marked as unfinished, and the
run that is there, if one, is removed, its manifest first. Whoever finds the mark and no manifest
knows that a run was cut off, and may replace what has the names of a run's files. What only the
steps of one command read lies in a folder whose name no other command has.
"""

from collections.abc import Iterator
from contextlib import suppress

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.console.terminal import note
from forebay.pipelines.sources.files import file_systems
from forebay.storage.names import is_temporary, matches
from forebay.storage.plain_paths import plain_path
from forebay.storage.run import files
from forebay.storage.run import publish as publication
from forebay.storage.run.layout import MANIFEST_NAME, OUTPUTS, RUN_FILES, UNFINISHED_NAME
from forebay.storage.run.manifest import Manifest

_MARK = (
    b"`forebay preprocess` writes a run here, or was cut off: the next one replaces its files.\n"
)


def prepare(run: str, overwrite: bool) -> None:
    """Checks that a run may be written to a folder, and removes what killed steps left there.

    Raises:
        RunFolderError: it may not; see `replaceable`.
        InputError: the folder has a name that libraries take for a pattern.
    """
    plain_path(run)
    replaceable(run, overwrite)
    left = [name for name in names_below(run, ".forebay-") if _is_of_steps(name)]
    files.remove(run, left)
    if left:
        folders = sorted({name.split("/")[0] for name in left})
        note(f"removed what a killed process left unfinished in {run}: {', '.join(folders)}")


def replaceable(run: str, overwrite: bool) -> list[str]:
    """Returns the names of the files that a new run takes the place of, and changes nothing.

    Raises:
        RunFolderError: the folder holds a run and ``overwrite`` is false; or, where a run's files
            lie, what its manifest does not list or no run consists of; or what is no run's at all.
    """
    manifest = _manifest(run)
    if manifest is not None and not overwrite:
        raise publication.there_already(run)
    # A name that ends in a slash marks a folder.
    names = [name for name in names_below(run) if not (name.endswith("/") or _is_of_steps(name))]
    if manifest is None and names and UNFINISHED_NAME not in names:
        raise publication.not_a_runs(run, sorted({name.split("/")[0] for name in names}))
    found = [name for name in names if name.split("/")[0] in OUTPUTS]
    for name in found:
        if manifest is None:
            is_ours, kind = any(matches(name, one) for one in RUN_FILES), "no file of a run"
        else:
            is_ours, kind = name in manifest.files, publication.NOT_LISTED
        if not is_ours:
            raise publication.not_replaced(FileSystems.join(run, name), kind)
    return found


def make_way(run: str, overwrite: bool) -> None:
    """Removes the run that is there, or what is left of one, just before another is written.

    Raises:
        RunFolderError: something else is there by now; see `replaceable`.
    """
    replaced = replaceable(run, overwrite)
    with FileSystems.create(FileSystems.join(run, UNFINISHED_NAME)) as sink:
        sink.write(_MARK)
    files.remove(run, [MANIFEST_NAME])
    files.remove(run, replaced)


def publish(run: str, manifest: Manifest) -> None:
    """Writes the manifest, by which the run is whole."""
    with FileSystems.create(FileSystems.join(run, MANIFEST_NAME)) as sink:
        sink.write(manifest.to_json().encode())
    with suppress(Exception):  # beside a manifest it means nothing
        files.remove(run, [UNFINISHED_NAME])


def names_below(folder: str, start: str = "") -> Iterator[str]:
    """Yields the names of all that lies below a folder and begins so, marks of folders too."""
    base = f"{folder.rstrip('/')}/"
    try:
        (found,) = file_systems(folder).match([f"{base}{start}**"])
    except BeamIOError as error:
        raise _answered(error) from error
    for one in found.metadata_list:
        if one.path != base:
            yield one.path.removeprefix(base)


def _answered(error: Exception) -> Exception:
    """Returns what the store answered, of which Beam's own error tells no status."""
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    return error


def _manifest(run: str) -> Manifest | None:
    path = FileSystems.join(run, MANIFEST_NAME)
    if not file_systems(run).exists(path):
        return None
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        return Manifest.from_json(source.read(), path)


def _is_of_steps(name: str) -> bool:
    """Tells whether a file lies in a folder for what only the steps of one command read."""
    return is_temporary(name.split("/")[0])
