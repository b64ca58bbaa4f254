"""The command line of `zoo`."""
