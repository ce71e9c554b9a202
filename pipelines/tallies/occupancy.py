"""The file of a run that says how its training rows are spread over ids."""

from collections.abc import Mapping
from typing import Any

from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.sinks.run_folder import write_file
from forebay.storage.run.layout import OCCUPANCY_NAME
from forebay.storage.run.occupancy import occupancies, to_json
from forebay.transforms.definition.dataset import Dataset


def write_occupancy(folder: str, dataset: Dataset, tallies: Mapping[str, Any]) -> None:
    """Writes the file, once the transformed metadata is there.

    Args:
        folder: the staged run.
        dataset: the definition.
        tallies: what the pipeline counted.
    """
    from tensorflow_transform.tf_metadata import metadata_io

    metadata = metadata_io.read_metadata(FileSystems.join(folder, "transformed_metadata"))
    domains = {
        column.name: (column.int_domain.min, column.int_domain.max)
        for column in metadata.schema.feature
        if column.HasField("int_domain")
    }
    content = to_json(occupancies(dataset, domains, tallies)).encode()
    write_file(FileSystems.join(folder, OCCUPANCY_NAME), [content])
