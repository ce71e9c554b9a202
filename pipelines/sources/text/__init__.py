"""Texts of records: where each begins and ends, and the line that it is on."""
