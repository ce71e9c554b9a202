"""What is said of a disk that has no room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.disk_space.room import Needed, lack_of_room
from forebay.transforms.errors import RunFailed

BYTES = st.integers(0, 10**15)


@given(BYTES, BYTES, BYTES)
def test_only_what_certainly_does_not_fit_is_refused(one: int, other: int, free: int) -> None:
    needed = Needed(likely=max(one, other), least=min(one, other))
    if free < needed.least:
        with pytest.raises(RunFailed):
            lack_of_room(needed, free, "runs/x")
    else:
        said = lack_of_room(needed, free, "runs/x")
        assert (said is None) == (free >= needed.likely)


def test_it_says_value_cause_and_cure() -> None:
    assert lack_of_room(Needed(58_100_000_000, 9), 12_345_678_901, "runs/x") == (
        "runs/x: about 58.1 GB will be written there, and 12.3 GB are free; free some there, or "
        "choose another --output"
    )
    said = r"^runs/x: no space left on device: about 9 MB will be .* and 512 bytes are free; free"
    with pytest.raises(RunFailed, match=said):
        lack_of_room(Needed(9_000_000, 8_000_000), 512, "runs/x")
