"""A queue of keys in which each stands once, however often it is added; a key is never worked on twice at once."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
WORKERS = 4
"""Keys that are looked at at once."""
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until a key is looked at again after so many refusals of the API server in a row; then always the last."""


def backoff(refusals: int) -> float:
    """Return the seconds until a key is looked at again, after so many refusals before this one."""
    return BACKOFF[min(refusals, len(BACKOFF) - 1)]


class Queue(Generic[K]):
    """Keys to look at, now or later; ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: dict[K, float] = {}
        self._working: dict[K, float] = {}
        self._again: set[K] = set()
        self._later: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, key: K, *, after: float = 0.0) -> None:
        """Have a key looked at, ``after`` so many seconds; the earliest of several orders counts."""
        if after > 0:
            due = self._clock() + after
            if self._later.get(key, due + 1) > due:
                self._later[key] = due
                self._count += 1
                heapq.heappush(self._heap, (due, self._count, key))
                self._changed.set()
        elif key in self._working:
            self._again.add(key)
        else:
            self._ready.setdefault(key, self._clock())
            self._changed.set()

    async def get(self) -> K:
        """Wait for the next key; :meth:`done` must follow."""
        while True:
            self._move()
            if self._ready:
                key = next(iter(self._ready))
                del self._ready[key]
                self._working[key] = self._clock()
                return key
            self._changed.clear()
            wait = max(0.0, self._heap[0][0] - self._clock()) if self._heap else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """Say that a key has been looked at; it is ready again if it was added meanwhile."""
        self._working.pop(key, None)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def work(self, look: Callable[[K], Awaitable[None]]) -> None:
        """Have keys looked at, several at once, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._each(look))

    async def _each(self, look: Callable[[K], Awaitable[None]]) -> None:
        while True:
            key = await self.get()
            try:
                await look(key)
            finally:
                self.done(key)

    def oldest(self) -> float:
        """Return for how many seconds the oldest key has been ready or worked on."""
        since = min([*self._ready.values(), *self._working.values()], default=None)
        return 0.0 if since is None else self._clock() - since

    def _move(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._later.get(key) == due:
                del self._later[key]
                self.add(key)
