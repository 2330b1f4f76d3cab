"""Which instruments are listened to, and which time of each is without proof. Pure.

A subscription that is acknowledged covers its instrument from then on, until the last sign of life of its connection:
whatever the venue sent before that sign has arrived, whatever it sent afterwards may be lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Blind(NamedTuple):
    """A time in which nobody listened to an instrument, ns since the epoch.

    ``start`` is null where this process has never listened to it before, and cannot tell who did. ``asked`` is then
    when it first asked for it in vain, on a connection that ended before the venue had answered; null if it did not.
    ``unread``: what came of it in that time could not be read.
    """

    name: str
    start: int | None
    end: int
    asked: int | None = None
    unread: bool = False


@dataclass(slots=True)
class Coverage:
    """The connections of one process and what they listen to."""

    _since: dict[str, dict[int, int]] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)
    _names: dict[int, set[str]] = field(default_factory=dict)
    _dark: dict[str, int | None] = field(default_factory=dict)
    _asking: dict[int, dict[str, int]] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    def want(self, names: Iterable[str], since: int | None = None) -> None:
        """Note instruments to be listened to; ``since`` is up to when they surely did not trade, where that is known.

        What is known of an instrument already stays.
        """
        for name in names:
            if name not in self._since:
                self._dark.setdefault(name, since)

    def forget(self, names: Iterable[str]) -> None:
        """These are wanted no longer."""
        for name in names:
            self._dark.pop(name, None)
            self._asked.pop(name, None)
            self._first.pop(name, None)
            for connection in self._since.pop(name, {}):
                self._names[connection].discard(name)

    def ask(self, connection: int, names: Iterable[str], now: int) -> None:
        """A connection is about to ask the venue for these."""
        asking = self._asking.setdefault(connection, {})
        for name in names:
            asking.setdefault(name, now)

    def cover(self, connection: int, names: Iterable[str], now: int) -> list[Blind]:
        """A connection listens to these from ``now`` on; return what nobody has listened to until then."""
        found: list[Blind] = []
        mine = self._names.setdefault(connection, set())
        for name in names:
            if name in mine or (name not in self._since and name not in self._dark):
                continue  # nothing new, or a last trade of one that is wanted no longer
            mine.add(name)
            self._first.setdefault(name, now)
            others = self._since.setdefault(name, {})
            if not others:
                start, asked = self._dark.pop(name), self._asked.pop(name, None)
                found.append(Blind(name, start, now, asked if start is None else None))
            others[connection] = now
        return found

    def lose(self, name: str, now: int) -> None:
        """What seems to listen to an instrument doesn't: nobody does from ``now`` on, until it is covered again."""
        if name in self._since:
            for connection in self._since.pop(name):
                self._names[connection].discard(name)
            self._dark[name] = now

    def leave(self, connection: int, proof: int) -> list[Blind]:
        """A connection has ended, and gave its last sign of life at ``proof``; return what the others have missed."""
        found: list[Blind] = []
        for name, asked in self._asking.pop(connection, {}).items():
            if self._dark.get(name, 0) is None:
                self._asked.setdefault(name, asked)
        for name in sorted(self._names.pop(connection, ())):
            others = self._since[name]
            until = max(proof, others.pop(connection))
            if not others:
                del self._since[name]
                self._dark[name] = until
            elif (begin := min(others.values())) > until:
                found.append(Blind(name, until, begin))
        return found

    def since(self, name: str) -> int | None:
        """Since when an instrument is listened to without a break, ns; null while it isn't."""
        others = self._since.get(name)
        return min(others.values()) if others else None

    def first(self, name: str) -> int | None:
        """Since when this process has listened to an instrument, breaks included, ns; null before."""
        return self._first.get(name)

    @property
    def known(self) -> frozenset[str]:
        """What was listened to, now or up to a known time."""
        return frozenset(self._since).union(name for name, since in self._dark.items() if since is not None)

    @property
    def dark(self) -> Mapping[str, int | None]:
        """What nobody listens to, and since when; null: since before this process."""
        return self._dark
