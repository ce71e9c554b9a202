"""What a run will write to its disk, told before it does."""
