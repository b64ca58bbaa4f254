"""One file for each study: a module that defines `STUDY`. torch is imported inside functions, so that listing is fast."""
