"""One file for each comparison: a module with one `STUDY`. torch is imported inside functions, so that listing is quick."""
