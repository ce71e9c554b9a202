"""Spark: a standalone cluster, reached through Beam's job server."""
