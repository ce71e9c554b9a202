"""Rows divided into train, eval and test."""
