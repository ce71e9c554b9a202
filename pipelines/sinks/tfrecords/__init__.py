"""Examples as TFRecord files, encoded in compiled passes."""
