"""Sweeps: trainings with other options, compared on the eval split."""
