"""The tables that a run's transform graph has inside, as the lookups of its rows left them."""

from forebay.pipelines.lookups.look_up import read_sorted, table_path
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.embedded import EmbeddedTable, is_embedded


def read_embedded(dataset: Dataset, temporary: str) -> dict[str, EmbeddedTable]:
    """Returns the table of each lookup that is embedded, by the lookup's name.

    Args:
        dataset: the definition.
        temporary: the folder in which `LookUp` wrote the tables.

    Raises:
        InputError: a table is too large to be embedded.
    """
    return {
        lookup.name: EmbeddedTable.of(read_sorted(table_path(temporary, lookup), lookup), dataset)
        for lookup in dataset.lookups
        if is_embedded(lookup, dataset)
    }
