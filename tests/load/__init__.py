"""Tests that need a quiet machine for minutes; `make load` runs them, `make test` doesn't."""
