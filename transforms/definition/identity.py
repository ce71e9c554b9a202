"""The columns that rows have beside those of their table."""

# Which row it is, int64; and a hash of what it holds, uint64, by which its example is placed, and
# its split drawn, whatever the table was read from.
ROW, CONTENT = "__row", "__content"
