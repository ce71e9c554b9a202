"""What lasts: run folders, where pipelines, trainer and serving meet."""
