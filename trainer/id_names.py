"""What the ids of a model's inputs mean."""

from trainer.inputs import CategoricalInput
from trainer.run_folder import RunFolder
from transforms.features import Crossed

# What stands for texts that are no line of a vocabulary file; see `transforms.graph.categories`.
_STAND_INS = {b"\xfe": "", b"\xfd": "\n", b"\xfc": "\r"}


def id_names(run: RunFolder, column: CategoricalInput) -> list[str]:
    """Returns a name for every id of an input, from the least.

    Args:
        run: the run that made the ids.
        column: the input.

    Returns:
        Entries of the vocabulary where it has one, ``(other <i>)`` for ids after them, the id
        itself elsewhere; the last is ``(missing)`` but for crosses, which have no such id.
    """
    output = run.transform_output
    vocabulary = f"transform_fn/assets/{column.name}" in run.manifest.files
    entries = output.vocabulary_by_name(column.name) if vocabulary else []
    names = [_text(entry) for entry in entries]
    if names:
        names += [f"(other {i})" for i in range(column.size - len(names))]
    else:
        names = [str(column.lowest + i) for i in range(column.size)]
    crosses = {f.name for f in run.definition.features if isinstance(f, Crossed)}
    if column.name not in crosses:
        names[-1] = "(missing)"
    return names


def _text(entry: bytes) -> str:
    for stand_in, text in _STAND_INS.items():
        entry = entry.replace(stand_in, text.encode())
    return entry.decode(errors="replace")
