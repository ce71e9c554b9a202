"""What the names of columns say, for want of better evidence."""

import re

_WORDS = {
    "time": (
        "time", "timestamp", "ts", "date", "datetime", "day", "at", "on", "epoch", "when", "start",
        "end", "created", "updated", "dt",
    ),
    "identity": (
        "id", "ids", "uuid", "guid", "key", "no", "nr", "code", "zip", "zipcode", "postcode",
        "index", "row", "hash", "serial", "reference", "ref",
    ),
    "entity": (
        "customer", "user", "patient", "account", "member", "client", "person", "subscriber",
        "household", "session", "employee", "student", "visitor", "guest", "player",
    ),
    "calendar": (
        "year", "quarter", "month", "week", "weekday", "dow", "day", "hour", "minute", "second",
    ),
    # Most telling first.
    "label": (
        "label", "target", "outcome", "class", "y", "fare", "churn", "churned", "fraud", "clicked",
        "click", "converted", "survived", "default", "delay", "price", "amount", "revenue",
        "total", "cost", "value", "demand", "sales", "score", "rating", "duration",
    ),
    "latitude": ("lat", "latitude"),
    "longitude": ("lon", "lng", "long", "longitude"),
}  # fmt: skip


def words_of(name: str) -> list[str]:
    """Returns the words of a name: ``pickupTime_UTC`` has pickup, time and utc."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def has_word(name: str, meaning: str) -> bool:
    """Tells whether a word of the name has this meaning."""
    return not set(words_of(name)).isdisjoint(_WORDS[meaning])


def rank_as_label(name: str) -> int | None:
    """Returns how telling the name is for a label, 0 for most; None: it is not."""
    known = _WORDS["label"]
    ranks = [known.index(word) for word in words_of(name) if word in known]
    return min(ranks, default=None)


def without(name: str, meaning: str) -> str:
    """Returns the name without the words of a meaning: pickup of pickup_latitude."""
    return "_".join(word for word in words_of(name) if word not in _WORDS[meaning])
