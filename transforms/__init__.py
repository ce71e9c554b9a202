"""What the data means: definitions, window semantics and transformations; no I/O, no runner."""
