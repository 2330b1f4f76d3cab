"""What the trades of one instrument show: reference price, first move, peak, volumes, clock. Pure, exact.

The formulas are those of ``docs/captures.md``. Times are ns, amounts and returns decimals; a return is a price divided
by the reference price, minus 1.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import chain
from statistics import median, median_low
from typing import Literal, NamedTuple

from metdc_collector.captures.order import EARLIER
from metdc_collector.captures.ticks import Tick
from metdc_collector.wire.durations import SECOND

REFERENCE = (-20 * SECOND, -2 * SECOND)
"""The span of the reference price, from the announcement on."""
BASELINE = 60 * SECOND
"""How long before the window the price is taken that a move before the announcement starts from."""
LEAST_MOVE = Decimal("0.01")
DEVIATIONS = 5
CONFIRM = 2 * SECOND
FEW = 5
"""A reference price of fewer trades is one of a thin market."""
CLOCK_FLOOR = 10_000_000
"""No clock is taken to be better than this (ns)."""
CLOCK_UNKNOWN = SECOND
"""How far a clock may be off of which no live trade tells (ns)."""
_RESOLUTIONS = tuple(10**power for power in range(9, -1, -1))
_ONE = Decimal(1)
# Of amounts of at most 60 digits on either side of the point, products and their sums are exact in it.
_EXACT = Context(prec=300)


class Reference(NamedTuple):
    """A price that others are compared with.

    Attributes:
        kind: ``median`` of a span, or the ``last_trade`` before it, or the ``first_trade`` of a window.
        trades: how many trades it is of.
        age: of a last trade, how long before the moment it was (ns); null for a median.
        deviation: median absolute deviation of the returns of these trades.
    """

    price: Decimal
    kind: Literal["median", "last_trade", "first_trade"]
    trades: int
    age: int | None
    deviation: Decimal

    @property
    def threshold(self) -> Decimal:
        """The return beyond which a trade has moved."""
        return max(LEAST_MOVE, DEVIATIONS * self.deviation)

    @property
    def thin(self) -> bool:
        """Whether it rests on few trades."""
        return self.trades < FEW


class Move(NamedTuple):
    """A trade that moved, and its return."""

    tick: Tick
    gain: Decimal


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest confirmed price, and how deep it fell afterwards (0 to 1; null where no confirmed price followed)."""

    move: Move
    drawdown: Decimal | None


class Volume(NamedTuple):
    """Sums over trades: how many, base coins, quote coins, and the quote coins of those whose taker bought."""

    trades: int
    base: Decimal
    quote: Decimal
    bought: Decimal

    @property
    def buy_share(self) -> Decimal | None:
        """The buyers' part of the quote coins, 0 to 1; null without any."""
        return self.bought / self.quote if self.quote else None


@dataclass(frozen=True, slots=True)
class Clock:
    """How the times of an exchange compare with ours, ns.

    Attributes:
        offset: the median of received minus time of live trades; null without one.
        resolution: the step in which times are given.
    """

    offset: int | None
    resolution: int

    @property
    def uncertainty(self) -> int:
        """How far a time may be off, its resolution not counted: what we see of a clock is skew and latency in one."""
        return CLOCK_UNKNOWN if self.offset is None else max(CLOCK_FLOOR, abs(self.offset))

    @property
    def tolerance(self) -> int:
        """Uncertainty and resolution together."""
        return self.uncertainty + self.resolution


def between(ticks: Sequence[Tick], begin: int, end: int) -> Sequence[Tick]:
    """Return those of [begin, end); the trades are ordered by time."""
    return ticks[_place(ticks, begin) : _place(ticks, end)]


def _place(ticks: Sequence[Tick], time: int) -> int:
    """Return the place of the first trade that is not before ``time``."""
    return bisect_left(ticks, time, key=lambda tick: tick.time)


def reference(ticks: Sequence[Tick], begin: int, end: int, moment: int) -> Reference | None:
    """Return the median price of [begin, end], else the last one before it, at most 10 minutes before ``moment``."""
    inside = [tick.price for tick in between(ticks, begin, end + 1)]
    if inside:
        price = median(inside)
        return Reference(price, "median", len(inside), None, median(abs(one / price - _ONE) for one in inside))
    earlier = between(ticks, moment - EARLIER, begin)
    if not earlier:
        return None
    return Reference(earlier[-1].price, "last_trade", 1, moment - earlier[-1].time, Decimal(0))


