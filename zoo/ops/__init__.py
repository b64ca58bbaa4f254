"""What is known of ops: costs, receptive fields, what a backward needs. No torch."""
