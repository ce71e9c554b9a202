"""What preprocessing costs: measured on a part of the input, computed for more rows."""
