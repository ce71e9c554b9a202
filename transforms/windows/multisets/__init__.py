"""Distinct counts, quantiles and most frequent values."""
