"""What an exported model says to people: what a caller gives it, and how it is asked."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from forebay.storage.run.exported import OUTPUT_NAMES
from forebay.transforms.definition.columns import (
    MISSING,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset

README_NAME = "README.md"

_PAGE = """\
# {name}

A TensorFlow SavedModel that predicts `{label}` ({task}) of raw columns: the transform graph is
inside.

## What to give

Every column, for every row, as `serving_default` takes it. A missing value is written as the last
column of this table says; where it says *required*, there is none.

{columns}

A windowed column is what the definition's window holds at the time of the row; `forebay predict
--input` computes it of the rows before (`--history`), and derived columns too.

It answers `{output}`{outputs}.

## By saved_model_cli

```sh
saved_model_cli run --dir . --tag_set serve --signature_def serving_default \\
  --input_exprs '{exprs}'
```

## By REST

As TensorFlow Serving and Vertex AI take it (`POST .../v1/models/{name}:predict`):

```json
{rest}
```

## By Python

```python
import tensorflow as tf

model = tf.saved_model.load(".")
row = {{
{arguments}
}}
answer = model.signatures["serving_default"](**row)
print(answer["{output}"].numpy())
```

## By forebay

```sh
forebay predict --model . --input rows.csv --history earlier-rows.csv --output predictions.csv
```
"""


def model_page(definition: Dataset) -> str:
    """Returns the page of a model, Markdown; its examples hold one made-up row."""
    row, dtypes = _example_row(definition), definition.graph_dtypes
    output = OUTPUT_NAMES[definition.label.task]
    passed = [name for name in definition.passthrough if name in row]
    others = f"; beside it come back {_code(passed)}" if passed else ""
    return _PAGE.format(
        name=definition.name,
        label=definition.label.column,
        task=definition.label.task.replace("_", " "),
        columns=_table(definition),
        output=output,
        outputs=others,
        exprs=";".join(f"{name}=[{_literal(value)}]" for name, value in row.items()),
        rest=json.dumps(
            {
                "instances": [
                    {
                        name: _in_json(definition.all_columns[name], value)
                        for name, value in row.items()
                    }
                ]
            },
        ),
        arguments="\n".join(
            f"    {json.dumps(name)}: tf.constant([{_literal(value)}], tf.{dtypes[name]}),"
            for name, value in row.items()
        ),
    )


def _example_row(definition: Dataset) -> dict[str, float | int | bytes]:
    """Returns a made-up row in which nothing is missing, as the served model takes it."""
    return {name: _example(definition.all_columns[name]) for name in definition.served_columns}


def _example(kind: Column) -> float | int | bytes:
    if isinstance(kind, Number | Integer):
        low, high = kind.range
        value = max(1 if low is None else low, 1)
        value = value if high is None else min(value, high)
        return float(value) if isinstance(kind, Number) else int(value)
    if isinstance(kind, Bytes):
        return bytes(tf.io.encode_png(np.zeros((1, 1, 3), np.uint8)).numpy())
    if isinstance(kind, String):
        return (kind.values[0] if kind.values else "a").encode()
    if isinstance(kind, Numbers):
        return kind.separator.join(["1.5", "2.5"]).encode()
    return _MOMENTS.get(type(kind), 1)


# The beginning of 2026: microseconds, and days, since that of 1970.
_MOMENTS: Mapping[type[Column], int] = {Timestamp: 1_767_225_600_000_000, Date: 20_454}


def _table(definition: Dataset) -> str:
    lines = ["| Column | Type | What it is | Missing |", "| --- | --- | --- | --- |"]
    for name in definition.served_columns:
        kind = definition.all_columns[name]
        missing = "*required*" if kind.required else f"`{_missing(definition, name)}`"
        told = _what(definition, name, kind)
        lines.append(f"| `{name}` | {definition.graph_dtypes[name]} | {told} | {missing} |")
    return "\n".join(lines)


def _what(definition: Dataset, name: str, kind: Column) -> str:
    unit = ""
    if isinstance(kind, Timestamp):
        unit = ", microseconds since 1970-01-01 UTC"
    elif isinstance(kind, Date):
        unit = ", days since 1970-01-01"
    elif isinstance(kind, Numbers):
        unit = f", numbers in one text, between them {kind.separator!r}"
    if name in definition.windowed_columns:
        return f"{type(kind).__name__}, windowed"
    step = next((step for step in definition.derive if name in step.outputs), None)
    derived = "" if step is None else f", derived of {_code(step.inputs)}"
    return f"{type(kind).__name__}{unit}{derived}"


def _code(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _missing(definition: Dataset, name: str) -> str:
    value = MISSING[definition.graph_dtypes[name]]
    return "NaN" if value != value else _literal(value)


def _literal(value: float | int | bytes) -> str:
    """Returns a value as Python writes it, without a quote that a shell would take."""
    if not isinstance(value, bytes):
        return repr(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and not set(text) & set("'\"\\;="):
        return f'"{text}"'
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'


def _in_json(kind: Column, value: float | int | bytes) -> Any:
    if not isinstance(value, bytes):
        return value
    if isinstance(kind, Bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()
