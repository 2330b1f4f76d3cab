"""The chart, rendered by the real helm: what it makes of values, and what it refuses."""
