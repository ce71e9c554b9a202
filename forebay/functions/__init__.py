"""Every command as a function, with the same options; errors are exceptions."""
