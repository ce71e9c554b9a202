"""Windowed columns: each one's window and operator, and the tables that have them."""
