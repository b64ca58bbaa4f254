"""The catalogue: cards, entries, how their networks are built, weights, and published numbers."""
