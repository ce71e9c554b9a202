"""Rows grouped by key, as batches."""
