"""The adapters, venue by venue and part by part; no socket, no clock."""
