"""``forebay report``: how a run's training rows are spread over the ids of its features."""
