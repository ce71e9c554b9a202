"""The definition that ``forebay init`` writes, as Python source."""
