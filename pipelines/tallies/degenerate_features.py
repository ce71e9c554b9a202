"""Features that turned out degenerate on the training rows, as warnings; knows no Beam."""

from collections.abc import Mapping
from typing import Any

from forebay.storage.run.manifest import FeatureWarning
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Feature

# A cell that holds more of the training rows than this leaves a cross nothing to tell apart.
CROWDED_CELL = 0.95


def warnings_of(
    dataset: Dataset, rows: int, summaries: Mapping[str, Any], missing: Mapping[str, int]
) -> tuple[FeatureWarning, ...]:
    """Names the degenerate features.

    Args:
        dataset: the definition.
        rows: the number of training rows.
        summaries: the tallies of `FeatureTallies`, by transformed column.
        missing: how many training values are missing, by input column.
    """
    found = []
    for feature in dataset.features:
        for output in feature.outputs:
            if output in summaries:
                problem = _problem(feature, output, rows, summaries[output], missing)
                if problem is not None:
                    found.append(FeatureWarning(output, problem))
    return tuple(found)


def _problem(
    feature: Feature, output: str, rows: int, summary: Mapping[str, int], missing: Mapping[str, int]
) -> str | None:
    absent = [name for name in feature.inputs if missing.get(name) == rows]
    some_missing = any(missing.get(name) for name in feature.inputs)
    known = summary["distinct"] - (feature.missing_ids and some_missing)
    if absent:
        return f"every training value of {', '.join(absent)} is missing"
    if isinstance(feature, Crossed) and summary["largest"] > CROWDED_CELL * rows:
        share = summary["largest"] / rows
        return f"one cell holds {share:.1%} of the training rows"
    if isinstance(feature, Categorical) and known == 1:
        return "one value in every training row that has any"
    if summary["distinct"] == 1 and not output.endswith("_is_missing"):
        return "the same value in every training row"
    return None
