"""What the ids of a model's inputs mean."""

import itertools
import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from forebay.storage.run import files
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Feature, Listed

MISSING_NAME = "(missing)"
# What stands for texts that are not lines of a vocabulary file; see
# `forebay.transforms.graph.categories`.
_STAND_INS = {b"\xfe": "", b"\xfd": "\n", b"\xfc": "\r"}


@dataclass(frozen=True)
class IdNames:
    """The names of ids, as a definition and its vocabularies give them.

    Attributes:
        definition: says what each input is made of.
        inputs: the inputs of the model.
        vocabularies: the folder of vocabulary files, each named as the input it is of.
    """

    definition: Dataset
    inputs: ModelInputs
    vocabularies: str

    def of(self, column: CategoricalInput) -> list[str]:
        """Returns a name for every id of an input, from the least.

        Entries of the vocabulary or list where it has one, then ``(other <i>)``; for crosses that
        number their combinations the parts' names joined by `` × ``; the id itself elsewhere. The
        last is ``(missing)`` where a missing value has an id.
        """
        feature = self._features.get(column.name)
        if isinstance(feature, Crossed):
            return self._combinations(feature, column) or _numbers(column)
        entries = self._entries(column)
        names = [*entries, *(f"(other {i})" for i in range(column.size - len(entries)))]
        if not entries:
            names = _numbers(column)
        if getattr(feature, "impute", None) is None:
            names[-1] = MISSING_NAME
        return names

    def parts(self, column: CategoricalInput) -> tuple[CategoricalInput, ...]:
        """Returns what an input is a cross of, in order; nothing where it is not a cross.

        Nothing either where the model does not read the parts themselves, so that their sizes are
        not known.
        """
        feature = self._features.get(column.name)
        if not isinstance(feature, Crossed):
            return ()
        known = {each.name: each for each in self.inputs.categorical}
        found = [known[name] for name in feature.of if name in known]
        return tuple(found) if len(found) == len(feature.of) else ()

    def is_hashed(self, column: CategoricalInput) -> bool:
        """Tells whether an input is a cross whose ids are not known to number combinations."""
        is_cross = isinstance(self._features.get(column.name), Crossed)
        return is_cross and not self._is_numbered(column)

    def _is_numbered(self, column: CategoricalInput) -> bool:
        parts = self.parts(column)
        return bool(parts) and math.prod(part.size for part in parts) <= column.size

    def _combinations(self, feature: Crossed, column: CategoricalInput) -> list[str]:
        if not self._is_numbered(column):
            return []
        parts = [self.of(part) for part in self.parts(column)]
        names = [" × ".join(combination) for combination in itertools.product(*parts)]
        return names + [str(i) for i in range(len(names), column.size)]

    def _entries(self, column: CategoricalInput) -> list[str]:
        feature = self._features.get(column.name)
        if isinstance(feature, Categorical) and isinstance(feature.ids, Listed):
            return [str(value) for value in feature.ids.values]
        path = posixpath.join(self.vocabularies, column.name)
        if not files.exists(path):
            return []
        lines = files.read_bytes(path).removesuffix(b"\n").split(b"\n")
        return [_text(line) for line in lines]

    @cached_property
    def _features(self) -> Mapping[str, Feature]:
        return {output: f for f in self.definition.features for output in f.outputs}


def names_of_run(run: RunFolder, inputs: ModelInputs) -> IdNames:
    """Returns the names of the ids of a run."""
    return IdNames(run.definition, inputs, run.file("transform_fn", "assets"))


def _numbers(column: CategoricalInput) -> list[str]:
    return [str(column.lowest + i) for i in range(column.size)]


def _text(entry: bytes) -> str:
    for stand_in, text in _STAND_INS.items():
        entry = entry.replace(stand_in, text.encode())
    return entry.decode(errors="replace")
