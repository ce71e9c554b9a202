"""Small inputs whose every exclusion and mistake is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import forebay as fb
from forebay.cli import main
from forebay.commands.explain.report import to_json
from forebay.transforms.errors import InputError

DEFINITION = """
import forebay as fb

trips = fb.Dataset(
    name="trips",
    columns={
        "id": fb.Integer(required=True), "asked": fb.Timestamp(), "began": fb.Timestamp(),
        "known": fb.Timestamp(), "zone": fb.String(), "fare": fb.Number(), "kind": fb.String(),
        "day": fb.Date(),
    },
    row_time="asked",
    windows=[
        fb.Windowed("fare", key="zone", at="began", available_at="known", over="1h", lag="10m",
                    where=fb.Where("kind", "==", "a"), ops=[fb.mean(), fb.count()]),
        fb.Windowed(key="zone", over="unbounded", ops=fb.count()),
        fb.Windowed("fare", key="zone", over="1h", by="kind", categories=["a", "b"],
                    ops=[fb.count_nulls(), fb.var(), fb.first(), fb.rate(per="1m"),
                         fb.seconds_since_last()]),
        fb.Windowed("fare", over=["30m"], ops=[fb.last(), fb.std(), fb.sum(default=0)]),
    ],
    features=[fb.Numeric("id")],
    label=fb.Regression("fare"),
    split=fb.HashSplit("zone"),
    passthrough=["id", "zone"],
)
"""
# The row asked about is 1, at 12:00; its window of `began` is [10:50, 11:50).
TRIPS = """id,asked,began,known,zone,fare,kind,day
1,2024-05-01 12:00,2024-05-01 11:30,2024-05-01 11:40,north,100,a,2024-05-01
2,2024-05-01 11:00,2024-05-01 11:00,2024-05-01 11:10,north,10,a,2024-05-01
3,2024-05-01 11:05,2024-05-01 10:50,2024-05-01 11:59:59.999999,north,20,a,2024-05-01
4,2024-05-01 11:05,2024-05-01 11:49:59,2024-05-01 12:00,north,30,a,2024-05-01
5,2024-05-01 11:10,2024-05-01 11:10,,north,40,a,2024-05-01
6,2024-05-01 11:20,2024-05-01 11:20,2024-05-01 11:21,north,nan,a,2024-05-01
7,2024-05-01 11:30,2024-05-01 11:30,2024-05-01 11:31,north,60,b,2024-05-01
8,2024-05-01 10:40,2024-05-01 10:40,2024-05-01 10:41,north,70,a,2024-05-01
9,2024-05-01 10:49,2024-05-01 10:49:59.999999,2024-05-01 10:51,north,75,a,2024-05-01
10,2024-05-01 11:50,2024-05-01 11:50,2024-05-01 11:51,north,80,a,2024-05-01
11,2024-05-01 12:00,2024-05-01 12:00,2024-05-01 12:01,north,90,a,2024-05-01
12,2024-05-01 11:15,2024-05-01 11:15,2024-05-01 11:16,south,95,a,2024-05-01
13,,2024-05-01 11:16,2024-05-01 11:17,,96,a,2024-05-02
"""
MEAN = "fare_mean_1h_lag_10m_where_kind_eq_a_by_zone"


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("definitions") / "explained_trips.py"
    path.write_text(DEFINITION, "utf-8")
    return str(path)


@pytest.fixture
def trips(definition: str, tmp_path: Path) -> tuple[str, str]:
    data = tmp_path / "trips.csv"
    data.write_text(TRIPS, "utf-8")
    return definition, str(data)


def told(trips: tuple[str, str], key: str = "id=1") -> dict[str, Any]:
    return to_json(fb.explain(trips[0], [trips[1]], row=key))


def test_every_exclusion_has_its_reason(trips: tuple[str, str]) -> None:
    found = told(trips)["windows"][MEAN]

    assert found["value"] == 15.0
    assert (found["start"], found["end"]) == ("2024-05-01T10:50:00Z", "2024-05-01T11:50:00Z")
    assert (found["events"], found["values"]) == (3, 2)
    assert [lines_of(found["listed"])] == [[4, 3, 7]]
    assert found["listed"][0] == {
        "place": f"{trips[1]}:4",
        "time": "2024-05-01T10:50:00Z",
        "available_at": "2024-05-01T11:59:59.999999Z",
        "value": 20.0,
    }
    reasons = {e["reason"]: (e["count"], lines_of(e["events"])) for e in found["excluded"]}
    assert reasons == {
        "the row's own event": (1, [2]),
        "not yet known by known": (2, [6, 5]),
        "no finite fare": (1, [7]),
        "fails kind == 'a'": (1, [8]),
        "before the window": (None, [10]),
        "within the lag": (None, [11]),
    }


def lines_of(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["place"].rpartition(":")[2]) for event in events]


def test_windows_of_all_time_and_without_a_key(trips: tuple[str, str]) -> None:
    found = told(trips)["windows"]

    everything = found["events_count_unbounded_by_zone"]
    assert everything["start"] is None
    assert everything["value"] == everything["events"] == 9
    assert lines_of(everything["excluded"][0]["events"]) == [12]
    assert everything["excluded"][0]["reason"] == "not before the row's time"
    last = found["fare_last_30m"]
    assert lines_of(last["listed"]) == [8, 11]
    assert last["value"] == 80
    assert found["fare_sum_30m"]["value"] == 140
    assert found["fare_std_30m"]["value"] == pytest.approx(200**0.5)


def test_each_category_has_its_events(trips: tuple[str, str]) -> None:
    found = told(trips)["windows"]

    def values(kind: str) -> list[float | None]:
        ops = ("count_nulls", "var", "first", "rate_per_1m", "seconds_since_last")
        return [found[f"fare_{op}_1h_where_kind_eq_{kind}_by_zone"]["value"] for op in ops]

    assert values("a") == [1, pytest.approx(730, rel=1e-12), 10, pytest.approx(70 / 50), 600]
    assert values("b") == [0, None, 60, None, 1800]
    told_b = found["fare_var_1h_where_kind_eq_b_by_zone"]
    assert lines_of(told_b["listed"]) == [8]
    assert told_b["excluded"][0]["reason"] == "fails kind == 'b'"
    assert told_b["excluded"][0]["count"] == 6


def test_a_missing_key_sees_nothing(trips: tuple[str, str], tmp_path: Path) -> None:
    text = TRIPS.replace("13,,", "13,2024-05-01 13:00,")
    Path(trips[1]).write_text(text, "utf-8")

    found = told(trips, "id=13")["windows"]

    assert found["events_count_unbounded_by_zone"]["value"] == 0
    assert found["events_count_unbounded_by_zone"]["excluded"] == []
    assert found[MEAN]["value"] is None


@pytest.mark.parametrize(
    "key",
    [
        "zone=north,day=2024-05-01,asked=2024-05-01 12:00:00Z,began=2024-05-01 11:30",
        "fare=100",
        "fare=1e2,kind=a",
        "id= 1 ",
        "trips.csv:2",
    ],
)
def test_keys_are_read_as_the_files_are(trips: tuple[str, str], key: str) -> None:
    assert told(trips, key)["row"]["place"] == f"{trips[1]}:2"


def test_a_missing_value_is_a_key_too(trips: tuple[str, str]) -> None:
    assert told(trips, "known=")["row"]["place"] == f"{trips[1]}:6"


def test_a_value_with_a_comma(trips: tuple[str, str]) -> None:
    Path(trips[1]).write_text(TRIPS.replace(",south,", ',"so,uth",'), "utf-8")

    assert told(trips, 'id=12,"zone=so,uth"')["row"]["place"] == f"{trips[1]}:13"


def test_numbers_are_written_as_the_files_write_them(tmp_path: Path) -> None:
    dialect = 'csv=fb.CsvFormat(delimiter=";", decimal=",", thousands="."),\n    row_time='
    definition = tmp_path / "elsewhere.py"
    definition.write_text(DEFINITION.replace("row_time=", dialect), "utf-8")
    data = tmp_path / "trips.csv"
    data.write_text(TRIPS.replace(",", ";").replace(";100;", ";1.234,5;"), "utf-8")
    trips = str(definition), str(data)

    for key in ('"fare=1.234,5"', '"fare=1234,5",kind=a', "id=1"):
        assert told(trips, key)["row"]["place"] == f"{data}:2"
    with pytest.raises(InputError, match="matches no row"):  # it is a thousand, not one
        told(trips, "fare=1.234")
    with pytest.raises(InputError, match=r"'1234\.5' is not a number written as 1\.234,5"):
        told(trips, "fare=1234.5")


def test_a_looked_up_number_is_written_as_its_own_files_write_it(tmp_path: Path) -> None:
    lookup = """sources={"zones": fb.Source(
        columns={"zone": fb.String(), "rate": fb.Number()},
        csv=fb.CsvFormat(delimiter=";", decimal=","))},
    lookups=[fb.Lookup("rate", source="zones", key="zone")],
    row_time="""
    definition = tmp_path / "rated.py"
    definition.write_text(DEFINITION.replace("row_time=", lookup), "utf-8")
    (data := tmp_path / "trips.csv").write_text(TRIPS, "utf-8")
    (zones := tmp_path / "zones.csv").write_text("zone;rate\nnorth;2,5\nsouth;1,5\n", "utf-8")

    for key in ('"zones_rate_by_zone=1,5"', '"zones_rate_by_zone=1,5",fare=95.0'):
        found = fb.explain(str(definition), [str(data)], row=key, sources={"zones": [str(zones)]})
        assert to_json(found)["row"]["place"] == f"{data}:13"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--row", "id=one"], ["'one' is not a whole number", "id must be (Integer)"]),
        (["--row", "id"], ["'id' is not column=value", "FILE:LINE"]),
        (["--row", "idd=1"], ["no column 'idd'", "did you mean id"]),
        (["--row", "zone=north"], ["matches 11 rows", "narrow it", ":2 (2024-05-01 12", "1 more"]),
        (["--row", "id=99"], ["matches no row", "values of id near it: 13, 12, 11"]),
        (["--row", "zone=nroth"], ["matches no row", "values of zone near it: north, south"]),
        (["--row", "id=1,zone=south"], [
            "matches no row", "trips.csv:2 (2024-05-01 12:00:00+00:00): zone is north, not south",
            "id is 12, not 1",
        ]),
        (["--row", "id=99,zone=x,kind=a"], ["id=99 (0 rows), zone=x (0 rows), kind=a (12 rows)"]),
        (["--row", "id=13"], ["has no asked", "nothing is asked"]),
        (["--row", "trips.csv:1"], ["no record begins on line 1", "header"]),
        (["--row", "trips.csv:99"], ["has no line 99; it ends before"]),
        (["--row", "trips.csv:0"], ["has no line 0; the first one is 1"]),
        (["--row", "trips.csv:²"], ["'trips.csv:²' is not column=value", "FILE:LINE"]),
        (["--row", "trips.csv:" + "9" * 5_000], ["is not column=value"]),
        (["--row", ""], ["'' is not column=value", "FILE:LINE"]),
        (["--row", "id=1\nzone=x"], ["cannot be read", "put a pair with a comma or a line end in"]),
        (["--row", "zone=\udcff"], ["not UTF-8 text"]),
        (["--row", "other.csv:2"], ["'other.csv' is none of the --input files", "trips.csv"]),
        (["--row", "id=1", "--column", "fare_mean_2h"], ["--column", "did you mean"]),
        (["--row", "id=1", "--plot", "/no/folder/x.png"], ["cannot be written"]),
    ],
)  # fmt: skip
def test_mistakes(
    trips: tuple[str, str], capsys: pytest.CaptureFixture[str], options: list[str], parts: list[str]
) -> None:
    assert main(["explain", trips[0], "--input", trips[1], *options]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.splitlines()[-1].startswith("error: ")
    for part in parts:
        assert part in error


def test_values_of_which_none_is_near_are_told(tmp_path: Path) -> None:
    more = '"day": fb.Date(), "photo": fb.Bytes(), "note": fb.String(),'
    definition, data = tmp_path / "photographed_trips.py", tmp_path / "trips.csv"
    definition.write_text(DEFINITION.replace('"day": fb.Date(),', more), "utf-8")
    head, first, second, *_ = TRIPS.splitlines()
    data.write_text(f"{head},photo,note\n{first},QUI=,\n{second},QUE=,\n", "utf-8")
    for key, told in {
        "photo=QUJD": r"values of photo near it: b'AA', b'AB'$",
        "note=x": "matches no row; note is missing in every row$",
    }.items():
        with pytest.raises(InputError, match=told):
            fb.explain(str(definition), [str(data)], row=key)


def test_a_reject_is_no_row(trips: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(trips[1]).write_text(TRIPS + "x,,,,,,,\n", "utf-8")

    assert main(["explain", trips[0], "--input", trips[1], "--row", "trips.csv:15"]) == 2

    assert "is a reject: id: 'x' is not a whole number" in capsys.readouterr().err


def test_nothing_to_explain(
    trips: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, _, rest = DEFINITION.partition("    windows=[")
    plain = tmp_path / "trips_without_windows.py"
    plain.write_text(head + rest.partition("    ],\n")[2], "utf-8")

    assert main(["explain", str(plain), "--input", trips[1], "--row", "id=1"]) == 2

    assert "'trips' has no windows" in capsys.readouterr().err


def test_the_report_is_one_table_for_each_window(
    trips: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", trips[0], "--input", trips[1], "--row", "id=1"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith(f"{trips[1]}:2, asked at 2024-05-01T12:00:00Z\nid=1, zone=north\n")
    assert f"{MEAN} = 15\n{MEAN.replace('mean', 'count')} = 2\nwindow [" in printed
    assert printed.count("window [") == 5
    assert "window [the beginning, 2024-05-01T12:00:00Z), 9 events" in printed
    assert "not in: the row's own event" in printed


def test_json_is_one_document(trips: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", trips[0], "--input", trips[1], "--row", "id=1", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == told(trips)


def test_a_plot_replaces_nothing_that_is_read(
    definition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """However its name was found: by a pattern, or before the name of a definition."""
    monkeypatch.chdir(tmp_path)
    Path("plotted.py").write_bytes(Path(definition).read_bytes())
    head, *rest = TRIPS.splitlines(keepends=True)
    Path("trips.csv").write_text(head + "".join(rest[:5]))
    Path("parts").mkdir()
    Path("parts/one.csv").write_text(head + "".join(rest[5:]))
    words = ["explain", "plotted.py:trips", "--input", "trips.csv", "**/*e.csv", "--row", "id=1"]
    for plot in ("trips.csv", "plotted.py", "parts/one.csv"):
        before = Path(plot).read_bytes()
        assert main([*words, "--plot", plot]) == 2
        assert f"--plot {plot!r} is one of the files that are read" in capsys.readouterr().err
        assert Path(plot).read_bytes() == before
