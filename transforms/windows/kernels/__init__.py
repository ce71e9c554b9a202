"""Compiled passes over sorted events and requests."""
