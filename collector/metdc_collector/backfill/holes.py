"""Holes in an instrument's trades, and what pages of past trades prove of them. Pure.

Where ordering numbers are consecutive a hole is the numbers between two trades. Elsewhere it is a time in which nobody
listened; the venue's clock and ours differ, so its edges are taken with a margin.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from metdc_collector.continuity import is_older, number
from metdc_collector.exchanges.history import Mark, Page, Span
from metdc_collector.wire.gap import Edge, Gap, State
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_AGGREGATE = "agg:"
MARGIN = 2_000_000_000
"""How far a venue's clock may be from ours, ns."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of one instrument without proof.

    Attributes:
        before, after: the trades at its edges, as far as there are any.
        start, end: the time without proof, ns since the epoch.
        cause: ``disconnected``, ``restarted``, ``omitted`` (while connected), ``listed``, ``dropped`` (by the spool).
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

    def reaches(self, order: int) -> bool:
        """Whether this ordering number is one of them, or its last edge."""
        return self.has(order) or (self.counted and order == self._high)

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
        before, after = _beside(self.before, -1), _beside(self.after, 1)
        return Span(self.instrument, before, after, self.start - MARGIN, self.end + MARGIN)

    @property
    def joined(self) -> bool:
        """Whether the trades at its edges are aggregates, so that the numbers between count aggregates, not fills."""
        return any(mark is not None and mark.id.startswith(_AGGREGATE) for mark in (self.before, self.after))

    def side(self, trade: Trade) -> int:
        """Where a trade lies: -1 at or before its beginning, 0 inside, 1 at or behind its end."""
        first, last = self.numbers(trade)
        if self._low >= 0 <= first:
            if self.before is not None and is_older(first, trade.time, self._low + 1, self.before.time):
                return -1
        elif (self.before is not None and trade.id == self.before.id) or trade.time < self.start - MARGIN:
            return -1
        if self._high >= 0 <= last:
            return 1 if last >= self._high else 0
        is_after = self.after is not None and trade.id == self.after.id
        return 1 if is_after or trade.time > self.end + MARGIN else 0

    def ended_before(self, heard: Mark) -> bool:
        """Whether a trade that was heard is of after its end: where the venue's clock is ahead, others seem to be."""
        return heard.time > self.end and not (self.before is not None and heard.id == self.before.id)

    def numbers(self, trade: Trade) -> tuple[int, int]:
        """Return the first and the last number that a trade stands for, counted as the hole's edges are."""
        if trade.aggregate is not None and not self.joined:
            return int(trade.aggregate.first_id), int(trade.aggregate.last_id)
        return number(trade.seq), number(trade.seq)

    def parts(self, trade: Trade) -> range:
        """Return the fills of an aggregate that are not known to lie outside."""
        if self.joined and trade.aggregate is not None:
            inside = self.side(trade) == 0
            return range(int(trade.aggregate.first_id), int(trade.aggregate.last_id) + 1) if inside else range(0)
        first, last = self.numbers(trade)
        if self._low >= 0:
            first = max(first, self._low + 1)
        if self._high >= 0:
            last = min(last, self._high - 1)
        by_number = (self._low if self.side(trade) < 0 else self._high) >= 0
        return range(first, last + 1) if self.side(trade) == 0 or by_number else range(0)

    @property
    def _low(self) -> int:
        return -1 if self.before is None else number(self.before.seq)

    @property
    def _high(self) -> int:
        return -1 if self.after is None else number(self.after.seq)


@dataclass(slots=True)
class _Chain:
    """Pages that follow each other without a break: how far they reach.

    Attributes:
        low, high: back to the hole's beginning, on to its end.
        damaged: rows that could not be read.
        oldest, newest: times of its rows inside the hole.
        shared: they were asked for another hole's sake.
    """

    low: bool = False
    high: bool = False
    damaged: int = 0
    oldest: int | None = None
    newest: int | None = None
    shared: bool = False


