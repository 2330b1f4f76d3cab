"""Phemex spot and perpetuals, on one socket."""
