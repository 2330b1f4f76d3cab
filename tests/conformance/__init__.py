"""What the simulator enforces, shown by bare clients; and independent clients against it."""
