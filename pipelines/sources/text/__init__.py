"""Tables whose records are lines of text: where each begins and ends, and JSON lines."""
