"""What is counted on the way, and the checks of the counts."""
