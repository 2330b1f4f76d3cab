"""Trades and instruments as a venue holds them: integers, and the text that goes over the wire."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

KINDS = ("", "insurance", "adl", "NA", "rpi", "block", "internal", "elp")
"""What a fill may be. `NA` is a frame that is no trade but uses up an id; the empty text is a normal trade."""


class Clock(Protocol):
    """Where the simulator takes its time from."""

    def ns(self) -> int:
        """Unix time in nanoseconds; never steps back."""
        ...


class SystemClock:
    """The wall clock as it stood at the start, moved on by the monotonic clock, so that it never steps."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def ns(self) -> int:
        return self._offset + time.monotonic_ns()


class Trade(NamedTuple):
    """One fill, or one aggregate of fills (then `first` and `last` are the ids it covers)."""

    id: int | None
    price: int
    """In units of the last decimal of the wire's text."""
    size: int
    """In units of the last decimal of the wire's text."""
    buy: bool
    """Whether the taker bought."""
    time: int
    """Unix nanoseconds, already cut to what the venue's field can carry."""
    kind: str = ""
    first: int = -1
    last: int = -1
    order: int = -1
    """The venue's ordering number, where that is another than its id."""
    row: int = -1
    """Of a trade from a `History`: how many of its instrument and channel came before it."""


class Fill(NamedTuple):
    """A fill that is planted: what would else be drawn by lot is given. The time is told apart."""

    price: int
    size: int
    buy: bool
    kind: str = ""
    stray: bool = False
    """A single print off the market, which leaves the instrument's price where it was."""


class History:
    """The newest fills of one instrument and channel, in order, in 50 bytes each."""

    __slots__ = ("_first", "_gone", "_ids", "_last", "_limit", "_marks", "_orders", "_prices", "_sizes", "_times")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids, self._prices, self._sizes, self._times = array("q"), array("q"), array("q"), array("q")
        self._first, self._last, self._orders = array("q"), array("q"), array("q")
        self._marks = array("b")
        self._gone = 0

    def append(self, trade: Trade) -> None:
        self._ids.append(-1 if trade.id is None else trade.id)
        self._prices.append(trade.price)
        self._sizes.append(trade.size)
        self._times.append(trade.time)
        self._orders.append(trade.order)
        self._marks.append(KINDS.index(trade.kind) * 2 + trade.buy)
        if trade.first >= 0:
            self._first.append(trade.first)
            self._last.append(trade.last)
        if len(self._ids) >= self._limit * 2:
            self._trim()

    def _trim(self) -> None:
        columns = (
            self._ids,
            self._prices,
            self._sizes,
            self._times,
            self._orders,
            self._marks,
            self._first,
            self._last,
        )
        self._gone += max(0, len(self._ids) - self._limit)
        for column in columns:
            del column[: max(0, len(column) - self._limit)]

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Trade:
        number, mark = self._ids[index], self._marks[index]
        ranged = bool(self._first)
        return Trade(
            id=None if number < 0 else number,
            price=self._prices[index],
            size=self._sizes[index],
            buy=bool(mark % 2),
            time=self._times[index],
            kind=KINDS[mark // 2],
            first=self._first[index] if ranged else -1,
            last=self._last[index] if ranged else -1,
            order=self._orders[index],
            row=self._gone + index,
        )

    def newest(self, count: int) -> list[Trade]:
        """Up to `count` rows, oldest first."""
        total = len(self)
        return [self[index] for index in range(max(0, total - min(count, self._limit)), total)]

    def all(self) -> list[Trade]:
        """Whatever is kept, oldest first."""
        return self.newest(self._limit)


def fixed(value: int, digits: int) -> str:
    """The decimal text of `value / 10**digits` with exactly that many decimals."""
    text = str(value)
    if not digits:
        return text
    if len(text) <= digits:
        text = text.zfill(digits + 1)
    return f"{text[:-digits]}.{text[-digits:]}"


def trimmed(value: int, digits: int) -> str:
    """As `fixed`, without trailing zeros."""
    text = fixed(value, digits)
    return text.rstrip("0").rstrip(".") if digits else text


@dataclass(slots=True, eq=False)
class Instrument:
    """One row of a venue's list and the state of its trading."""

    name: str
    base: str
    quote: str
    row: dict[str, Any]
    price: int
    """The last price in units of 10**-price_digits; so is the tick."""
    tick: int
    price_digits: int
    lot: int
    size_digits: int
    typical: int
    """A common size, in lots."""
    trim: bool = False
    """Whether the wire's text leaves trailing zeros out."""
    price_scale: int | None = None
    quantity_scale: int | None = None
    multiplier: str | None = None
    next_id: int = 0
    at: int = 0
    """The time of the fill that is being numbered, for venues whose ids hold it."""
    group: int = 0
    """Of instruments that share a counter at the venue."""
    open: bool = False
    """Whether it trades at all."""
    busy: bool = False
    """Whether it is among those that the venue's users mean: tradable, in its main quote (mostly USDT), plain."""
    anchor: int = 0
    last: Trade | None = None
    further: bool = False
    """Whether the fill being drawn goes on with the taker order of the one before: same price and side, soon after."""
    begun: bool = False
    histories: dict[str, History] = field(default_factory=dict)
    batches: list[list[Trade]] = field(default_factory=list)
    due: int = 0
    ledger_head: str = ""
    staged: int = 0
    """Unix ns up to which its trading is planted, so that the plan picks it not."""

    def price_text(self, value: int) -> str:
        """The wire's text of a price; a frame that is no trade says `0`."""
        if not value:
            return "0"
        return trimmed(value, self.price_digits) if self.trim else fixed(value, self.price_digits)

    def size_text(self, value: int) -> str:
        """The wire's text of a size; a frame that is no trade says `0`."""
        if not value:
            return "0"
        return trimmed(value, self.size_digits) if self.trim else fixed(value, self.size_digits)
