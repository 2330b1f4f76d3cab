"""Trades that wait on disk while NATS is away and memory is used up: bounded, checksummed, only ever appended to."""
