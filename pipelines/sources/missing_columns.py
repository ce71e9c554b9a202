"""The one error of a table that lacks columns of its definition."""

from collections.abc import Sequence

from forebay.transforms.errors import InputError, nearest_names

_SHOWN_CHARACTERS = 80
# Where each record names its own fields.
NAMED_BY_RECORDS = (
    "Rename the columns in the definition or in the file, or give them field=; what only later "
    "records have, write in the first one, too, as null."
)


def refuse_missing(
    names: Sequence[str],
    wanted: Sequence[str],
    path: str,
    what: str = "column",
    cure: str = "Rename the columns in the definition or in the file, or give them field=.",
) -> None:
    """Checks that a table has the wanted columns.

    Args:
        names: its columns.
        wanted: what the definition reads of it.
        path: its name, for errors.
        what: what it should have, in the singular.
        cure: what to do where it does not.

    Raises:
        InputError: columns are missing; all of them are named, with names that resemble them.
    """
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    described = []
    for name in missing:
        near = nearest_names(name, names)
        described.append(f"{name!r} (did you mean {near}?)" if near else repr(name))
    first, *rest = what.split(" ")
    plural = " ".join([first + ("s" if len(missing) > 1 else ""), *rest])
    listed = ", ".join(names)
    cut = listed if len(listed) <= _SHOWN_CHARACTERS else listed[:_SHOWN_CHARACTERS] + "..."
    shown = repr(cut) if names else "none"
    raise InputError(f"{path}: has no {plural} {', '.join(described)}; it has {shown}. {cure}")
