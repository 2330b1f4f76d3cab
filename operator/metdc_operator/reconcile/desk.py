"""Whose turn it is, over all resources: the views that reconciliation has of its markets, and the turns given out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from metdc_collector.wire.durations import SECOND
from metdc_operator import rotation
from metdc_operator.reconcile.store import Key
from metdc_operator.rotation import Market, Turn

_VALID = 60 * SECOND
"""A turn that nobody has taken for so long is given anew, if it is still due."""


class Desk:
    """Hands out turns within the budget; a turn given counts as a replacement until it is seen to be one."""

    def __init__(self) -> None:
        self._views: dict[Key, Sequence[Market]] = {}
        self._key_of: dict[str, Key] = {}
        self._given: dict[str, tuple[Turn, int]] = {}
        self._begun: set[str] = set()

    def update(self, key: Key, views: Sequence[Market], now: int) -> None:
        """Take in how a resource's markets are; turns that have been taken, or are no longer due, end."""
        for each in self._views.get(key, ()):
            self._key_of.pop(each.identity, None)
        self._views[key] = views
        for each in views:
            self._key_of[each.identity] = key
            if each.identity in self._given and rotation.urgency(each, now) is None:
                del self._given[each.identity]
        staying = {each.identity for each in views}
        prefix = f"{key[0]}/{key[1]}/"
        for identity in [each for each in self._given if each.startswith(prefix) and each not in staying]:
            del self._given[identity]
        self._begun = {each for each in self._begun if not each.startswith(prefix)}

    def taken(self, identity: str) -> None:
        """Say that a replacement has begun; the views are older, so it counts until the next of them."""
        self._given.pop(identity, None)
        self._begun.add(identity)

    def forget(self, key: Key) -> None:
        """Forget a resource that has gone."""
        self.update(key, (), 0)
        self._views.pop(key, None)

    def turns(self, views: Iterable[Market]) -> dict[str, Turn]:
        """Return the turns that these markets have been given and have not taken."""
        return {each.identity: self._given[each.identity][0] for each in views if each.identity in self._given}

    def give(self, now: int, *, nats_away: bool) -> set[Key]:
        """Give out what the budget has room for; return the resources that have something to do."""
        for identity, (_, since) in list(self._given.items()):
            if now - since > _VALID:
                del self._given[identity]
        views = [self._as_given(each) for markets in self._views.values() for each in markets]
        chosen = rotation.turns(views, now, nats_away=nats_away)
        for turn in chosen:
            self._given[turn.identity] = (turn, now)
        return {self._key_of[turn.identity] for turn in chosen}

    def overdue(self, now: int) -> dict[str, int]:
        """Return since how long (ns) each market that is due has been."""
        return {
            each.identity: now - rotation.due_since(each, now)
            for markets in self._views.values()
            for each in markets
            if not each.rotating and rotation.urgency(each, now) is not None
        }

    def stalled(self) -> int:
        """Return how many markets have a pod that cannot start, or a successor that does not become ready."""
        return sum(each.stalled for markets in self._views.values() for each in markets)

    def _as_given(self, market: Market) -> Market:
        if market.identity not in self._given and market.identity not in self._begun:
            return market
        return replace(market, rotating=True, stalled=False)
