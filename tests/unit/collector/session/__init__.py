"""Connections to venues."""
