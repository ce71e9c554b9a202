"""The commands that are neither pipelines nor training, a package each."""
