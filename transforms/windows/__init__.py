"""Windowed aggregates of keyed events: exact, vectorised, on arrays and Arrow batches."""
