"""The operator as a process on this machine, against a real API server; its collectors' pods are mostly fake."""

BEHIND = "METDC_TEST_CLOCK_BEHIND"
"""Names the seconds by which an operator's clock is behind; 0 without."""
