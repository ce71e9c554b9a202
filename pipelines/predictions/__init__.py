"""New rows answered: read, joined with their history, given to an exported model."""
