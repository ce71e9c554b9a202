"""``forebay init``: a starting definition, guessed from a sample of the data."""
