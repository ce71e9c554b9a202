"""Tables of BigQuery, written by the Storage Write API."""
