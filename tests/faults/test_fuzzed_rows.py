"""Damaged rows and requests: each is answered or counted in its place, and takes no other down."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from small_work import Places
from verdicts import PYTHONS_WORDS, Draw
from warm_commands import Warm

import forebay as fb
from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.serving.predictor import Predictor
from forebay.transforms.errors import ForebayError

TABLE = fb.Source(
    columns={
        "id": fb.String(), "at": fb.Timestamp(), "shop": fb.String(), "amount": fb.Number(),
        "late": fb.Boolean(),
    }
)  # fmt: skip

# What a reason quotes.
CELL = re.compile("'.*'", re.DOTALL)
GOOD = {"id": "o1", "shop": "a", "amount": 1.5}
ODD = [
    b"", b" ", b"{", b"[]", b"null", b"NaN", b'""', b"\x00", b"\xff\xfe", b"[" * 5_000,
    b'{"a":' * 900, b"1e999", b'"\\ud800"', b"-0", b"9" * 400, b"true", b'{"id": 1, "id": 2}',
    b"\xef\xbb\xbf{}",
    b'"$\\frac{1$"', b'"\\u001b[31m"', b"[[1], [2]]", b'{"__row": 1}', b"0x1", b"1_000",
]  # fmt: skip


def damaged(random: Random, line: bytes) -> bytes:
    """A line of which some bytes are gone, others, repeated or replaced by something odd."""
    for _ in range(random.randint(1, 4)):
        at, end = sorted(random.choices(range(len(line) + 1), k=2))
        new = random.choice([b"", bytes([random.randrange(256)]), line[at:end] * 2, *ODD])
        line = line[:at] + new + line[end if random.random() < 0.5 else at :]
    return line.replace(b"\n", b" ")


def is_same(answer: Mapping[str, Any], good: Mapping[str, Any]) -> bool:
    """Whether two answers are the same, up to the rounding that rows beside them change."""
    probabilities = [each.get("probability", -1.0) for each in (answer, good)]
    return answer.get("id") == good["id"] and math.isclose(*probabilities, rel_tol=1e-5)


def wrong_answers(predictor: Predictor, lines: list[bytes], good: Mapping[str, Any]) -> str:
    """What is wrong with the answers to lines of which every second is good; nothing: all is."""
    try:
        answers = predictor.answer(list(enumerate(lines, start=1)))
    except Exception as error:
        return f"no answers at all: {error!r}"
    if len(answers) != len(lines):
        return f"{len(answers)} answers"
    for number, (line, answer) in enumerate(zip(lines, answers, strict=True), start=1):
        said = json.dumps(answer.value)
        if number % 2 and not is_same(answer.value, good):
            return f"line {number} beside others: {said}"
        if answer.failed and (answer.value["line"] != number or PYTHONS_WORDS.search(said)):
            return f"{line!r}: {said}"
    return ""


def fuzz_requests(predictor: Predictor, random: Random) -> str:
    good = json.dumps(GOOD).encode()
    (alone,) = predictor.answer([(1, good)])
    assert not alone.failed, alone
    lines = [good if i % 2 == 0 else damaged(random, good) for i in range(200)]
    return wrong_answers(predictor, lines, alone.value)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with Warm(folder) as warm:
        yield Places(folder, warm)


@pytest.fixture(scope="module")
def predictor(places: Places) -> Predictor:
    return Predictor(str(places.of("predict") / "run/model"))


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_no_request_takes_others_down(
    predictor: Predictor, capfd: pytest.CaptureFixture[str]
) -> None:
    draw = Draw("damaged requests, by the hundred", 0.05)
    found = {point: fuzz_requests(predictor, draw.random) for point in draw.points()}
    with capfd.disabled():
        print(f"\n{draw}")
    assert not any(found.values()), "\n".join(list(filter(None, found.values()))[:20])


def fuzz_table(path: Path, random: Random) -> str:
    """Damages every second row of a table; what is wrong with how it is read."""
    lines = [f"good-{i},2024-01-01T00:00:00Z,a,{i}.5,1".encode() for i in range(200)]
    for i in range(1, 200, 2):
        # A quote may make several rows one.
        lines[i] = damaged(random, lines[i]).replace(b'"', b"").replace(b"\r", b"")
    path.write_bytes(b"\n".join([b"id,at,shop,amount,late", *lines]))
    try:
        files = [open_csv(file, TABLE) for file in find_files([str(path)])]
        read = list(read_batches(files, TABLE, 1 << 20))
    except ForebayError as error:
        return f"not read: {error}"
    except Exception as error:
        return f"not read: {error!r}"
    found = [name for batch in read for name in batch.rows["id"].to_pylist()]
    lost = {f"good-{i}" for i in range(0, 200, 2)} - set(found)
    rejects = [reject for batch in read for reject in batch.rejects]
    records = sum(batch.records for batch in read)
    if lost or len(found) + len(rejects) != records:
        return f"lost {lost}; {len(found)} rows and {len(rejects)} rejects of {records} records"
    reasons = (reject.reason for reject in rejects)
    return next((r for r in reasons if PYTHONS_WORDS.search(CELL.sub("", r))), "")


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_no_row_takes_others_down(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    draw = Draw("damaged rows, by the hundred", 0.05)
    found = {point: fuzz_table(tmp_path / "rows.csv", draw.random) for point in draw.points()}
    with capfd.disabled():
        print(f"\n{draw}")
    assert not any(found.values()), "\n".join(list(filter(None, found.values()))[:20])


def test_some_damaged_rows_take_no_others_down(tmp_path: Path) -> None:
    random = Random(3)
    assert [fuzz_table(tmp_path / "rows.csv", random) for _ in range(20)] == [""] * 20
