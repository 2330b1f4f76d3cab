"""Holes in an instrument's trades, and what pages of past trades prove of them. Pure.

Where ordering numbers are consecutive a hole is the numbers between two trades. Elsewhere it is a time in which nobody
listened; the venue's clock and ours differ, so its edges are taken with a margin.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from metdc_collector.continuity import number
from metdc_collector.exchanges.history import Mark, Page, Span
from metdc_collector.wire.gap import Edge, Gap, State
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

MARGIN = 2_000_000_000
"""How far a venue's clock may be from ours, ns."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of one instrument without proof.

    Attributes:
        before, after: the trades at its edges, as far as there are any.
        start, end: the time without proof, ns since the epoch.
        cause: ``disconnected``, ``restarted``, ``omitted`` (while connected), ``listed``, ``dropped``.
        noticed: when it was noticed, ns.
    """

    instrument: Instrument
    before: Mark | None
    after: Mark | None
    start: int
    end: int
    cause: str
    noticed: int

    @property
    def counted(self) -> bool:
        """Whether the numbers between its edges say exactly what is missing."""
        return min(self._low, self._high) >= 0

    @property
    def count(self) -> int:
        """How many ordering numbers are without proof; 0 unless :attr:`counted`."""
        return max(0, self._high - self._low - 1) if self.counted else 0

    def has(self, order: int) -> bool:
        """Whether this ordering number is one of them."""
        return self.counted and self._low < order < self._high

    def edges(self, have: Container[int]) -> tuple[int, int]:
        """Return the first and the last number that is not among those; some are not."""
        first, last = self._low + 1, self._high - 1
        while first in have:
            first += 1
        while last in have:
            last -= 1
        return first, last

    @property
    def span(self) -> Span:
        """What to ask for: its edges included, so that pages can be seen to overlap them."""
        before, after = self.before, self.after
        if before is not None and before.seq == before.id:
            before = Mark(str(max(0, number(before.seq) - 1)), before.time, str(max(0, number(before.seq) - 1)))
        if after is not None and after.seq == after.id:
            after = Mark(str(number(after.seq) + 1), after.time, str(number(after.seq) + 1))
        return Span(self.instrument, before, after, self.start - MARGIN, self.end + MARGIN)

    def side(self, trade: Trade) -> int:
        """Where a trade lies: -1 at or before its beginning, 0 inside, 1 at or behind its end."""
        first = last = number(trade.seq)
        if trade.aggregate is not None and (self.before is None or not self.before.id.startswith("agg:")):
            first, last = int(trade.aggregate.first_id), int(trade.aggregate.last_id)
        if self._low >= 0 <= first:
            if first <= self._low:
                return -1
        elif (self.before is not None and trade.id == self.before.id) or trade.time < self.start - MARGIN:
            return -1
        if self._high >= 0 <= last:
            return 1 if last >= self._high else 0
        is_after = self.after is not None and trade.id == self.after.id
        return 1 if is_after or trade.time > self.end + MARGIN else 0

    @property
    def _low(self) -> int:
        return -1 if self.before is None else number(self.before.seq)

    @property
    def _high(self) -> int:
        return -1 if self.after is None else number(self.after.seq)


@dataclass(slots=True)
class Evidence:
    """What the stream and pages of past trades show of one hole.

    Attributes:
        stored: message ids inside it that the stream holds, by whomever.
        low, high: pages have reached back to its beginning, on to its end.
        filled: rows that were found and given out.
        damaged: rows that could not be read.
    """

    hole: Hole
    stored: Container[str] = ()
    low: bool = False
    high: bool = False
    filled: int = 0
    damaged: int = 0
    _have: set[int] = field(default_factory=set)
    _oldest: int | None = None
    _last: Trade | None = None

    def held(self, trades: Mapping[str, int], fills: Sequence[str]) -> None:
        """The stream holds these message ids; ``fills`` are their ids without the instrument."""
        self.stored = trades
        self._have.update(order for order in map(number, fills) if self.hole.has(order))

    @property
    def whole(self) -> bool:
        """Whether each number of a counted hole is stored or was found."""
        return self.hole.counted and len(self._have) >= self.hole.count

    @property
    def some(self) -> bool:
        """Whether any number of a counted hole is stored or was found."""
        return bool(self._have)

    @property
    def complete(self) -> bool:
        """Whether nothing can be missing: all numbers are there, or healthy rows overlap both edges."""
        return self.whole or (self.low and self.high and not self.damaged)

    def take(self, page: Page) -> list[Trade]:
        """Take a page; return its rows inside the hole that the stream does not hold."""
        self.damaged += page.damaged
        found: list[Trade] = []
        for trade in page.trades:
            side = self.hole.side(trade)
            self.low, self.high = self.low or side < 0, self.high or side > 0
            if side:
                continue
            self._oldest = trade.time if self._oldest is None else min(self._oldest, trade.time)
            if self._last is None or trade.time >= self._last.time:
                self._last = trade
            self._note(trade)
            if trade.message_id not in self.stored:
                found.append(trade)
                self.filled += self.hole.counted or self.hole.start <= trade.time <= self.hole.end
        return found

    def bottom(self) -> None:
        """The source has nothing older."""
        self.low = True

    def top(self) -> None:
        """What the source has is known to reach behind the hole."""
        self.high = True

    @property
    def rest(self) -> Hole:
        """What is left to be proven: where REST lags, what its rows reach from the beginning on is done."""
        if self.hole.counted or self.damaged or not self.low or self._last is None:
            return self.hole
        last = self._last
        start = max(self.hole.start, min(last.time, self.hole.end))
        return replace(self.hole, before=Mark(last.id, last.time, last.seq), start=start)

    def verdict(self, whole: Hole, at: int, state: State | None = None) -> Gap:
        """Return the record of what is known at ``at`` (ns): the given state, or the final one.

        ``whole`` is the hole as it was noticed, of which :attr:`hole` may be the rest.
        """
        instrument = whole.instrument
        start, end = (whole.start, whole.end) if state is None and self.complete else self._left()
        gap = Gap(
            exchange=instrument.exchange,
            market=instrument.market,
            base=instrument.base,
            quote=instrument.quote,
            instrument=instrument.name,
            before=_edge(whole.before),
            after=_edge(whole.after),
            start=start,
            end=end,
            cause=whole.cause,
            state=state or self._final(),
            at=at,
            filled=self.filled,
        )
        if not whole.counted:
            return gap
        left = 0 if self.complete else whole.count - len(self._have)
        if not left:
            return replace(gap, missing=self.filled)
        first, last = whole.edges(self._have)
        return replace(gap, first_missing=str(first), last_missing=str(last), missing=left + self.filled)

    def _final(self) -> State:
        if self.complete:
            return "filled" if self.filled else "empty"
        return "partial" if self.filled or self._have else "unfillable"

    def _left(self) -> tuple[int, int]:
        """The time that is still without proof: what pages reach from one edge on is proven."""
        start, end = self.hole.start, self.hole.end
        if self.complete or self.hole.counted or self.damaged:
            return start, end
        if self.high and not self.low and self._oldest is not None:
            end = max(start, min(end, self._oldest))
        if self.low and not self.high and self._last is not None:
            start = min(end, max(start, self._last.time))
        return start, end

    def _note(self, trade: Trade) -> None:
        if not self.hole.counted:
            return
        if trade.aggregate is not None and not (self.hole.before and self.hole.before.id.startswith("agg:")):
            self._have.update(range(int(trade.aggregate.first_id), int(trade.aggregate.last_id) + 1))
        else:
            self._have.add(number(trade.seq))


def _edge(mark: Mark | None) -> Edge | None:
    return None if mark is None else Edge(mark.id, mark.time)
