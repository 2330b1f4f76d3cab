"""Tests with processes and a real nats-server."""
