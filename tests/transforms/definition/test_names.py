"""Names that become those of files: what leads elsewhere, or is none, no definition has."""

from __future__ import annotations

import pytest

from forebay import Categorical, Dataset, HashSplit, Number, Regression, String
from forebay.transforms.errors import DefinitionError


def dataset(name: str = "d", column: str = "s", feature: str | None = None) -> Dataset:
    return Dataset(
        name=name,
        columns={"id": String(), column: String(), "y": Number()},
        features=(Categorical(column, name=feature),),
        label=Regression("y"),
        split=HashSplit("id"),
        passthrough=(column,),
    )


BAD = ["../../../esc", "a/b", "/etc/passwd", "..", ".", "a\nb", "a\x00b", "a\x1b[2J"]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["name", "column", "feature"])
def test_names_that_no_file_can_have(field: str, name: str) -> None:
    with pytest.raises(DefinitionError) as said:
        dataset(**{field: name})
    assert repr(name) in str(said.value)


def test_a_name_too_long_for_a_file() -> None:
    with pytest.raises(DefinitionError, match="no file can have this name"):
        dataset(feature="x" * 201)


@pytest.mark.parametrize("name", ["a", "a.b", "x" * 197, "..a", "-"])
def test_names_that_a_file_can_have(name: str) -> None:
    assert dataset(feature=name).features[0].outputs == (name,)
