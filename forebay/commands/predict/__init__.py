"""``forebay predict``: rows answered by an exported model."""
