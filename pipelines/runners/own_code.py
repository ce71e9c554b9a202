"""The code that a definition's functions need on workers of other machines, as a wheel.

Functions are named by import path, and workers import them. What lies beside their modules goes
along: a module may import a neighbour, or read a file beside itself.
"""

import base64
import hashlib
import importlib.util
import json
import re
import sys
import sysconfig
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from forebay.console.terminal import note
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import is_importable_path
from forebay.transforms.definition.serialize import to_json
from forebay.transforms.errors import InputError

# Larger files beside a module are tables, not what its functions look up.
MOST_BYTES = 16 << 20
# What secrets look like in files, none of which leaves this machine: private keys, the keys of AWS,
# GitHub, Google, Hugging Face and Slack, and what stands in quotes beside the name of a secret.
_NAMES = (
    rb"(?:private_key|client_secret|secret_access_key|passw(?:or)?d|api_?key|"
    rb"(?:access|refresh|auth|api|bearer)_?token)"
)
_SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|AIza[\w-]{35}|ya29\.[\w-]{20}|hf_\w{30}|xox[abprs]-)"
    rb"|" + _NAMES + rb"[\"']?\s*[:=]\s*[\"'][^\"'\s]{6}",
    re.I,
)
# Files of settings have it without quotes; in a program that would be another variable.
_SETTINGS = re.compile(rb"^\W*(?:\w*_)?" + _NAMES + rb"\s*[:=]\s*[^\s\"'{\[]{6}", re.I | re.M)
# A module of this name is how its folder is installed, and is read by installers.
_BUILD_FILES = ("setup.py", "conftest.py")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # zip files know none before


def pack_own_code(dataset: Dataset, folder: Path, *, without: Collection[str] = ()) -> Path | None:
    """Writes a wheel of the modules of a definition's functions and of what lies beside them.

    The same files make the same wheel, to the byte.

    Args:
        dataset: the definition.
        folder: where the wheel is written.
        without: files that stay here, such as the tables that are read.

    Returns:
        The wheel; None: the definition has no functions but installed ones.

    Raises:
        InputError: the modules of two folders have a file of one name.
    """
    files: dict[str, Path] = {}
    for root, package in sorted(_roots(dataset).items()):
        for name, path in _beside(root, package, frozenset(map(_real, without))):
            if files.setdefault(name, path) != path:
                raise InputError(
                    f"{files[name]} and {path} would be one file on the workers; rename one, or "
                    "keep the definition's functions in one folder"
                )
    return _write_wheel(dataset.name, files, folder) if files else None


def _roots(dataset: Dataset) -> dict[Path, frozenset[str]]:
    """Returns the folders that functions' modules are imported from, and the packages in use."""
    roots = set()
    for module in sorted(set(_modules(json.loads(to_json(dataset))))):
        found = _file_of(module)
        if found is None or module.partition(".")[0] == "forebay" or _is_installed(found):
            continue
        depth = module.count(".") + (found.name == "__init__.py")
        roots.add(found.parents[depth])
    return {root: _packages_in_use(root) for root in roots}


def _packages_in_use(root: Path) -> frozenset[str]:
    """Returns the packages of a folder of which this process has imported something."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    below = (Path(file).resolve() for file in files if file)
    inside = (file.relative_to(root) for file in below if root in file.parents)
    return frozenset(
        file.parts[0]
        for file in inside
        if len(file.parts) > 1 and "site-packages" not in file.parts
    )


def _modules(value: Any) -> Iterator[str]:
    """Yields the modules of the import paths in a definition's JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _modules(one)
    elif isinstance(value, str) and is_importable_path(value):
        yield value.partition(":")[0]


def _file_of(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _is_installed(file: Path) -> bool:
    """Tells whether a file is an installed package's: whoever makes the workers installs it."""
    places = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    return any(place in file.parents for place in places) or "site-packages" in file.parts


def _beside(
    root: Path, packages: Collection[str], without: Collection[Path]
) -> Iterator[tuple[str, Path]]:
    """Yields the files that travel, by their name below the folder."""
    tops = [path for path in root.iterdir() if path.is_file()]
    below = [path for name in packages for path in (root / name).rglob("*") if path.is_file()]
    for path in sorted([*tops, *below]):
        name = path.relative_to(root)
        is_hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if is_hidden or path.name in _BUILD_FILES or path.resolve() in without:
            continue
        why = _stays(path)
        if why is None:
            yield name.as_posix(), path
        else:
            note(f"{path} {why}, so it stays here: workers do not see it")


def _stays(path: Path) -> str | None:
    """Returns why a file stays on this machine; None: it travels."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"has {size:,} bytes, more than {MOST_BYTES:,}"
    text = path.read_bytes()
    has_secret = _SECRETS.search(text) or (path.suffix != ".py" and _SETTINGS.search(text))
    return "seems to hold a key, a token or a password" if has_secret else None


def _real(path: str) -> Path:
    return Path(path).resolve()


def _write_wheel(name: str, files: Mapping[str, Path], folder: Path) -> Path:
    """Writes a wheel whose version is what is in it."""
    contents = {inside: path.read_bytes() for inside, path in files.items()}
    digest = hashlib.sha256()
    for inside, content in contents.items():
        digest.update(f"{inside}\0{len(content)}\0".encode() + content)
    distribution = re.sub(r"[^a-z0-9]+", "_", f"forebay_definition_{name.lower()}").strip("_")
    version = f"0+{digest.hexdigest()[:12]}"
    info = f"{distribution}-{version}.dist-info"
    contents[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        "Summary: The modules of a Forebay definition's functions\n"
    ).encode()
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: forebay\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{inside},{_hash(content)},{len(content)}" for inside, content in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"{distribution}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for inside, content in contents.items():
            entry = zipfile.ZipInfo(inside, _FIRST_DAY)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return wheel


def _hash(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
