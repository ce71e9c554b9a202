"""Training and serving on Vertex AI: specs as files, which are sent if wanted."""
