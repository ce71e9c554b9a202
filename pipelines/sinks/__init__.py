"""What a run writes: examples and rejects."""
