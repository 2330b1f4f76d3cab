"""When a pod is due to be replaced, and whose turn it is: stateless, so nothing is lost with the operator.

Time is cut into slots of one interval each. Where a market's slots begin (its phase) follows from its identity, which
slot it is from the clock; a Deployment carries the start of the slot that it belongs to in its pod template, and is due
when the current slot is later. Missed slots collapse into one, a restart forgets nothing, and markets take turns by
themselves. Every change of a template (edit, upgrade, slot) passes the same queue and budget.

All times are integer ns since the epoch; the clock is the caller's.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from hashlib import blake2b
from math import ceil

from metdc_collector.wire.durations import SECOND

ROTATION = 90 * SECOND
"""How long one replacement takes, start and overlap included: what the budget reckons with."""
_LEAST_BUDGET = 2


class Urgency(IntEnum):
    """Why a template is to change; the lesser value goes first."""

    EDIT = 0
    DRAIN = 1
    UPGRADE = 2
    SCHEDULE = 3


@dataclass(frozen=True, slots=True)
class Market:
    """One Deployment (or process) as rotation sees it.

    Attributes:
        identity: what the phase follows from and what decides between equals: ``namespace/name/market/shard``.
        exchange: connection limits are per exchange and address, so the budget is, too.
        interval: of ``spec.rotation``, ns.
        slot: start of the slot that the live template carries; null when it carries none.
        change: an edit or an upgrade that waits to be rolled out; null for none.
        rotate_after: of the annotation ``metdc.io/rotate-after``.
        drain: since when nothing new is to be put on the node of one of its pods; null when no node is cordoned.
        suspended: ``spec.rotation.suspend``: only the schedule rests, not edits, nor an order, nor a drain.
        rotating: a replacement is under way.
        stalled: its successor does not become ready; the schedule waits until it does.
        held: the old pod has a backlog older than 10 s that shrinks.
    """

    identity: str
    exchange: str
    interval: int
    slot: int | None
    change: Urgency | None = None
    rotate_after: int | None = None
    drain: int | None = None
    suspended: bool = False
    rotating: bool = False
    stalled: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A replacement to start now, and the slot that the new template carries."""

    identity: str
    slot: int
    urgency: Urgency


def phase(identity: str, interval: int) -> int:
    """Return where in the interval the identity's slots begin, ns; the same everywhere and after every restart."""
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest()) % interval


def slot_start(identity: str, interval: int, now: int) -> int:
    """Return the start of the slot that ``now`` lies in."""
    begin = phase(identity, interval)
    return begin + (now - begin) // interval * interval


def desired_slot(market: Market, now: int) -> int:
    """Return the slot that a template written now carries: the current one, or a later order to rotate that is due."""
    current = slot_start(market.identity, market.interval, now)
    orders = [order for order in (market.rotate_after, market.drain) if order is not None and order <= now]
    return max(current, *orders) if orders else current


def urgency(market: Market, now: int) -> Urgency | None:
    """Return why the market is to be replaced now, null when it isn't."""
    reasons = [] if market.change is None else [market.change]
    if market.drain is not None and market.slot is not None and market.slot < market.drain <= now:
        reasons.append(Urgency.DRAIN)
    return min(reasons) if reasons else _scheduled(market, now)


def _scheduled(market: Market, now: int) -> Urgency | None:
    if market.slot is None:
        return Urgency.SCHEDULE
    ordered = market.rotate_after is not None and market.slot < market.rotate_after <= now
    # A slot beyond the next one was written by a clock that was wrong; waiting for it could take years.
    scheduled = market.slot < slot_start(market.identity, market.interval, now) or market.slot > now + market.interval
    return Urgency.SCHEDULE if ordered or (scheduled and not market.suspended) else None


def next_turn(market: Market, now: int) -> int | None:
    """Return when the market is due next, in the past when it is overdue; null while nothing is planned."""
    if urgency(market, now) is not None:
        return due_since(market, now)
    planned = [] if market.suspended else [slot_start(market.identity, market.interval, now) + market.interval]
    if market.rotate_after is not None and market.rotate_after > now:
        planned.append(market.rotate_after)
    return min(planned, default=None)


def due_since(market: Market, now: int) -> int:
    """Return since when a market that is due has been due; for edits and wrong slots that is now."""
    if market.change is not None or market.slot is None or market.slot > now:
        return now
    after = [] if market.suspended else [slot_start(market.identity, market.interval, market.slot) + market.interval]
    after += [order for order in (market.rotate_after, market.drain) if order is not None and market.slot < order]
    return min(now, *after) if after else now


def budget(intervals: Sequence[int], *, rotation: int = ROTATION) -> int:
    """Return how many replacements may be under way at once among markets with these intervals (ns)."""
    counted = Counter(intervals)  # thousands of markets have a few intervals, and fractions are slow to add
    share = sum((Fraction(rotation * count, interval) for interval, count in counted.items()), Fraction())
    return max(_LEAST_BUDGET, ceil(share))


def turns(markets: Iterable[Market], now: int, *, nats_away: bool = False, rotation: int = ROTATION) -> list[Turn]:
    """Choose the replacements to start now: edits first, then upgrades, then the schedule, the oldest first.

    A stalled replacement takes no place in the budget (it can last for days) and its market waits, but for an edit or
    an upgrade, which may be the cure. While NATS is away for all, nothing is replaced but by an edit.
    """
    known = sorted(markets, key=lambda market: market.identity)
    room = _Room(known, rotation)
    queue = [(why, market) for market in known if (why := urgency(market, now)) is not None]
    queue.sort(key=lambda entry: (entry[0], entry[1].slot is not None, entry[1].slot or 0))
    chosen = []
    for why, market in queue:
        if _waits(market, why, nats_away) or not room.take(market.exchange):
            continue
        chosen.append(Turn(market.identity, desired_slot(market, now), why))
    return chosen


def _waits(market: Market, why: Urgency, nats_away: bool) -> bool:
    if market.stalled:
        return why not in {Urgency.EDIT, Urgency.UPGRADE}
    return market.rotating or ((market.held or nats_away) and why is not Urgency.EDIT)


class _Room:
    """What is left of the budget, in all and per exchange."""

    def __init__(self, markets: Sequence[Market], rotation: int) -> None:
        under_way = Counter(market.exchange for market in markets if market.rotating and not market.stalled)
        self._left = budget([market.interval for market in markets], rotation=rotation) - under_way.total()
        intervals: dict[str, list[int]] = {}
        for market in markets:
            intervals.setdefault(market.exchange, []).append(market.interval)
        self._of = {
            exchange: budget(found, rotation=rotation) - under_way[exchange] for exchange, found in intervals.items()
        }

    def take(self, exchange: str) -> bool:
        if self._left <= 0 or self._of[exchange] <= 0:
            return False
        self._left -= 1
        self._of[exchange] -= 1
        return True
