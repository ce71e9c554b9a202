"""Tables of BigQuery and results of its queries, read as Arrow by the Storage Read API."""
