"""Evaluation: a model on a whole split, beside baselines, by slices, against another model."""
