"""Answers with an exported model."""
