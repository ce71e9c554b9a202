"""A run's examples as the training reads them."""
