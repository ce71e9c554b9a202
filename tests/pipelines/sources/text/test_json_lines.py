"""Lines read all at once and one by one are the same rows, and what Python makes of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.text import json_lines
from forebay.pipelines.sources.text.json_lines import parse_lines
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.transforms.definition.columns import (
    Boolean,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)

COLUMNS = {
    "number": Number(),
    "whole": Integer(nulls=("", "-200"), range=(-200, 2**60)),
    "text": String(),
    "flag": Boolean(),
    "at": Timestamp(),
    "count": Timestamp(unit="s"),
    "day": Date(required=True),
    "list": Numbers(),
    "level": Number(nulls=("", "-200", "NaN", "0"), range=(-300, 300)),
    "must": Number(required=True, nulls=("", "-2e2", "NaN")),
    "steps": Integer(required=True, nulls=("", "-200.0", "0")),
}
LIMIT = 300
WHOLE = {"day": "2024-05-01", "must": 7, "steps": 7}

SENTINELS = st.sampled_from([-200, -200.0, 0, -0.0, float("nan"), 7, 7.0])
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | SENTINELS
VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.just("2024-05-01")
GOOD = st.fixed_dictionaries(
    {"day": st.just("2024-05-01"), "must": SENTINELS, "steps": st.sampled_from([-200, 0, 7])},
    optional={
        "level": st.none() | SENTINELS | st.floats(-400, 400),
        "number": st.none() | NUMBERS,
        "whole": st.none() | st.integers(-300, 2**61),
        "text": st.none() | st.text(max_size=8),
        "flag": st.none() | st.booleans(),
        "at": st.none() | st.datetimes().map(lambda at: at.isoformat()),
        "count": st.none() | st.integers(-(10**10), 10**10),
        "other": VALUES | st.lists(VALUES, max_size=2) | st.just({"number": 5}),
    },
)
ANY = st.dictionaries(
    st.sampled_from([*COLUMNS, "other"]),
    VALUES | st.lists(st.none() | NUMBERS, max_size=3) | st.just({"a": 1}),
)


def one_by_one(data: bytes) -> Parsed:
    records = scan_records(data, json_lines.LINES, ANY_ARITY, LIMIT, is_last=True)
    lines = [data[start:end] for start, end in zip(records.starts, records.ends, strict=True)]
    return json_lines._parse_each(lines, records.starts, COLUMNS, LIMIT, ())


@given(st.lists(GOOD | ANY, min_size=1, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n"]))
@example(
    [{**WHOLE, "number": -0.0}, {**WHOLE, "number": 5e-324}, {**WHOLE, "must": -200.0}], True, "\n"
)
@example([{**WHOLE, "text": "}{"}], False, "\n")
@example([{**WHOLE, "text": "\ud800"}], True, "\n")
@example([{**WHOLE, "level": float("nan")}, {**WHOLE, "number": float("-inf")}], True, "\n")
def test_all_at_once_and_one_by_one(
    objects: list[dict[str, Any]], ascii_only: bool, line_end: str
) -> None:
    try:
        lines = [json.dumps(one, ensure_ascii=ascii_only).encode() for one in objects]
    except UnicodeEncodeError:
        return
    data = line_end.encode().join([*lines, b""])

    found, wanted = parse_lines(data, 0, COLUMNS, LIMIT), one_by_one(data)

    assert repr(found.rows.to_pylist()) == repr(wanted.rows.to_pylist())
    assert found.rejects == wanted.rejects
    assert len(found.rows) + len(found.rejects) == len(objects)


@given(st.lists(GOOD, min_size=1, max_size=6))
def test_values_are_those_that_were_written(objects: list[dict[str, Any]]) -> None:
    data = b"".join(json.dumps(one).encode() + b"\n" for one in objects)

    parsed = parse_lines(data, 0, COLUMNS, 1 << 20)

    rejected = {reject.offset for reject in parsed.rejects}
    offset, kept = 0, []
    for one in objects:
        whole, level = one.get("whole") or 0, one.get("level") or 0
        is_bad = whole > 2**60 or whole < -200 or (level != -200 and abs(level) > 300)
        is_bad |= one["must"] in (-200, None) or one["must"] != one["must"]
        assert (offset in rejected) == (is_bad or one["steps"] in (-200, 0))
        if offset not in rejected:
            kept.append(one)
        offset += len(json.dumps(one)) + 1
    for row, one in zip(parsed.rows.to_pylist(), kept, strict=True):
        wanted = one.get("number")
        assert repr(row["number"]) == repr(None if wanted is None else float(wanted))
        assert row["whole"] == (None if one.get("whole") == -200 else one.get("whole"))
        assert row["text"] == (one.get("text") or None)
        assert row["flag"] == one.get("flag")


@pytest.mark.parametrize("neighbour", ['{"x": 5}\n', '{"x": 5, "text": "\\u0041"}\n'])
@pytest.mark.parametrize("written", ["-200", "-200.0", "-2e2", "-0.2000E+3"])
@pytest.mark.parametrize("null", ["-200", "-200.0", "-2e2"])
@pytest.mark.parametrize("kind", [Number, Integer])
def test_a_number_that_means_missing_does_so_however_it_is_written(
    kind: type[Number | Integer], null: str, written: str, neighbour: str
) -> None:
    lines = f'{{"x": {written}}}\n{neighbour}'.encode()

    parsed = parse_lines(lines, 0, {"x": kind(nulls=("", null))}, LIMIT)
    required = parse_lines(lines, 0, {"x": kind(nulls=("", null), required=True)}, LIMIT)

    assert parsed.rows["x"].to_pylist() == [None, 5]
    assert required.rows["x"].to_pylist() == [5]
    assert [reject.reason for reject in required.rejects] == ["x: missing required value"]


@pytest.mark.parametrize("neighbour", [b'{"whole": 5}\n', b'{"whole": 5, "text": "\\u0041"}\n'])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"other": -NaN}', "not JSON: "),
        (b'{"other": Inf}', "not JSON: "),
        (b'{"other": "\xff"}', "not UTF-8 text"),
        (b'{"other": ' + b"[" * 100 + b"]" * 100 + b"}", "nested deeper than 100 levels"),
    ],
)
def test_what_arrow_alone_reads_is_a_reject_in_any_company(
    line: bytes, reason: str, neighbour: bytes
) -> None:
    parsed = parse_lines(line + b"\n" + neighbour, 0, {"whole": Integer()}, 1 << 20)

    assert parsed.rows["whole"].to_pylist() == [5]
    (reject,) = parsed.rejects
    assert reason in reject.reason


def test_arrow_reads_what_is_regular() -> None:
    lines = b'{"number": 1.5, "text": "a", "whole": 3, "day": "2024-05-01"}\n' * 3
    columns = {name: COLUMNS[name] for name in ("number", "text", "whole", "day")}
    records = scan_records(lines, json_lines.LINES, ANY_ARITY, LIMIT, is_last=True)

    table = json_lines._as_arrow(lines, records, columns)

    assert isinstance(table, pa.Table)
    assert np.array_equal(table["number"].to_numpy(), [1.5] * 3)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"address": "flat"}', "'\"flat\"' is not an object, as 'address.city' needs one"),
        ('{"address": [{"city": 1}]}', "is not an object, as 'address.city' needs one"),
        ('{"address": {"city": 1.50e1}}', None),
        ('{"address": {"city": null}}', None),
        ('{"address": null}', None),
        ("{}", None),
        ('{"address": {"city": [1, "1"]}}', "'[1, \"1\"]' is no single value"),
        ('{"address": {"city": 1, "city": 2}}', "'2' is one of several values named 'city'"),
        ('{"address": 1, "address": {"city": 1}}', "is one of several values named 'address'"),
    ],
)
def test_what_is_on_the_way_to_a_field_is_an_object(line: str, reason: str | None) -> None:
    columns = {"city": Number(field="address.city", nulls=("",))}

    parsed = parse_lines(line.encode() + b"\n", 0, columns, LIMIT)

    assert len(parsed.rows) == (reason is None)
    for reject in parsed.rejects:
        assert reject.reason.startswith("city: ")
        assert ";" not in reject.reason
        assert reason is not None
        assert reason in reject.reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('[1,[2.50,"a"]]', "list: '[1, [2.50, \"a\"]]' is not a list of numbers"),
        ('{"a": -0}', "list: '{\"a\": -0}' is not a list of numbers"),
        ('[1,"x"]', "list: '1;x' is not a list of numbers"),
    ],
)
def test_a_fault_has_one_reason_with_what_was_written(value: str, reason: str) -> None:
    columns = {"list": Numbers(required=True)}
    (reject,) = parse_lines(f'{{"list": {value}}}\n'.encode(), 0, columns, LIMIT).rejects
    assert reject.reason == reason


def test_a_name_that_is_there_twice_is_a_fault_where_it_is_read() -> None:
    lines = b'{"whole": 1, "whole": 2}\n{"whole": 3, "other": 1, "other": 2}\n'
    parsed = parse_lines(lines, 0, {"whole": Integer()}, LIMIT)
    assert parsed.rows["whole"].to_pylist() == [3]
    assert [one.reason for one in parsed.rejects] == [
        "whole: '2' is one of several values named 'whole'"
    ]
