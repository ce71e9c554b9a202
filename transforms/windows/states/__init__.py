"""States of windows: made of events, merged, turned into values."""
