"""Models exported for serving."""
