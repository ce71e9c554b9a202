"""Tables of typed values: Parquet and Arrow files, and TFRecord files of tf.Examples."""
