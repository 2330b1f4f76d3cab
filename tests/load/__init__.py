"""Tests that start dozens of processes; `make load` runs them, `make test` doesn't."""
