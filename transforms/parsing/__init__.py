"""Text and JSON read as a definition's columns."""
