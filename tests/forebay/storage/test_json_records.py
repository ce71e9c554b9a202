"""Records read back: what was written comes back equal, what is none says where and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.storage.json_records import ShapeError, read_record, typed
from forebay.transforms.errors import RunFolderError
from forebay.transforms.json_text import json_text


@dataclass(frozen=True)
class Inner:
    name: str
    share: float
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    count: int
    done: bool
    inner: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    by_name: Mapping[str, Inner]
    free: Mapping[str, Any]


class Plain(TypedDict):
    count: int
    history: Annotated[list[dict[str, Any]], tuple[Inner, ...]]


texts = st.text(max_size=5)
inners = st.builds(
    Inner, texts, st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["a", "b"])
)
outers = st.builds(
    Outer, st.integers(), st.booleans(), st.none() | inners,
    st.lists(inners, max_size=3).map(tuple),
    st.tuples(st.integers(), texts), st.dictionaries(texts, inners, max_size=3),
    st.dictionaries(texts, st.none() | st.integers() | st.lists(texts), max_size=3),
)  # fmt: skip


@given(outers)
def test_what_was_written_comes_back(written: Outer) -> None:
    assert read_record(Outer, json_text(asdict(written)), "here", "") == written


SOME = {"name": "x", "share": 1}
GOOD = asdict(Outer(1, True, None, (Inner("x", 0.5),), (1, "y"), {"z": Inner("z", 1.0)}, {}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 1.5}, "count is 1.5, not a whole number"),
        ({"count": True}, "count is True, not a whole number"),
        ({"done": 1}, "done is 1, not true or false"),
        ({"inner": []}, "inner is [], not an object"),
        ({"inner": {"name": "x"}}, "inner.share is absent"),
        ({"many": [{**SOME, "kind": "c"}]}, "many[0].kind is 'c', not one of 'a', 'b'"),
        ({"many": {}}, "many is {}, not a list"),
        ({"many": [{"name": None, "share": 1}]}, "many[0].name is None, not a text"),
        ({"pair": [1]}, "pair is [1], not a list of 2"),
        ({"by_name": {"z": "z" * 90}}, f"by_name['z'] is '{'z' * 56}..., not an object"),
        ({"free": None}, "free is None, not an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RunFolderError) as caught:
        read_record(Outer, json.dumps({**GOOD, **change}), "run/x.json", "write it anew")
    assert str(caught.value) == f"run/x.json is damaged ({said}); write it anew"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 5000])
def test_what_is_no_record_at_all(content: bytes) -> None:
    with pytest.raises(RunFolderError, match=r"x\.json is damaged \(.+\); write it anew"):
        read_record(Outer, content, "run/x.json", "write it anew")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*GOOD, "name", "share"]), inner, max_size=7)
        ),
    )
)
def test_whatever_else_is_there_is_one_error(value: Any) -> None:
    try:
        found = typed(Outer, value)
    except ShapeError:
        return
    assert isinstance(found, Outer)


def test_typed_dicts_stay_dicts_and_what_is_unknown_is_left_out() -> None:
    history = [{"name": "x", "share": 1}]
    found = read_record(Plain, json.dumps({"count": 1, "history": history, "more": 2}), "here", "")
    assert found == {"count": 1, "history": history}
    with pytest.raises(RunFolderError, match=r"history\[0\]\.share is absent"):
        read_record(Plain, '{"count": 1, "history": [{"name": "x"}]}', "here", "")
