"""A model's weights: taken from another model, named, counted."""