def baseline(ticks: Sequence[Tick], start: int) -> Reference | None:
    """Return the price that a window begins with: that of the minute before, else that of an earlier trade."""
    return reference(ticks, start - BASELINE, start - 1, start)


def first_move(ticks: Sequence[Tick], of: Reference) -> tuple[Move | None, list[Move]]:
    """Return the first trade beyond the threshold that a later one confirms, and those before it that none does."""
    unconfirmed: list[Move] = []
    gains = [tick.price / of.price - _ONE for tick in ticks]
    for place, gain in enumerate(gains):
        if abs(gain) > of.threshold:
            move = Move(ticks[place], gain)
            if _is_confirmed(ticks, gains, place, of.threshold):
                return move, unconfirmed
            unconfirmed.append(move)
    return None, unconfirmed


def _is_confirmed(ticks: Sequence[Tick], gains: Sequence[Decimal], place: int, threshold: Decimal) -> bool:
    """Whether within 2 s a trade of another time has moved the same way, at least half as far."""
    gain, time = gains[place], ticks[place].time
    for later in range(place + 1, len(ticks)):
        if ticks[later].time - time > CONFIRM:
            return False
        other = gains[later] if gain > 0 else -gains[later]
        if ticks[later].time != time and other > threshold and 2 * other >= abs(gain):
            return True
    return False


def peak(ticks: Sequence[Tick], of: Reference) -> tuple[Peak | None, list[Move]]:
    """Return the highest price that another trade confirms, and the prices beyond the confirmed ones.

    A price is confirmed when a trade of another time, at most 2 s away, reached it but for the threshold: from above
    for the lowest price after the peak likewise.
    """
    found, beyond = _extreme(ticks, of, highest=True)
    if found is None:
        return None, beyond
    after = ticks[found + 1 :]
    lowest, below = _extreme(after, of, highest=False)
    top = ticks[found].price
    move = Move(ticks[found], top / of.price - _ONE)
    if lowest is None:
        return Peak(move, None), beyond
    return Peak(move, max(Decimal(0), _ONE - after[lowest].price / top)), beyond + below


def _extreme(ticks: Sequence[Tick], of: Reference, *, highest: bool) -> tuple[int | None, list[Move]]:
    """Return the place of the first trade of the outermost confirmed price, and the trades beyond it."""
    beyond: list[Move] = []
    for place in sorted(range(len(ticks)), key=lambda place: ticks[place].price, reverse=highest):
        price = ticks[place].price
        margin = of.threshold if highest else -of.threshold
        bound = price * (_ONE - margin)
        if any((other.price >= bound) if highest else (other.price <= bound) for other in _near(ticks, place)):
            return place, beyond
        beyond.append(Move(ticks[place], price / of.price - _ONE))
    return None, beyond


def _near(ticks: Sequence[Tick], place: int) -> chain[Tick]:
    """Return the trades of other times that are at most 2 s away, those after first."""
    time = ticks[place].time
    return chain(between(ticks, time + 1, time + CONFIRM + 1), between(ticks, time - CONFIRM, time))


def volume(ticks: Sequence[Tick]) -> Volume:
    """Return the sums over trades."""
    base, quote, bought = Decimal(0), Decimal(0), Decimal(0)
    for tick in ticks:
        worth = _EXACT.multiply(tick.price, tick.quantity)
        base = _EXACT.add(base, tick.quantity)
        quote = _EXACT.add(quote, worth)
        if tick.buy:
            bought = _EXACT.add(bought, worth)
    return Volume(len(ticks), base, quote, bought)


def clock(ticks: Sequence[Tick]) -> Clock:
    """Return what the trades tell of their exchange's clock."""
    offsets = [tick.received - tick.time for tick in ticks if tick.live]
    step = next((step for step in _RESOLUTIONS if all(tick.time % step == 0 for tick in ticks)), 1)
    return Clock(median_low(offsets) if offsets else None, step)
