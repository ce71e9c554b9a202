"""Optimizers, and how their rate changes."""
