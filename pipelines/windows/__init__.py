"""Windowed aggregates in a pipeline."""
