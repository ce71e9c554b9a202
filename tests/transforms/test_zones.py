"""Time-zone tables, against zoneinfo reading clock by clock."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.zones import is_zone, local_to_utc, utc_to_local, zone_table

ZONES = ["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe",
         "America/Phoenix", "Africa/Casablanca", "Pacific/Apia", "UTC"]  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1)
FROM, TO = dt.datetime(1950, 1, 1), dt.datetime(2037, 1, 1)


@pytest.fixture(autouse=True, scope="module")
def _database_of_the_tzdata_package() -> Iterator[None]:
    """Makes the oracle read the same edition of the database, not the machine's."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def micros(moment: dt.datetime) -> int:
    return (moment.replace(tzinfo=None) - EPOCH) // dt.timedelta(microseconds=1)


def as_utc(local: dt.datetime, zone: str, fold: int) -> int:
    aware = local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold)
    return micros(aware.astimezone(dt.UTC))


@given(st.datetimes(FROM, TO), st.sampled_from(ZONES))
def test_clock_readings_become_the_instants_of_zoneinfo(local: dt.datetime, zone: str) -> None:
    first, second = as_utc(local, zone, 0), as_utc(local, zone, 1)
    found = local_to_utc(np.array([micros(local)]), zone)
    if first <= second:  # shown once or twice
        assert found.earliest_us[0] == first
        assert found.latest_us[0] == second
    else:  # never shown: fold=0 takes the offset before the gap, which moves it forward
        assert found.earliest_us[0] == found.latest_us[0] == first
    assert found.ambiguous[0] == (first < second)
    assert found.nonexistent[0] == (first > second)


@given(st.datetimes(FROM, TO), st.sampled_from(ZONES))
def test_instants_become_the_clock_readings_of_zoneinfo(instant: dt.datetime, zone: str) -> None:
    expected = instant.replace(tzinfo=dt.UTC).astimezone(zoneinfo.ZoneInfo(zone))
    assert utc_to_local(np.array([micros(instant)]), zone)[0] == micros(expected)


@pytest.mark.parametrize(
    ("clock", "earliest", "latest", "ambiguous", "nonexistent"),
    [
        ("2013-03-10T01:59:59", "2013-03-10T06:59:59", "2013-03-10T06:59:59", False, False),
        ("2013-03-10T02:30:00", "2013-03-10T07:30:00", "2013-03-10T07:30:00", False, True),
        ("2013-03-10T03:00:00", "2013-03-10T07:00:00", "2013-03-10T07:00:00", False, False),
        ("2013-11-03T01:30:00", "2013-11-03T05:30:00", "2013-11-03T06:30:00", True, False),
        ("2013-11-03T02:00:00", "2013-11-03T07:00:00", "2013-11-03T07:00:00", False, False),
    ],
)
def test_nights_of_clock_changes(
    clock: str, earliest: str, latest: str, ambiguous: bool, nonexistent: bool
) -> None:
    found = local_to_utc(np.array([clock], "M8[us]").astype(np.int64), "America/New_York")
    assert found.earliest_us.astype("M8[us]")[0] == np.datetime64(earliest)
    assert found.latest_us.astype("M8[us]")[0] == np.datetime64(latest)
    assert (found.ambiguous[0], found.nonexistent[0]) == (ambiguous, nonexistent)


@pytest.mark.parametrize("zone", ZONES)
def test_transitions_are_complete_to_the_second(zone: str) -> None:
    table, info = zone_table(zone), zoneinfo.ZoneInfo(zone)
    for i, instant in enumerate(table.transitions_us.tolist()):
        moment = EPOCH.replace(tzinfo=dt.UTC) + dt.timedelta(microseconds=instant)
        before = (moment - dt.timedelta(seconds=1)).astimezone(info).utcoffset()
        after = moment.astimezone(info).utcoffset()
        assert before != after
        assert after == dt.timedelta(microseconds=int(table.offsets_us[i + 1]))


def test_unknown_zones_are_told() -> None:
    assert is_zone("Europe/Zurich")
    assert not is_zone("Europe/Zuerich")
    with pytest.raises(ValueError, match="IANA"):
        zone_table("../../etc/passwd")
