"""One self-contained file per family of networks."""
