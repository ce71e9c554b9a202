"""What the names of columns say, for want of better evidence."""

import re
from collections.abc import Iterable

from forebay.transforms.definition.names import is_servable

_WORDS = {
    "time": (
        "time", "timestamp", "ts", "date", "datetime", "day", "at", "on", "epoch", "when", "start",
        "end", "created", "updated", "dt",
    ),
    "identity": (
        "id", "ids", "uuid", "guid", "key", "no", "nr", "code", "zip", "zipcode", "postcode",
        "hash", "serial", "reference", "ref",
    ),
    "entity": (
        "customer", "user", "patient", "account", "member", "client", "person", "subscriber",
        "household", "session", "employee", "student", "visitor", "guest", "player", "subject",
        "participant", "respondent", "driver", "host",
    ),
    "thing": (
        "item", "product", "sku", "article", "movie", "film", "book", "song", "track", "artist",
        "video", "store", "shop", "branch", "outlet", "merchant", "vendor", "seller", "station",
        "device", "machine", "sensor", "vehicle", "route", "zone", "flight",
    ),
    "split": ("split", "fold", "kfold", "subset", "partition"),
    "calendar": (
        "year", "quarter", "month", "week", "weekday", "dow", "day", "hour", "minute", "second",
    ),
    # Most telling first.
    "label": (
        "label", "target", "outcome", "class", "y", "fare", "churn", "churned", "fraud", "clicked",
        "click", "converted", "survived", "default", "delay", "amount", "revenue", "total", "price",
        "cost", "value", "demand", "sales", "score", "rating", "duration",
    ),
    "latitude": ("lat", "latitude"),
    "longitude": ("lon", "lng", "long", "longitude"),
}  # fmt: skip


_LONGEST = 80


def servable_names(names: Iterable[str]) -> dict[str, str]:
    """Returns a name for each column under which a model can be given it.

    A definition refuses others, see `served_name_problems`.
    """
    order = list(names)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in order:
        if is_servable(name) and len(name) <= _LONGEST and name.lower() not in taken:
            taken.add(name.lower())
            found[name] = name
    for place, name in enumerate(order, start=1):
        if name in found:
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST] or f"column_{place}"
        plain = plain if is_servable(plain) else f"column_{plain}"
        while plain in taken:
            plain += "_2"
        taken.add(plain)
        found[name] = plain
    return {name: found[name] for name in order}


def words_of(name: str) -> list[str]:
    """Returns the words of a name: ``pickupTime_UTC`` has pickup, time and utc."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def has_word(name: str, meaning: str) -> bool:
    """Tells whether a word of the name has this meaning."""
    return not set(words_of(name)).isdisjoint(_WORDS[meaning])


def is_name_of_something(name: str) -> bool:
    """Tells whether a column's values name something: users, items, codes. user_age has ages."""
    words = words_of(name)
    if words in (["index"], ["row"]):
        return True
    meanings = ("identity", "entity", "thing")
    return bool(words) and (words[0] == "id" or any(words[-1] in _WORDS[m] for m in meanings))


def is_name_of(name: str, meaning: str) -> bool:
    """Tells whether a column names things of a meaning: user, user_id, not user_age."""
    words = [word for word in words_of(name) if word not in _WORDS["identity"]]
    return bool(words) and words[-1] in _WORDS[meaning]


def rank_as_label(name: str) -> int | None:
    """Returns how telling the name is for a label, 0 for most; None: it is not."""
    known = _WORDS["label"]
    ranks = [known.index(word) for word in words_of(name) if word in known]
    return min(ranks, default=None)


def without(name: str, meaning: str) -> str:
    """Returns the name without the words of a meaning: pickup of pickup_latitude."""
    return "_".join(word for word in words_of(name) if word not in _WORDS[meaning])
