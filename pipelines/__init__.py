"""Where it runs: sources, sinks, Beam wiring, batch and streaming."""
