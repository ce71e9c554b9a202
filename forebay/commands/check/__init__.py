"""Experiments on a user's own definition and data that show where the future leaks in."""
