"""Made-up gauge readings, and what must become of each, said without the code under test.

The definition is tests/end_to_end/readings.py; nothing here reads it. Records know their own
place in the file, because they are written here one by one.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import farmhash
import naive_windows as naive

COLUMNS = (
    "reading_id", "taken", "known_at", "site", "sensor", "neighbour", "level", "pulses", "ok",
    "day", "batch", "note", "rise",
)  # fmt: skip
PARIS = ZoneInfo("Europe/Paris")
# The clocks go back on the third day: 2:00 to 2:55 is shown twice, and the first one is meant.
FIRST_MOMENT = dt.datetime(2024, 10, 25, 6, 0)
SLOTS = 3 * 24 * 12
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
SPLITS = ("train", "eval", "test")
NOTES = ("", "calme", "crue; vite", 'dite "rouge"', "deux\nlignes", "trois\r\nlignes\r\nici", "été")
MEANS_MISSING = {"taken": ("", "?"), "level": ("", "-")}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A record of the file.

    Attributes:
        raw: its bytes, line end excluded.
        cells: its fields' texts; None where it has none that can be read.
        reason: the beginning of the reason why it is rejected; None where it is not.
    """

    raw: bytes
    cells: Mapping[str, str] | None
    reason: str | None = None


@dataclass
class Written:
    """A file of records: where each of them starts, and the file's name."""

    path: Path
    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    @property
    def rejects(self) -> list[Row]:
        """What the lines of the rejects file must say, in order."""
        return [
            {"source": str(self.path), "line": line, "offset": offset, "reason": record.reason,
             "raw": record.raw.decode("utf-8", "backslashreplace")}
            for record, line, offset in zip(self.records, self.lines, self.offsets, strict=True)
            if record.reason is not None
        ]  # fmt: skip


def make_records(count: int = 400, seed: int = 5) -> list[Record]:
    """Makes records, good ones and of every bad kind, in no order of time."""
    chance = random.Random(seed)
    records = [_record(_cells(chance, i)) for i in range(count)]
    for i, (change, reason) in enumerate(_BAD_CELLS):
        cells = _cells(chance, count + i) | change
        records.append(_record(cells, reason))
    records.append(Record(b"r-2000;too;few", None, "3 fields instead of 13"))
    records.append(Record(b'"r-2001"x' + b";" * 12, None, "text after a closing quote"))
    records.append(Record(b'r-2002;"' + b";" * 11, None, "quote not closed"))
    bad = _record(_cells(chance, 2003) | {"note": "LATIN"}).raw.replace(b"LATIN", b"\xe9t\xe9")
    records.append(Record(bad, None, r"note: '\\xe9t\\xe9' is not UTF-8 text"))
    chance.shuffle(records)
    return records


_BAD_CELLS = [
    ({"reading_id": ""}, "reading_id: missing required value"),
    ({"reading_id": "r-none"}, "serial: missing required value"),
    (
        {"taken": "2024-10-25 06:00"},
        "taken: '2024-10-25 06:00' is not a time written %d/%m/%Y %H:%M",
    ),
    ({"taken": "31/02/2024 06:00"}, "taken: '31/02/2024 06:00' is not a time written %d/%m/%Y"),
    ({"site": "Berlin"}, "site: 'Berlin' is not one of the declared values"),
    ({"sensor": "10"}, "sensor: '10' is not between 1 and 9"),
    (
        {"level": "high", "pulses": "1.5"},
        "level: 'high' is not a number; pulses: '1.5' is not a whole",
    ),
    ({"ok": "peut-être"}, "ok: 'peut-être' is neither true nor false"),
    ({"batch": ""}, "batch: missing, so the row has no split"),
    ({"batch": "", "note": 'two\r\nlines, "quoted"'}, "batch: missing, so the row has no split"),
    ({"reading_id": "r-", "note": "two\nlines"}, "serial: missing required value"),
]  # fmt: skip


def _cells(chance: random.Random, i: int) -> dict[str, str]:
    taken = FIRST_MOMENT + dt.timedelta(minutes=5 * chance.randrange(SLOTS))
    known_ms = int(taken.replace(tzinfo=PARIS).timestamp() * 1000) + chance.randrange(
        -600_000, 9_000_000
    )
    site = chance.choices(("Blois", "Tours", "Saumur", "Nantes"), (8, 4, 2, 1))[0]
    cells = {
        "reading_id": f"r-{i:04d}",
        "taken": taken.strftime("%d/%m/%Y %H:%M"),
        "known_at": str(known_ms),
        "site": site,
        "sensor": str(chance.choices(range(1, 7), (1, 9, 2, 5, 1, 1))[0]),
        "neighbour": str(chance.randint(1, 7)),
        "level": f"{chance.gauss(2, 1.5):.3f}",
        "pulses": str(chance.randint(-5, 30)),
        "ok": chance.choice(("oui", "oui", "oui", "non")),
        "day": taken.date().isoformat(),
        "batch": str(chance.randint(-500, 500)),
        "note": chance.choice(NOTES),
        "rise": f"{chance.gauss(0, 1):.2f}",
    }
    for name, texts, share in (
        ("taken", ("", "?"), 0.02), ("known_at", ("",), 0.05), ("site", ("",), 0.05),
        ("sensor", ("",), 0.03), ("neighbour", ("",), 0.05), ("ok", ("",), 0.05),
        ("level", ("", "-", "nan", "inf", "-1e999"), 0.15), ("pulses", ("",), 0.05),
        ("rise", ("", "nan", "-inf"), 0.03),
    ):  # fmt: skip
        if chance.random() < share:
            cells[name] = chance.choice(texts)
    return cells


