"""What the arguments of a command name as its tables."""

from __future__ import annotations

import argparse

import pytest

from forebay.pipelines.sources.arguments import add_table_arguments, given_inputs, given_sources
from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.sources.bigquery.clients import Clients
from forebay.pipelines.sources.bigquery.sessions import open_session
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.transforms.errors import InputError

QUERY, TABLE, PARAMETER = "bigquery-query:q.sql", "bigquery://p.d.t", "since:DATE:2024-05-01"


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_table_arguments(parser)
    return parser.parse_args([*argv, "--query-parameter", PARAMETER])


@pytest.mark.parametrize(
    "inputs",
    [["rows.csv"], [TABLE], ["rows.csv", "--source", f"s={TABLE}"], [f"train={TABLE}"]],
)
def test_a_parameter_of_no_query_is_refused(inputs: list[str]) -> None:
    with pytest.raises(InputError, match=r"'since:DATE:2024-05-01' is a query's, and none is"):
        given_inputs(parsed("--input", *inputs))


def test_queries_and_nothing_else_have_the_parameters() -> None:
    args = parsed("--input", "rows.csv", TABLE, "--source", f"s={QUERY}")
    assert given_inputs(args) == ("rows.csv", TABLE)
    assert given_sources(args) == {"s": [BigQuery(QUERY, (PARAMETER,))]}


def test_a_query_of_one_split_has_the_parameters() -> None:
    (given,) = given_inputs(parsed("--input", f"train={QUERY}"))
    assert given == SplitInput("train", BigQuery(QUERY, (PARAMETER,)))


def test_a_table_with_parameters_is_refused() -> None:
    with pytest.raises(InputError, match=r"is a table, and the parameter .* one of a query"):
        open_session(TABLE, None, (PARAMETER,), Clients())
