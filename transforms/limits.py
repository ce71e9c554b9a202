"""How exact windows are where nothing else is asked, and the bounds of that."""

# Distinct values up to which distinct, quantile and most_frequent are exact.
LIMIT = 1024
# The greatest relative error of a quantile beyond that.
ACCURACY = 0.01
LEAST_LIMIT = 3  # the estimate's standard error is 1 / sqrt(limit - 2)
LEAST_ACCURACY = 1e-6  # 350,000 bounds per binade
