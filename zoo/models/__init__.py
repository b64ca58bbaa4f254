"""What a TARGET means, one forward of it, and the traces that are kept for the next time."""
