"""Tables read from files: typed batches, and rejects."""
