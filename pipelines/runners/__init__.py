"""Where a pipeline runs, and how one is waited for."""
