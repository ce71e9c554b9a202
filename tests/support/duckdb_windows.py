"""Windowed aggregates as the contract words them, once more: in SQL, for DuckDB.

For a row asked at q, of key k and identity r, a window of width w and lag l holds every event e
with e.key = k, q - l - w <= e.time < q - l, e.available_at < q (where declared) and e.row <> r.

Values are summed as whole numbers of 128 bits, so that what comes out is the exact result, rounded
once or twice. Nothing here knows of the code under test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

# What is found out about each window: `x` is the value in units of 1 / scale, `d` its distance from
# the table's least, `place` orders the values by (time, availability, value).
_FACTS = {
    "events": "count(time)",
    "n": "count(x)",
    "total": "sum(x)",
    "magnitude": "sum(abs(x))",
    "d1": "sum(d)",
    "d2": "sum(d * d)",
    "d3": "sum(d * d * d)",
    "least": "min(x)",
    "greatest": "max(x)",
    "begin": "min(CASE WHEN x IS NOT NULL THEN time END)",
    "finish": "max(CASE WHEN x IS NOT NULL THEN time END)",
    "last_event": "max(time)",
    "kinds": "count(DISTINCT x)",
    "frequencies": "histogram(x)",
    # Of one result each, with its parameters:
    "earliest": "arg_min(x, place, {place})",
    "latest": "arg_max(x, place, {place})",
    "between": "quantile_cont(x::DOUBLE, {q})",
    "weighted": "sum(x::DOUBLE * 2.0 ** ((time - q) / {half_life_us}.0::DOUBLE))",
    "weight": "sum((x IS NOT NULL)::INT * 2.0 ** ((time - q) / {half_life_us}.0::DOUBLE))",
}
_OF_ONE_RESULT = ("earliest", "latest", "between", "weighted", "weight")

# n times the sum of squared, and n² times that of cubed, deviations from the mean.
_SQUARES = "([n] * [d2] - [d1] * [d1])"
_CUBES = "([n] * [n] * [d3] - 3 * [n] * [d1] * [d2] + 2 * [d1] * [d1] * [d1])"
_VARIANCE = f"{_SQUARES}::DOUBLE / ([n] * ([n] - 1))::DOUBLE"
_RANKING = (
    "list_sort(list_transform(map_entries([frequencies]),"
    " lambda entry: {'rare': -entry.value::BIGINT, 'x': entry.key}))"
)

# Operations from the facts.
_COUNTS = {
    "count": "[n]",
    "count_events": "[events]",
    "count_nulls": "([events] - [n])",
    "distinct": "[kinds]",
}
# In units of 1 / scale, and of the column's own type.
_PICKS = {
    "sum": "[total]",
    "min": "[least]",
    "max": "[greatest]",
    "first": "[earliest][place]",
    "last": "[latest][place]",
    "most_frequent": f"{_RANKING}[place].x",
}
_MEASURES = {
    "magnitude": "[magnitude]::DOUBLE / scale",
    "reach": "greatest(abs([least]), abs([greatest]))::DOUBLE / scale",
    "mean": "[total]::DOUBLE / [n]::DOUBLE / scale",
    "var": f"CASE WHEN [n] > 1 THEN {_VARIANCE} / scale / scale END",
    "std": f"CASE WHEN [n] > 1 THEN sqrt({_VARIANCE}) / scale END",
    "skew": f"CASE WHEN [n] > 2 AND {_SQUARES} > 0 THEN sqrt(([n] * ([n] - 1))::DOUBLE)"
    f" / ([n] - 2)::DOUBLE * {_CUBES}::DOUBLE / {_SQUARES}::DOUBLE ** 1.5 END",
    "rate": "CASE WHEN [finish] > [begin] THEN ([latest][1] - [earliest][1])::DOUBLE / scale"
    " / ([finish] - [begin])::DOUBLE * per_us END",
    "seconds_since_last": "(q - [finish]) / 1e6",
    "seconds_since_last_event": "(q - [last_event]) / 1e6",
    "quantile": "[between] / scale",
    "decayed_mean": "[weighted] / [weight] / scale",
}


@dataclass(frozen=True)
class Window:
    """The events that a row sees, and what is taken of them.

    Attributes:
        key, row_key: the columns compared, of the event and of the asking row.
        asked: the timestamp column with the instant at which a row asks.
        at, available_at: timestamp columns: the event's time, its availability (None: none).
        value: the column, of numbers or text; None: events only.
        scale: a power of two; values of a fractional column are multiples of 1 / scale.
        width_us: None for unbounded.
        where: a condition on the events, in SQL.
        tile_us: rows ask as if at the last multiple of this, the lag later; None: as they ask.
    """

    key: Sequence[str]
    row_key: Sequence[str]
    asked: str
    at: str
    width_us: int | None
    value: str | None = None
    scale: int = 1
    available_at: str | None = None
    lag_us: int = 0
    where: str = "true"
    tile_us: int | None = None


@dataclass(frozen=True)
class Result:
    """An operation with its parameters, and what becomes of windows with few values."""

    op: str
    default: float | None = None
    min_count: int = 0
    per_us: int = 1
    half_life_us: int = 1
    q: float = 0.5
    place: int = 1

    def sql(self, expression: str, number: int) -> str:
        """Names the facts of this result, one of several, and puts in its parameters."""
        for fact in _FACTS:
            own = f"{fact}_{number}" if fact in _OF_ONE_RESULT else fact
            expression = expression.replace(f"[{fact}]", own)
        return expression.replace("[place]", f"[{self.place}]").replace(
            "per_us", f"{self.per_us}.0::DOUBLE"
        )


def ask(
    table: pa.Table,
    window: Window,
    results: Mapping[str, Result],
    *,
    joins: bool = False,
    asking: str = "true",
) -> pa.Table:
    """Answers by window frames or, with ``joins`` or availability, by a join on ranges.

    Args:
        table: the rows; its int64 column ``row`` is their identity.
        window: the events seen.
        results: what to compute, by output column.
        joins: whether to join although frames would do.
        asking: which of the rows ask (all are events), a condition in SQL.

    Returns:
        ``row`` and the output columns, for each row that asks and has the instant, by ``row``.
    """
    kind = pa.null() if window.value is None else table.schema.field(window.value).type
    text = pa.types.is_string(kind)
    if text or pa.types.is_integer(kind):
        window = dataclasses.replace(window, scale=1)
    facts = _facts(list(results.values()))
    columns = [
        f"{_result(result, number, window, kind)} AS {_quoted(name)}"
        for number, (name, result) in enumerate(results.items())
    ]
    by_join = joins or window.available_at is not None
    if not by_join and any(result.op == "decayed_mean" for result in results.values()):
        raise ValueError("frames do not know when a row asks: join")
    with duckdb.connect() as connection:
        connection.register("source", table)
        if text:
            connection.execute(_texts(str(window.value)))
        connection.execute(_events(window, kind))
        connection.execute(_requests(window, asking))
        seen = (_join if by_join else _frames)(window, facts)
        query = f"SELECT {', '.join(['row', *columns])} FROM ({seen}) ORDER BY row"
        return connection.sql(query).to_arrow_table()


def _facts(results: Sequence[Result]) -> dict[str, str]:
    """Name and aggregate of every fact that some result may read."""
    facts = {name: fact for name, fact in _FACTS.items() if name not in _OF_ONE_RESULT}
    for number, result in enumerate(results):
        for name in _OF_ONE_RESULT:
            facts[f"{name}_{number}"] = _FACTS[name].format_map(dataclasses.asdict(result))
    return facts


def _texts(column: str) -> str:
    """Numbers the texts in their order."""
    return f"""
        CREATE TEMP TABLE texts AS
        SELECT row_number() OVER (ORDER BY text)::HUGEINT AS x, text
        FROM (SELECT DISTINCT {_quoted(column)} AS text FROM source) WHERE text IS NOT NULL"""


def _events(window: Window, kind: pa.DataType) -> str:
    value = "NULL::HUGEINT"
    if window.value is not None:
        name = _quoted(window.value)
        value = f"{name}::HUGEINT"
        if pa.types.is_string(kind):
            value = f"(SELECT x FROM texts WHERE text = {name})"
        elif pa.types.is_floating(kind):
            units = f"({name} * {window.scale})"
            value = (
                f"CASE WHEN NOT isfinite({name}) THEN NULL"
                f" WHEN {units} <> round({units}) THEN error('{window.value} is not a multiple')"
                f" ELSE {units}::HUGEINT END"
            )
    known = "NULL" if window.available_at is None else f"epoch_us({_quoted(window.available_at)})"
    here = [f"{key} IS NOT NULL" for key in _keys(window)]
    if window.available_at is not None:
        here.append("available_at IS NOT NULL")
    return f"""
        CREATE TEMP TABLE events AS
        SELECT *, x - min(x) OVER () AS d,
            row_number() OVER (ORDER BY time, available_at, x) AS place
        FROM (
            SELECT row, {_named_keys(window.key)}, epoch_us({_quoted(window.at)}) AS time,
                {known} AS available_at, {value} AS x
            FROM source WHERE {window.where}
        ) WHERE time IS NOT NULL AND {" AND ".join(here)}"""


def _requests(window: Window, asking: str) -> str:
    """Until when, and since when, each row sees events: `until` itself is not seen any more."""
    since = f"until - {window.width_us}"
    if window.width_us is None:
        since = "least(until, (SELECT min(time) FROM events))"
    q = f"epoch_us({_quoted(window.asked)})"
    if window.tile_us is not None:
        q = f"({q} - {window.lag_us}) // {window.tile_us} * {window.tile_us} + {window.lag_us}"
    return f"""
        CREATE TEMP TABLE requests AS
        SELECT *, coalesce({since}, until) AS since
        FROM (
            SELECT row, {_named_keys(window.row_key)}, {q} AS q, q - {window.lag_us} AS until
            FROM source WHERE {asking}
        ) WHERE q IS NOT NULL"""


def _join(window: Window, facts: Mapping[str, str]) -> str:
    """Every request beside every event it sees; buckets of time keep the candidates few."""
    width = window.width_us
    bucket = "0" if width is None else f"e.time // {width}"
    buckets = "[0]" if width is None else f"[since // {width}, since // {width} + 1]"
    seen = [f"e.{key} = r.{key}" for key in _keys(window)]
    seen += [f"{bucket} = r.bucket", "e.time >= r.since", "e.time < r.until", "e.row <> r.row"]
    if window.available_at is not None:
        seen.append("e.available_at < r.q")
    found = ", ".join(f"{fact} AS {name}" for name, fact in facts.items())
    return f"""
        SELECT row, q, {found}
        FROM (
            SELECT r.row, r.q, e.time, e.x, e.d, e.place
            FROM (SELECT *, unnest({buckets}) AS bucket FROM requests) r
            LEFT JOIN events e ON {" AND ".join(seen)}
        ) GROUP BY row, q"""


def _frames(window: Window, facts: Mapping[str, str]) -> str:
    """A frame for each request, around its own event where the window would hold that one.

    Such a request stands at its own event, the current row, which the frame excludes. Others stand
    at the last instant they see, as rows without values.
    """
    keys = ", ".join(_keys(window))
    own = " AND ".join(f"own.{key} = r.{key}" for key in _keys(window))
    found = ", ".join(f"{fact} OVER seen AS {name}" for name, fact in facts.items())
    return f"""
        WITH asked AS (
            SELECT r.*, own.time AS own_time, own.x, own.d, own.place
            FROM requests r LEFT JOIN events own
            ON own.row = r.row AND {own} AND own.time >= r.since AND own.time < r.until
        ), placed AS (
            SELECT row, q, {keys}, coalesce(own_time, until - 1) AS stands, own_time AS time,
                x, d, place, greatest(stands - since, 0) AS before, until - 1 - stands AS after
            FROM asked
            UNION ALL
            SELECT NULL, NULL, {keys}, time, time, x, d, place, 0, 0
            FROM events WHERE row NOT IN (SELECT row FROM asked WHERE own_time IS NOT NULL)
        )
        SELECT * FROM (
            SELECT row, q, {found} FROM placed
            WINDOW seen AS (
                PARTITION BY {keys} ORDER BY stands
                RANGE BETWEEN before PRECEDING AND after FOLLOWING EXCLUDE CURRENT ROW
            )
        ) WHERE row IS NOT NULL"""


def _result(wanted: Result, number: int, window: Window, kind: pa.DataType) -> str:
    """A result from the facts, with the default and the least number of values."""
    scale = f"{window.scale}.0::DOUBLE"
    count, empty = "[n]", "NULL"
    if wanted.op in _COUNTS:
        value, empty = f"{_COUNTS[wanted.op]}::BIGINT", "0"
        count = _COUNTS[wanted.op] if wanted.op in ("count_events", "count_nulls") else count
    elif wanted.op in _PICKS and pa.types.is_string(kind):
        value = f"(SELECT text FROM texts WHERE x = {_PICKS[wanted.op]})"
    elif wanted.op in _PICKS and pa.types.is_integer(kind):
        value = f"({_PICKS[wanted.op]})::BIGINT"
    elif wanted.op in _PICKS:
        value = f"({_PICKS[wanted.op]})::DOUBLE / {scale}"
    else:
        value = _MEASURES[wanted.op].replace("scale", scale)
        count = "[events]" if wanted.op == "seconds_since_last_event" else count
    if wanted.default is not None:
        empty = f"{wanted.default!r}::DOUBLE"
    return wanted.sql(
        f"CASE WHEN {count} = 0 THEN {empty}"
        f" WHEN {count} < {wanted.min_count} THEN NULL ELSE {value} END",
        number,
    )


def _keys(window: Window) -> list[str]:
    return [f"key{i}" for i in range(max(len(window.key), 1))]


def _named_keys(columns: Sequence[str]) -> str:
    """The key columns under their common names; one constant where all events are of one key."""
    quoted = [_quoted(column) for column in columns] or ["0"]
    return ", ".join(f"{column} AS key{i}" for i, column in enumerate(quoted))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
