"""What Acme adds to zoo."""
