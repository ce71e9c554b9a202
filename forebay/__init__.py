"""The front door: the command line and the names users import; nothing else."""
