"""What models are measured by: exact, over whole splits, in float64; no batch averages."""
