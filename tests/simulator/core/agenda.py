"""What is to happen at a moment to come, and how an order names that moment."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

SECOND = 10**9


def moment(order: Mapping[str, Any], now: int) -> int:
    """Unix ns that an order means: `at` itself, `in` seconds from now (negative: ago), or now; never both.

    Raises:
        ValueError: when it names both, or `at` is no whole number.
    """
    if "at" in order and "in" in order:
        raise ValueError("`at` or `in`, not both")
    if "at" not in order:
        return now + int(float(order.get("in", 0)) * SECOND)
    if type(order["at"]) is not int:
        raise ValueError("`at` is a whole number: Unix time in ns")
    return order["at"]


def only(order: Mapping[str, Any], *known: str) -> None:
    """Refuses an order that holds a word which nobody would read; ValueError names it."""
    if unknown := sorted(set(order) - set(known)):
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")


class Agenda:
    """Actions by their moments."""

    def __init__(self) -> None:
        self._numbers = count()
        self._entries: list[tuple[int, int, Callable[[], object]]] = []

    def put(self, at: int, action: Callable[[], object]) -> None:
        """Lets an action happen at `at` (Unix ns), or at the next turn if that is past."""
        heapq.heappush(self._entries, (at, next(self._numbers), action))

    def run(self, now: int) -> None:
        """Does what is due, in the order of the moments; of one moment in the order in which it was put."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2]()
