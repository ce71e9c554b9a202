"""What a run folder says of its features."""

from forebay.commands.report.features.report import FeatureReport
from forebay.storage.run import files
from forebay.storage.run.layout import MAKE_ANEW, OCCUPANCY_NAME
from forebay.storage.run.occupancy import from_json
from forebay.storage.run.run_folder import open_run
from forebay.transforms.errors import RunFolderError


def read_report(path: str) -> FeatureReport:
    """Reads how a run's training rows are spread over ids.

    Raises:
        RunFolderError: the folder is not a finished run, or a file of it is damaged.
    """
    run = open_run(path)
    name = run.file(OCCUPANCY_NAME)
    if OCCUPANCY_NAME not in run.manifest.files:
        raise RunFolderError(f"{name} is not listed in the run's manifest; {MAKE_ANEW}")
    with run.unchanged():
        outputs = from_json(files.read_bytes(name), name)
    manifest = run.manifest
    return FeatureReport(
        run.path, manifest.dataset, manifest.rows["train"], outputs, manifest.warnings
    )
