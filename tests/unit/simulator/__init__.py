"""The simulator's pure parts by themselves."""
