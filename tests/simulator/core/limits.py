"""Counters of what a client may do in a span of time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field


class Window:
    """A sliding window: at most `limit` events in any `seconds`."""

    __slots__ = ("_at", "_limit", "_seconds")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._at: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Counts one event at `now` (seconds) and tells whether it is within the limit."""
        while self._at and self._at[0] <= now - self._seconds:
            self._at.popleft()
        self._at.append(now)
        if len(self._at) > self._limit:
            self._at.pop()
            return False
        return True

    def wait(self, now: float) -> float:
        """Seconds until the oldest event leaves the window."""
        return max(0.0, self._at[0] + self._seconds - now) if self._at else 0.0


class Weights:
    """A fixed window that adds weights up and starts anew at each full span."""

    __slots__ = ("_seconds", "_span", "limit", "used")

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit, self._seconds = limit, seconds
        self._span, self.used = -1, 0

    def add(self, weight: int, now: float) -> bool:
        """Adds a weight at `now` (Unix seconds) and tells whether the sum is still within the limit."""
        span = int(now) // self._seconds
        if span != self._span:
            self._span, self.used = span, 0
        self.used += weight
        return self.used <= self.limit

    def wait(self, now: float) -> int:
        """Full seconds until the next span, at least 1."""
        return max(1, int((self._span + 1) * self._seconds - now) + 1)


@dataclass(slots=True)
class Bans:
    """Addresses that are shut out for a time; each further ban of one address lasts twice as long."""

    first: float
    longest: float
    until: dict[str, float] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)

    def put(self, address: str, now: float) -> None:
        """Shuts an address out from `now` on."""
        span = min(self.longest, self.first * 2 ** self.count[address])
        self.count[address] += 1
        self.until[address] = now + span

    def left(self, address: str, now: float) -> float:
        """Seconds that the address stays shut out; 0 when it isn't."""
        return max(0.0, self.until.get(address, 0.0) - now)


class Violations:
    """What clients did that the venue forbids, by rule; the tests and `GET /state` read it."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._taken: Counter[tuple[str, str]] = Counter()

    def note(self, rule: str, address: str) -> int:
        """Counts a violation and tells how many of this rule the address has by now."""
        self._seen[rule][address] += 1
        return self._seen[rule][address]

    def take(self, rule: str, address: str, count: int) -> bool:
        """Whether the address has `count` violations of a rule that were not taken before; takes them."""
        if self._seen[rule][address] - self._taken[rule, address] < count:
            return False
        self._taken[rule, address] += count
        return True

    def as_json(self) -> dict[str, dict[str, int]]:
        """Counts by rule and address."""
        return {rule: dict(by_address) for rule, by_address in self._seen.items() if by_address}


def asks_for_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    return any(
        re.fullmatch(r"\s*(gzip|\*)\s*(;\s*q=(0?\.[0-9]*[1-9][0-9]*|1(\.0*)?))?\s*", part)
        for part in accept_encoding.split(",")
    )
