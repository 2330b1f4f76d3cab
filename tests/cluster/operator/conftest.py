"""A namespace of its own for each test."""

from tests.cluster.operator.world import world

__all__ = ["world"]
