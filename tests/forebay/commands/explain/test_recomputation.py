"""Values computed anew from the events listed: the engine's to the bit, at every edge of range."""

from __future__ import annotations

from dataclasses import replace

import pytest

import forebay as fb
from forebay.commands.explain.collect import Explained
from forebay.commands.explain.recomputation import recompute
from forebay.commands.explain.report import to_json
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.windows.operators import OPERATORS
from forebay.transforms.windows.groups import window_groups

DEFINITION = """
import forebay as fb

OPS = [fb.count(), fb.count_nulls(), fb.sum(), fb.mean(), fb.min(), fb.max(), fb.var(), fb.std(),
       fb.skew(), fb.first(), *fb.last_k(2), fb.rate(per="1d"), fb.seconds_since_last(),
       fb.decayed_mean(half_life="1h"), fb.distinct(), fb.quantile(0.5), *fb.most_frequent(2)]
OF_TEXT = [fb.count(), fb.count_nulls(), fb.distinct(), fb.first(), *fb.last_k(2),
           fb.seconds_since_last(), *fb.most_frequent(2)]

edges = fb.Dataset(
    name="edges",
    columns={"id": fb.String(), "ts": fb.Timestamp(), "k": fb.String(), "i": fb.Integer(),
             "x": fb.Number(), "s": fb.String(), "y": fb.Number()},
    row_time="ts",
    windows=[
        *(fb.Windowed(name, key="k", over=["999999d", "106751991d", "unbounded"], ops=OPS)
          for name in ("i", "x")),
        fb.Windowed("s", key="k", over="unbounded", ops=OF_TEXT, lag="106751990d"),
        fb.Windowed("s", key="k", over="3d", ops=OF_TEXT),
        fb.Windowed(key="k", over="999999d", ops=[fb.count(), fb.seconds_since_last()],
                    where=fb.Where("x", ">", 0)),
    ],
    features=[fb.Numeric("i")], label=fb.Regression("y"), split=fb.HashSplit("id"),
)
"""
ROWS = """id,ts,k,i,x,s,y
a,2024-05-01,k,1000000000000000000,1.7e308,b,1
b,2024-05-02,k,1000000000000000001,1.7e308,ä,1
c,2024-05-03,k,1000000000000000002,,b,1
d,2024-05-04,k,9223372036854775807,5e-324,,1
q,2024-05-06,k,,,,1
e,2024-05-07,k,-9223372036854775808,-1.7e308,z,1
"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("edges")
    (folder / "edges_of_range.py").write_text(DEFINITION, "utf-8")
    (folder / "rows.csv").write_text(ROWS, "utf-8")
    return str(folder / "edges_of_range.py"), str(folder / "rows.csv")


@pytest.fixture(scope="module")
def told(where: tuple[str, str]) -> dict[str, Explained]:
    """The windowed values of row q; that they are told means that both ways agree."""
    report = fb.explain(where[0], [where[1]], row="id=q")
    assert to_json(report)["windows"].keys() == report.columns.keys()
    return dict(report.columns)


def test_every_operator_is_explained(told: dict[str, Explained]) -> None:
    assert {one.explanation.column.op.name for one in told.values()} == set(OPERATORS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i_sum_unbounded_by_k", 12223372036854775810.0),
        ("i_rate_per_1d_unbounded_by_k", (2**63 - 1 - 10**18) / 3),
        ("x_mean_unbounded_by_k", (1.7e308 / 3) * 2),
        ("x_sum_unbounded_by_k", None),
        ("x_var_unbounded_by_k", None),
        ("x_std_unbounded_by_k", 1.7e308 / 3**0.5),
        ("x_count_999999d_by_k", 3),
        ("x_count_106751991d_by_k", 3),
        ("s_count_unbounded_lag_106751990d_by_k", 0),
        ("s_distinct_3d_by_k", 1),
        ("s_last_3d_by_k", "b"),
        ("events_count_999999d_where_x_gt_0_by_k", 3),
    ],
)
def test_values_at_the_edge_of_range(
    told: dict[str, Explained], name: str, value: float | str | None
) -> None:
    near = pytest.approx(value, rel=1e-15) if isinstance(value, float) else value
    assert told[name].value == near


def test_an_event_too_few_or_too_many_is_noticed(
    told: dict[str, Explained], where: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = window_groups(load_definition(where[0]))
    of = {name: aggregate for group in groups for name, aggregate in group.aggregates.items()}
    for name in ("i_sum_unbounded_by_k", "x_std_999999d_by_k", "s_most_frequent_3d_by_k"):
        explanation = told[name].explanation
        events = explanation.events
        valued = [event for event in events if event.value is not None]
        assert recompute(explanation, of[name]) == told[name].value
        for wrong in ([e for e in events if e is not valued[0]], [*events, *valued, *valued]):
            other = replace(explanation, events=tuple(wrong))
            if not name.startswith("s_") or len(wrong) < len(events):
                assert recompute(other, of[name]) != told[name].value
