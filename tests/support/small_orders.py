"""A table of orders that takes no time, and its definition."""

from __future__ import annotations

from forebay import Dataset, HashSplit, Number, Numeric, Regression, String

ORDERS = Dataset(
    name="orders",
    columns={"id": String(), "amount": Number(), "paid": Number()},
    features=(Numeric("amount"),),
    label=Regression("paid"),
    split=HashSplit("id"),
)
LINES = ["id,amount,paid", *(f"o{i},{i / 7:.3f},{i % 2}" for i in range(200))]