@dataclass(slots=True)
class Evidence:
    """What the stream and pages of past trades show of one hole.

    Attributes:
        stored: message ids that the stream holds, by whomever, each with its trade's time.
        filled: rows that were found and given out.
    """

    hole: Hole
    stored: Mapping[str, int] = field(default_factory=dict)
    filled: int = 0
    _given: set[str] = field(default_factory=set)
    _have: set[int] = field(default_factory=set)
    _cut: set[int] = field(default_factory=set)
    _chains: list[_Chain] = field(default_factory=list)

    def held(self, trades: Mapping[str, int], ids: Iterable[str]) -> None:
        """The stream holds these message ids; ``ids`` are the trades', without the instrument."""
        self.stored = trades
        hole = self.hole
        if any(mark is not None and _is_named_by_number(mark) for mark in (hole.before, hole.after)):
            prefix = _AGGREGATE if hole.joined else ""
            orders = (number(text.removeprefix(prefix)) for text in ids if text.startswith(prefix))
            self._have.update(order for order in orders if hole.has(order))

    @property
    def asked(self) -> bool:
        """Whether any source was asked for this hole."""
        return any(not chain.shared for chain in self._chains)

    @property
    def high(self) -> bool:
        """Whether the pages that it was asked last reach behind the hole."""
        return next((chain.high for chain in reversed(self._chains) if not chain.shared), False)

    @property
    def whole(self) -> bool:
        """Whether each number of a counted hole is stored or was found."""
        return self.hole.counted and len(self._have) >= self.hole.count

    @property
    def complete(self) -> bool:
        """Whether nothing can be missing: all numbers are there, or healthy rows overlap both edges."""
        return self.whole or (self._is_overlapped and all(map(self._is_fill_there, self._cut)))

    @property
    def left(self) -> Hole:
        """The hole from the last number before those that are missing to the first behind them."""
        hole = self.hole
        if self.whole or not hole.counted or not self._have:
            return hole
        first, last = hole.edges(self._have)
        before, after = self._mark(first - 1) or hole.before, self._mark(last + 1) or hole.after
        assert before is not None, "it is counted"
        assert after is not None, "it is counted"
        return replace(hole, before=before, after=after, start=before.time, end=after.time)

    def _mark(self, order: int) -> Mark | None:
        """Return the mark of a number that the stream holds; null of another."""
        trade_id = f"{_AGGREGATE if self.hole.joined else ''}{order}"
        time = self.stored.get(f"{self.hole.instrument.message_prefix}{trade_id}")
        return None if time is None else Mark(trade_id, time, str(order))

    def begin(self, *, shared: bool = False) -> None:
        """A source is asked, for this hole or another: its pages follow each other, and none that came before."""
        self._chains.append(_Chain(shared=shared))

    def take(self, page: Page, until: int | None = None) -> list[Trade]:
        """Take a page; return its rows inside the hole that the stream does not hold.

        Those with a time after ``until`` (ns) are left for later: they may be on their way here.
        """
        chain = self._chains[-1]
        chain.damaged += page.damaged
        found: list[Trade] = []
        for trade in page.trades:
            if trade.aggregate is None and self.hole.joined:
                continue  # fills are counted in aggregates that are stored
            side = self.hole.side(trade)
            chain.low, chain.high = chain.low or side < 0, chain.high or side > 0
            if self._is_divided(trade, side) or side:
                continue
            chain.oldest = trade.time if chain.oldest is None else min(chain.oldest, trade.time)
            chain.newest = trade.time if chain.newest is None else max(chain.newest, trade.time)
            self._note(trade)
            if not self._is_there(trade.message_id) and (until is None or trade.time <= until):
                found.append(trade)
                self.filled += self.hole.counted or self.hole.start <= trade.time <= self.hole.end
        self._given.update(trade.message_id for trade in found)
        return found

    def unseen(self, page: Page) -> list[Trade]:
        """Return a page's rows that were not given out, and that the stream was not seen to hold."""
        return [trade for trade in page.trades if trade.aggregate is None and not self._is_there(trade.message_id)]

    def bottom(self) -> None:
        """The source has nothing older."""
        self._chains[-1].low = True

    def top(self) -> None:
        """What the source has is known to reach behind the hole."""
        self._chains[-1].high = True

    def verdict(self, at: int, state: State | None = None) -> Gap:
        """Return the record of what is known at ``at`` (ns): the given state, or the final one."""
        hole = self.hole
        left = 0 if self.complete else hole.count - len(self._have)
        start, end = self._left()
        gap = Gap(
            exchange=hole.instrument.exchange,
            market=hole.instrument.market,
            base=hole.instrument.base,
            quote=hole.instrument.quote,
            instrument=hole.instrument.name,
            before=_edge(hole.before),
            after=_edge(hole.after),
            start=start,
            end=end,
            cause=hole.cause,
            state=state or self._final(),
            at=at,
            filled=self.filled,
        )
        if not hole.counted:
            return gap
        missing = left + self.filled
        if not left:
            return replace(gap, missing=missing)
        first, last = hole.edges(self._have)
        return replace(gap, first_missing=str(first), last_missing=str(last), missing=missing)

    def _final(self) -> State:
        if self.complete:
            return "filled" if self.filled else "empty"
        return "partial" if self.filled or self._have else "unfillable"

    @property
    def _is_overlapped(self) -> bool:
        """Whether one chain reaches over both edges, or two that surely overlap do: of one time there may be more."""
        sound = [chain for chain in self._chains if not chain.damaged]
        if any(chain.low and chain.high for chain in sound):
            return True
        up = [chain.newest for chain in sound if chain.low and chain.newest is not None]
        down = [chain.oldest for chain in sound if chain.high and chain.oldest is not None]
        return not self.hole.counted and bool(up and down) and max(up) > min(down)

    def _left(self) -> tuple[int, int]:
        """The time that is still without proof: what pages reach from one edge on is proven."""
        start, end = self.hole.start, self.hole.end
        if self.complete or self.hole.counted or self._cut:
            return start, end
        for chain in self._chains:
            if chain.high and not chain.damaged and chain.oldest is not None:
                end = max(self.hole.start, min(end, chain.oldest))
            if chain.low and not chain.damaged and chain.newest is not None:
                start = min(self.hole.end, max(start, chain.newest))
        return start, end

    def _is_divided(self, trade: Trade, side: int) -> bool:
        """Whether an aggregate joins fills that are stored, or lie outside, with others, which nothing gives then."""
        if trade.aggregate is None:
            return False
        parts = self.hole.parts(trade)
        if (self.hole.joined or not side) and not any(map(self._is_fill_there, parts)):
            return False
        self._cut.update(parts)
        return True

    def _is_fill_there(self, order: int) -> bool:
        return self._is_there(f"{self.hole.instrument.message_prefix}{order}")

    def _is_there(self, message_id: str) -> bool:
        return message_id in self.stored or message_id in self._given

    def _note(self, trade: Trade) -> None:
        first, last = self.hole.numbers(trade)
        self._have.update(order for order in range(first, last + 1) if self.hole.has(order))


