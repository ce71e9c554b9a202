"""How a run's rows are spread over the ids of its features."""
