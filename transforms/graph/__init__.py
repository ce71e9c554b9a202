"""What features are computed by, inside the transform graph: TensorFlow, by kind of feature."""
