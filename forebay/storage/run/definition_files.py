"""Finding a definition: in a Python file, in an importable module, or as a run's JSON."""

import importlib
import os
import sys
import traceback
from types import ModuleType

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import digest, from_json
from forebay.transforms.errors import ForebayError, InputError, reason

_FORMS = "write FILE.py, FILE.py:NAME, MODULE:NAME or definition.json"


def load_definition(reference: str | Dataset) -> Dataset:
    """Loads a definition.

    Args:
        reference: the definition itself, or where it is: ``FILE.py`` that holds one Dataset,
            ``FILE.py:NAME`` or ``MODULE:NAME`` for one of several, or a ``definition.json`` as a
            run holds it. The folder of a Python file is added to the import path, so that workers
            find its functions. Python files are executed: load only those you trust.

    Raises:
        InputError: there is no such definition.
        DefinitionError: the definition has mistakes.
    """
    if isinstance(reference, Dataset):
        return reference
    if reference.endswith(".json"):
        return _from_json(reference)
    place, _, name = reference.partition(":")
    if not place.endswith(".py") and not all(map(str.isidentifier, place.split("."))):
        raise InputError(
            f"the definition {reference!r} is neither a Python file nor a module; {_FORMS}"
        )
    module = _import_file(place) if place.endswith(".py") else _import(place, reference)
    datasets = {key: value for key, value in vars(module).items() if isinstance(value, Dataset)}
    if name in datasets:
        return datasets[name]
    if not name and len(datasets) == 1:
        return next(iter(datasets.values()))
    found = ", ".join(f"{place}:{key}" for key in datasets) or "no Dataset"
    raise InputError(f"the definition {reference!r} is not unique: {place} holds {found}; {_FORMS}")


def definition_file(reference: str | Dataset) -> str | None:
    """Returns the file of a definition that is loaded; None: it has none."""
    if isinstance(reference, Dataset):
        return None
    if reference.endswith(".json"):
        return reference
    place = reference.partition(":")[0]
    return place if place.endswith(".py") else _file_of(sys.modules.get(place))


def load_same_definition(reference: str | Dataset, dataset: Dataset) -> None:
    """Loads the definition that a model was made with, so that its functions can be imported.

    Args:
        reference: as for `load_definition`.
        dataset: the model's.

    Raises:
        InputError: it is another, or as there.
    """
    given = load_definition(reference)
    if digest(given) != digest(dataset):
        named = reference if isinstance(reference, str) else given.name
        raise InputError(
            f"--definition {named!r} is not the definition {dataset.name!r} that the model was "
            "made with; name that, or train anew"
        )


def _import_file(path: str) -> ModuleType:
    """Imports a file under its own name, as it is now: it may have changed since the last time."""
    _read(path)
    path = os.path.abspath(path)
    folder, file = os.path.split(path)
    name = file.removesuffix(".py")
    if _file_of(sys.modules.get(name)) == path:
        del sys.modules[name]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    module = _import(name, path)
    if _file_of(module) != path:
        raise InputError(
            f"the definition {path!r} cannot be loaded: its name is that of another module "
            f"({_file_of(module) or 'built in'}); rename the file"
        )
    return module


def _file_of(module: ModuleType | None) -> str | None:
    file = getattr(module, "__file__", None)
    return file and os.path.abspath(file)


def _import(name: str, reference: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ForebayError:
        raise
    except (Exception, SystemExit) as error:  # a definition that ends the process, too
        frames = traceback.extract_tb(error.__traceback__)
        place = next((f", line {f.lineno}" for f in frames if f.filename == reference), "")
        message = str(error).partition("\n")[0]
        raise InputError(
            f"the definition {reference!r} cannot be loaded "
            f"({type(error).__name__}: {message}{place}); mend it, or {_FORMS}"
        ) from error


def _from_json(path: str) -> Dataset:
    try:
        return from_json(_read(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the definition {path!r} cannot be read ({reason(error)}); {_FORMS}"
        ) from error
