"""Numbers and durations as people read them."""


def counted(count: int, noun: str) -> str:
    """Writes a count with its noun: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def share(part: int, whole: int) -> str:
    """Writes a count and its share: ``12 of 1,000 (1.2 %)``."""
    percent = 100 * part / whole if whole else 0.0
    return f"{part:,} of {whole:,} ({percent:.3g} %)"


def shown(value: object) -> str:
    """Writes a number, a day or an instant for people."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10_000 else f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).removesuffix("+00:00")


_UNITS_US = (
    ("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000),
    ("ms", 1_000), ("µs", 1),
)  # fmt: skip


def history_text(reach_us: int | None) -> str:
    """Says how far windows reach back, such as ``windows reach back 3 h before each row``."""
    if reach_us is None:
        return "windows reach back without bound: they need every event before each row"
    return f"windows reach back {duration_text(reach_us)} before each row"


def duration_text(microseconds: int) -> str:
    """Writes a duration as ``6 h 30 min``."""
    parts = []
    for unit, length in _UNITS_US:
        count, microseconds = divmod(microseconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
