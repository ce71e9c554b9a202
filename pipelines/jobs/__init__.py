"""Jobs on services: which there are, what became of them, what they say, and their end."""
