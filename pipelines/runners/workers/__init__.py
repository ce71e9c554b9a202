"""Worker processes for engines that don't start their own: each a copy of a warm process."""
