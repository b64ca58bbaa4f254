"""Resolve a TARGET, run one forward pass of it, and cache traces."""
