"""CSV files: records, headers, ranges, cells."""
