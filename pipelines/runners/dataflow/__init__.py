"""Google Cloud Dataflow: what is checked, what travels to the workers, what a failure means."""
