"""Jobs on services and clusters: which there are, what they say, and their end."""
