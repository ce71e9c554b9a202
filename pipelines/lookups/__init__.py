"""Columns of other tables, put beside each row by a key."""