def _record(cells: Mapping[str, str], reason: str | None = None) -> Record:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerow([cells[name] for name in COLUMNS])
    return Record(text.getvalue().removesuffix("\r\n").encode(), cells, reason)


def write_records(
    path: Path, records: Sequence[Record], *, line_end: bytes = b"\n", bom: bool = False
) -> Written:
    """Writes a file, compressed where its name ends in .gz."""
    written = Written(path)
    data = (b"\xef\xbb\xbf" if bom else b"") + ";".join(COLUMNS).encode() + line_end
    line = 2
    for record in records:
        written.records.append(record)
        written.lines.append(line)
        written.offsets.append(len(data))
        data += record.raw + line_end
        line += 1 + record.raw.replace(b"\r\n", b"\n").count(b"\n")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return written


def expected_rows(records: Sequence[Record]) -> tuple[dict[str, list[Row]], dict[str, int]]:
    """Returns the rows of each split, windowed values included, and the dropped rows by cause."""
    rows = parsed_rows(records)
    for outputs, column, *spec in WINDOWS:
        for row, window in windows_of(rows, column, *spec):
            for name, (op, default, least) in outputs.items():
                row[name] = naive.aggregate(window, op, column, naive.Ask(default, least))
    dropped = {"no row time": 0, "no label": 0}
    splits: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for row in rows:
        if row["taken"] is None:
            dropped["no row time"] += 1
        elif row["rise"] is None or not math.isfinite(row["rise"]):
            dropped["no label"] += 1
        elif row["batch"] is not None:
            splits[_split(str(row["batch"]), 70, 15, 15)].append(row)
    return splits, dropped


def parsed_rows(records: Sequence[Record]) -> list[Row]:
    """Returns what the records say; ``identity`` is a row's place in this list."""
    rows = [
        _parse(record.cells)
        for record in records
        if record.cells is not None
        and (record.reason is None or record.reason.startswith("batch: missing"))
    ]
    for identity, row in enumerate(rows):
        row["identity"] = identity
    return rows


def _split(text: str, train: int, evaluation: int, test: int) -> str:
    """BigQuery: ``ABS(MOD(FARM_FINGERPRINT(text), total))``, its remainder truncated to zero."""
    fingerprint = farmhash.fingerprint64(text)
    signed = fingerprint - 2**64 if fingerprint >= 2**63 else fingerprint
    remainder = abs(signed) % (train + evaluation + test)
    if remainder < train:
        return "train"
    return "eval" if remainder < train + evaluation else "test"


def _parse(cells: Mapping[str, str]) -> Row:
    def read(name: str, parse: Callable[[str], Any]) -> Any:
        return None if cells[name] in MEANS_MISSING.get(name, ("",)) else parse(cells[name])

    return {
        "reading_id": cells["reading_id"],
        "serial": int(cells["reading_id"].removeprefix("r-") or -1),
        "taken": read("taken", _paris_us),
        "known_at": read("known_at", lambda text: int(text) * 1000),
        "day": read("day", lambda text: (dt.date.fromisoformat(text) - EPOCH.date()).days),
        "ok": read("ok", "oui".__eq__),
        **{name: read(name, int) for name in ("sensor", "neighbour", "pulses", "batch")},
        **{name: read(name, float) for name in ("level", "rise")},
        **{name: read(name, str) for name in ("site", "note")},
    }


def _paris_us(text: str) -> int:
    clock = dt.datetime.strptime(text, "%d/%m/%Y %H:%M")
    return (clock.replace(tzinfo=PARIS).astimezone(dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)


# Output column: (operator, default, least count); then what the events are.
_LEVEL_OPS = ("count", "sum", "mean", "std", "min", "max", "last")
WINDOWS: list[tuple[Any, ...]] = [
    *[
        (
            {f"level_{op}_{name}_by_site": (op, None, 0) for op in _LEVEL_OPS},
            "level", ("site",), ("site",), width_us, 0, False, False,
        )
        for name, width_us in (("1h", HOUR_US), ("unbounded", None))
    ],
    (
        {
            "pulses_sum_6h_lag_30m_by_sensor_for_neighbour": ("sum", 0, 0),
            "pulses_last_6h_lag_30m_by_sensor_for_neighbour": ("last", None, 0),
        },
        "pulses", ("sensor",), ("neighbour",), 6 * HOUR_US, 30 * MINUTE_US, True, False,
    ),
    (
        {"events_count_1d_where_ok_eq_True_by_site_sensor": ("count", None, 0)},
        None, ("site", "sensor"), ("site", "sensor"), 24 * HOUR_US, 0, False, True,
    ),
    ({"level_mean_2h": ("mean", None, 3)}, "level", (), (), 2 * HOUR_US, 0, False, False),
]  # fmt: skip


def windows_of(
    rows: list[Row],
    column: str | None,
    key: tuple[str, ...],
    row_key: tuple[str, ...],
    width_us: int | None,
    lag_us: int,
    late: bool,
    only_ok: bool,
) -> Iterator[tuple[Row, list[naive.Event]]]:
    """Yields each row that has a time, with the events in its window."""
    numbers: dict[tuple[Any, ...], int] = {}

    def number(row: Row, names: tuple[str, ...]) -> int | None:
        parts = tuple(row[name] for name in names)
        return None if None in parts else numbers.setdefault(parts, len(numbers))

    events = [
        naive.Event(
            number(row, key), row["taken"], row["identity"],
            {column: row[column]} if column else {},
            row["known_at"] if late else None,
        )
        for row in rows
        if not only_ok or row["ok"]
    ]  # fmt: skip
    for row in rows:
        if row["taken"] is None:
            continue
        request = naive.Request(number(row, row_key), row["taken"], row["identity"])
        yield row, naive.seen(events, request, width_us, lag_us, late)
