"""The catalogue: cards, entries, building networks, weights, and published numbers."""
