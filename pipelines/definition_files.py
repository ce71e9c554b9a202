"""Finding a definition: in a Python file, in an importable module, or as a run's JSON."""

import importlib
import os
import sys

from transforms.dataset import Dataset
from transforms.errors import InputError
from transforms.serialize import from_json

_FORMS = "write FILE.py, FILE.py:NAME, MODULE:NAME or definition.json"


def load_definition(reference: str) -> Dataset:
    """Loads a definition.

    Args:
        reference: ``FILE.py`` that holds one Dataset, ``FILE.py:NAME`` or ``MODULE:NAME`` for one
            of several, or a ``definition.json`` as a run holds it. The folder of a Python file
            is added to the import path, so that workers find its functions. Python files are
            executed: load only those you trust.

    Raises:
        InputError: there is no such definition.
        DefinitionError: the definition has mistakes.
    """
    if reference.endswith(".json"):
        return from_json(_read(reference))
    place, _, name = reference.partition(":")
    if place.endswith(".py"):
        _read(place)
        folder, file = os.path.split(os.path.abspath(place))
        if folder not in sys.path:
            sys.path.insert(0, folder)
        place = file.removesuffix(".py")
    try:
        module = importlib.import_module(place)
    except (ImportError, SyntaxError, ValueError, TypeError) as error:
        raise InputError(
            f"the definition {reference!r} cannot be loaded "
            f"({type(error).__name__}: {error}); {_FORMS}"
        ) from error
    datasets = {key: value for key, value in vars(module).items() if isinstance(value, Dataset)}
    if name in datasets:
        return datasets[name]
    if not name and len(datasets) == 1:
        return next(iter(datasets.values()))
    found = ", ".join(f"{place}:{key}" for key in datasets) or "no Dataset"
    raise InputError(f"the definition {reference!r} is not unique: {place} holds {found}; {_FORMS}")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the definition {path!r} cannot be read ({error}); {_FORMS}") from error
