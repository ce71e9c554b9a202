"""tf.Transform over the shards of a run."""
