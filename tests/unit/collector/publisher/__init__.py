"""The path from an accepted trade to its acknowledgement."""
