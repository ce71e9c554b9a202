"""A feature for each column, or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.init.guesses.column_facts import ColumnFacts, share
from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.commands.init.guesses.label import label_of
from forebay.commands.init.guesses.names import has_word, is_name_of_something
from forebay.commands.init.guesses.roles import (
    LabelTies,
    Place,
    find_places,
    is_free_text,
    is_identity,
    is_own_split,
)
from forebay.commands.init.guesses.times import RowTime, as_instants
from forebay.commands.init.guesses.written_times import is_of_months
from forebay.console.words import counted
from forebay.transforms.definition.columns import Boolean, Date, Integer, Number, String, Timestamp
from forebay.transforms.definition.derived_numbers import Difference, Elapsed, Haversine
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Feature,
    Frequent,
    Numeric,
)

# A distribution whose tail is longer than an exponential's is compressed.
_SKEWED = 2.0
# Values with fewer rows each have nothing to teach one by one.
_ROWS_PER_VALUE, _FEW_ROWS_PER_VALUE = 20, 5
_MANY_VALUES = 1_000
_FEW_VALUES = 20
_FEW_NUMBERS = 12
_CELLS_PER_SIDE = 20
_LARGEST_QUANTITY = 2**53
_MONTHS_US = 300 * 86_400_000_000


@dataclass(frozen=True)
class Suggestion:
    """What to make of a column.

    Attributes:
        columns: the column, or those that a feature takes together.
        features: the features; empty: none.
        reason: why these, or why none.
        carried: whether the column travels to the examples and predictions untouched.
    """

    columns: tuple[str, ...]
    features: tuple[Feature, ...]
    reason: str
    carried: bool = False


def suggest(
    readings: Mapping[str, GuessedColumn],
    facts: Mapping[str, ColumnFacts],
    label: str,
    row_time: RowTime | None,
    apart: str | None,
) -> list[Suggestion]:
    """Suggests a feature for every column but the label.

    Args:
        readings: the columns.
        facts: what the sample shows of them.
        label: the column that is predicted.
        row_time: the time at which rows are asked for.
        apart: the column whose values the split keeps apart.
    """
    places = find_places({n: r for n, r in readings.items() if n != label}, facts)
    placed = {name for place in places for name in (place.latitude, place.longitude)}
    ties = LabelTies(readings, label_of(readings[label]))
    found = [
        _suggest_one(reading, facts[name], ties, row_time, apart)
        for name, reading in readings.items()
        if name != label and name not in placed
    ]
    return found + [_cell(place) for place in places] + _ways(places)


def _suggest_one(
    reading: GuessedColumn,
    facts: ColumnFacts,
    ties: LabelTies,
    row_time: RowTime | None,
    apart: str | None,
) -> Suggestion:
    name = reading.name

    def none(reason: str, *, carried: bool = False) -> Suggestion:
        return Suggestion((name,), (), reason, carried)

    if facts.distinct < 2:
        return none("the same in every row" if facts.rows else "always missing")
    if row_time is not None and name == row_time.reading.name:
        return _of_row_time(row_time, facts)
    if is_identity(reading, facts):
        return none("an identity: nearly every row has its own value", carried=True)
    if name == apart:
        return none("the split keeps its values apart: in test, none would be known", carried=True)
    if is_free_text(reading, facts):
        return none(f"free text of {facts.words:.0f} words on average")
    if is_own_split(reading, facts):
        return none("the table's own division into train and test, it seems")
    is_category = isinstance(reading.column, String | Boolean) or _is_code(reading, facts)
    if tie := ties.of(reading, is_category=is_category):
        return none(tie)
    if isinstance(reading.column, Timestamp | Date):
        return _of_instant(reading, facts, ties, row_time)
    if is_category:
        return _categorical(reading, facts)
    return _numeric(reading, facts)


def _is_names(reading: GuessedColumn, facts: ColumnFacts) -> bool:
    """Tells whether whole numbers name something: they have no order, and are not quantities."""
    if not isinstance(reading.column, Integer):
        return False
    least, greatest = int(facts.least), int(facts.greatest)  # type: ignore[call-overload]
    return is_name_of_something(reading.name) or max(-least, greatest) > _LARGEST_QUANTITY


def _is_code(reading: GuessedColumn, facts: ColumnFacts) -> bool:
    if not isinstance(reading.column, Integer):
        return False
    named = _is_names(reading, facts) or has_word(reading.name, "calendar")
    return facts.distinct <= _FEW_NUMBERS or named


def _categorical(reading: GuessedColumn, facts: ColumnFacts) -> Suggestion:
    name, each = reading.name, facts.rows / facts.distinct
    values = f"{counted(facts.distinct, 'value')}, {each:,.0f} rows each on average"
    is_number = isinstance(reading.column, Integer) and not _is_names(reading, facts)
    if is_number:
        values += "; Numeric would keep their order"
    if facts.distinct <= _FEW_VALUES and each >= 2:
        return Suggestion((name,), (Categorical(name),), values)
    if facts.distinct <= _MANY_VALUES and each >= _ROWS_PER_VALUE:
        return Suggestion((name,), (Categorical(name),), values)
    if each >= _FEW_ROWS_PER_VALUE:
        rare = Categorical(name, Frequent(min_count=_ROWS_PER_VALUE // 2, oov_buckets=10))
        return Suggestion((name,), (rare,), f"{values}; rare ones share ten ids")
    if is_number:
        return _numeric(reading, facts)
    return Suggestion((name,), (), f"too few rows to learn from: {values}")


def _numeric(reading: GuessedColumn, facts: ColumnFacts) -> Suggestion:
    reasons = []
    skewed = abs(facts.skew) > _SKEWED
    if skewed:
        reasons.append(f"skewed ({facts.skew:.1f}), so its logarithm")
    if facts.missing:
        reasons.append(f"{share(facts.missing)} missing, so these are marked")
    feature = Numeric(reading.name, scale="z_score", log1p=skewed, indicator=facts.missing > 0)
    return Suggestion((reading.name,), (feature,), "; ".join(reasons) or "a number")


def _of_row_time(row_time: RowTime, facts: ColumnFacts) -> Suggestion:
    name = row_time.reading.name
    us = row_time.us[row_time.known]
    hours = bool((us % 86_400_000_000).any())
    months = is_of_months(row_time.reading.column)
    parts = ["hour_of_day"] * hours + ["day_of_week"] * (not months)
    parts += ["month"] * bool(months or us.max() - us.min() > _MONTHS_US)
    features: list[Feature] = [Calendar(name, part=part) for part in parts]  # type: ignore[arg-type]
    if hours:
        of = (f"{name}_day_of_week", f"{name}_hour_of_day")
        features.append(Crossed(f"{name}_hour_of_week", of, buckets=8 * 25))
    reason = "the clock at the row's time, in UTC: set tz= to the place's zone"
    return Suggestion((name,), tuple(features), reason)


def _of_instant(
    reading: GuessedColumn, facts: ColumnFacts, ties: LabelTies, row_time: RowTime | None
) -> Suggestion:
    name = reading.name
    if row_time is not None and name in row_time.same:
        return Suggestion((name,), (), f"tells no more than {row_time.reading.name}")
    if row_time is not None and name in row_time.later:
        return Suggestion(
            (name,), (), f"later than {row_time.reading.name}: probably not known by then"
        )
    days = [] if is_of_months(reading.column) else [Calendar(name, part="day_of_week")]
    features: list[Feature] = [*days, Calendar(name, part="month")]
    if row_time is None:
        return Suggestion((name,), tuple(features), "parts of the date")
    ends = [of.of_rows().cast(pa.int64()) for of in (row_time.reading, as_instants(reading))]
    if tie := ties.of_values(pc.subtract(*ends), Number(), is_category=False):
        return Suggestion((name,), (), f"the time to {row_time.reading.name} is {tie}")
    since = Elapsed(name, row_time.reading.name, unit="days")
    features.append(Numeric(since, scale="z_score", indicator=facts.missing > 0))
    return Suggestion((name,), tuple(features), "parts of the date, and the time since then")


def _cell(place: Place) -> Suggestion:
    sides = tuple(
        Bucketized(name, quantiles=_CELLS_PER_SIDE) for name in (place.latitude, place.longitude)
    )
    name = f"{place.name}_cell" if place.name else "cell"
    # A missing value has a bucket of its own.
    crossed = Crossed(name, tuple(side.output for side in sides), (_CELLS_PER_SIDE + 1) ** 2, 8)
    return Suggestion(
        (place.latitude, place.longitude), (*sides, crossed),
        "a place: strips with equally many rows, and the cells they make",
    )  # fmt: skip


def _ways(places: Sequence[Place]) -> list[Suggestion]:
    if len(places) < 2:
        return []
    start, end = places[:2]
    pairs = ((end.latitude, start.latitude), (end.longitude, start.longitude))
    features = tuple(Numeric(Difference(*pair), scale="z_score") for pair in pairs)
    names = tuple(name for pair in pairs for name in pair)
    corners = (start.latitude, start.longitude, end.latitude, end.longitude)
    length = Numeric(Haversine(*corners), scale="z_score", log1p=True)
    reason = f"the way from {start.name} to {end.name}, its direction in degrees, its length in km"
    return [Suggestion(names, (*features, length), reason)]


def with_distinct_names(found: Sequence[Suggestion], carried: set[str]) -> list[Suggestion]:
    """Renames the outputs whose name another output or a carried column has already."""
    taken = set(carried)
    result = []
    for suggestion in found:
        features: list[Feature] = []
        renamed: dict[str, str] = {}
        for feature in suggestion.features:
            first = feature.outputs[0]
            if isinstance(feature, Crossed):
                feature = replace(feature, of=tuple(renamed.get(name, name) for name in feature.of))
            while taken & set(feature.outputs):
                feature = replace(feature, name=f"{feature.outputs[0]}_feature")
            renamed[first] = feature.outputs[0]
            taken |= set(feature.outputs)
            features.append(feature)
        result.append(replace(suggestion, features=tuple(features)))
    return result
