"""The audit by itself."""