def _edge(mark: Mark | None) -> Edge | None:
    return None if mark is None else Edge(mark.id, mark.time)


def _beside(mark: Mark | None, step: int) -> Mark | None:
    """Return the mark of the number beside, so that pages between two such marks show the trade itself."""
    if mark is None or number(mark.seq) < 0:
        return mark
    order = str(max(0, number(mark.seq) + step))
    return Mark(order if mark.id == mark.seq else mark.id, mark.time, order)


def _is_named_by_number(mark: Mark) -> bool:
    """Whether a trade's id is its ordering number, so that ids tell which numbers are stored."""
    return number(mark.seq) >= 0 and mark.id.removeprefix(_AGGREGATE) == mark.seq


def beside(mark: Mark, step: int) -> Mark | None:
    """Return the mark of the number beside; null where ids are no numbers that count."""
    if number(mark.seq) < 0 or mark.id != mark.seq:
        return None
    order = str(number(mark.seq) + step)
    return Mark(order, mark.time, order)


def spanning(one: Hole, other: Hole) -> Hole:
    """Return the hole from the earlier beginning of two to the later end, whichever came first."""

    def edge(time: int, mark: Mark | None) -> tuple[int, int]:
        return time, number(None if mark is None else mark.seq)

    first = min(one, other, key=lambda hole: edge(hole.start, hole.before))
    last = max(one, other, key=lambda hole: edge(hole.end, hole.after))
    return replace(one, before=first.before, start=first.start, after=last.after, end=last.end)
