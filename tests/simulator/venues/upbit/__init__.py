"""Upbit spot."""
