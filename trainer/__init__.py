"""Learning: model, training, evaluation, export and prediction; no Beam."""
