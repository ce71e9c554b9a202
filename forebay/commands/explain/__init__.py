"""What the windowed values of one row were made of; knows no Beam."""
