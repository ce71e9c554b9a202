"""What a definition may ask for, and how exact windows are where nothing else is asked."""

# Distinct values up to which distinct, quantile and most_frequent are exact.
LIMIT = 1024
# The greatest relative error of a quantile beyond that.
ACCURACY = 0.01
LEAST_LIMIT = 3  # the estimate's standard error is 1 / sqrt(limit - 2)
LEAST_ACCURACY = 1e-6  # 350,000 bounds per binade
MOST_LIMIT = 1 << 24  # 128 MiB of one window's distinct values

# Of one feature: with embeddings of 32 numbers that are 2 GiB of weights, and Adam keeps two more
# numbers for each.
MOST_IDS = 1 << 24
MOST_DIMENSIONS = 1024
# Of one row's list: a batch of 1,024 rows takes half a GiB.
MOST_ITEMS = 1 << 16
MOST_ROWS = (1 << 63) - 1
MOST_BOUNDARIES = 1 << 16  # constants of the graph
MOST_PLACES = 1024  # columns that one `last_k` makes
MOST_PIXELS = 2048  # a row, or a column, of an image: 48 MiB of numbers

FLOAT32_MAX = 3.4028234663852886e38
