"""A Flink cluster, reached through its REST API and Beam's job server."""
