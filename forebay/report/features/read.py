"""What a run folder says of its features."""

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.report.features.report import FeatureReport
from forebay.storage.run.checksums import check_entry, file_entry
from forebay.storage.run.layout import MANIFEST_NAME, OCCUPANCY_NAME
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.occupancy import from_json
from forebay.transforms.errors import RunFolderError, reason


def read_report(run: str) -> FeatureReport:
    """Reads how a run's training rows are spread over ids.

    Raises:
        RunFolderError: the folder is no finished run, or a file of it is damaged.
    """
    run = run.rstrip("/") or run
    path = FileSystems.join(run, MANIFEST_NAME)
    if not FileSystems.exists(path):
        raise RunFolderError(
            f"{run} is no finished run: it has no {MANIFEST_NAME}; name a run folder that "
            "`forebay preprocess` made"
        )
    manifest = Manifest.from_json(_read(path), path)
    path = FileSystems.join(run, OCCUPANCY_NAME)
    if OCCUPANCY_NAME not in manifest.files:
        raise RunFolderError(
            f"{path} is not listed in the run's manifest; make the run anew with "
            "`forebay preprocess --overwrite`"
        )
    content = _read(path)
    cure = "make the run anew with `forebay preprocess --overwrite`"
    check_entry(path, file_entry(content), manifest.files[OCCUPANCY_NAME], cure)
    outputs = from_json(content, path)
    return FeatureReport(run, manifest.dataset, manifest.rows["train"], outputs, manifest.warnings)


def _read(path: str) -> bytes:
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            return source.read()  # type: ignore[no-any-return]
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be read ({reason(error)}); name a run folder"
        ) from error
