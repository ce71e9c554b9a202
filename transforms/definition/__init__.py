"""The definition of a dataset."""
