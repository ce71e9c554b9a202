"""Where a training stands, and its best model so far."""
