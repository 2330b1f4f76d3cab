"""What one connection was told, folded frame by frame so that hours of it take no more memory than a minute. Pure."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from metdc_collector.exchanges.base import Kind, Parsed
from metdc_collector.wire.trade import Trade

MOST_ROWS = 5_000
"""Rows of an instrument that are kept to be compared: the newest."""
_MOST_EXAMPLES = 3
_MS = 1_000_000


class Row(NamedTuple):
    """A trade as it is compared; ``received`` in ns, 0 for one that came over REST."""

    price: str
    quantity: str | None
    side: str
    time: int
    kind: str | None
    received: int

    @property
    def values(self) -> tuple[str, str | None, str, int]:
        """What must be the same wherever the trade is told."""
        return self[:4]


class First(NamedTuple):
    """The first frame with trades of an instrument: when it came, its rows, its oldest time (ns), its own mark."""

    received: int
    rows: int
    oldest: int
    replayed: bool


@dataclass(slots=True)
class Finds:
    """How often something was seen, how often it was wrong, and the first examples in words."""

    seen: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def right(self) -> None:
        """Count what is as assumed."""
        self.seen += 1

    def note(self, example: str) -> None:
        """Count what isn't."""
        self.seen += 1
        self.wrong += 1
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(example)

    def judge(self, good: bool, example: str) -> None:
        """Count one or the other."""
        if good:
            self.right()
        else:
            self.note(example)


def row_of(trade: Trade) -> Row:
    """Return a trade as it is compared."""
    return Row(trade.price, trade.quantity, trade.side, trade.time, trade.kind, trade.received)


@dataclass(slots=True)
class Heard:
    """One connection's frames.

    Attributes:
        digit: what the last digit of the venue's times stands for, in ns: by it times are found in a raw frame.
        consecutive: the ordering numbers are said to be without holes.
        asked: when each instrument was asked for, ns.
        acknowledged, refused: when it was, and of a refusal why.
        first: the first frame with its trades.
        rows: the newest of its trades, by id.
        pruned: instruments of which older rows were let go.
        repeated, holes, numbers, times, orders, sendings: ids that came again, steps of consecutive numbers, numbers
            and times from frame to frame, rows inside a frame, send times.
        crowded: frames with several rows of an instrument.
        newest_first: of these, those whose raw rows begin with the newest.
        lag: received less time of live trades, least and most, ns.
        beats, answers: when heartbeats were sent that are not answered yet; ns that the answers took.
        ended: how the connection ended by itself; null while it lasts. ``code`` is the venue's close code.
    """

    digit: int
    consecutive: bool
    opened: int | None = None
    frames: int = 0
    trades: int = 0
    kinds: "Counter[Kind]" = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    out_of_scope: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    first: dict[str, First] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)
    repeated: Finds = field(default_factory=Finds)
    holes: Finds = field(default_factory=Finds)
    numbers: Finds = field(default_factory=Finds)
    times: Finds = field(default_factory=Finds)
    orders: Finds = field(default_factory=Finds)
    crowded: int = 0
    newest_first: int = 0
    sendings: Finds = field(default_factory=Finds)
    lag: tuple[int, int] | None = None
    beats: deque[int] = field(default_factory=deque)
    answers: list[int] = field(default_factory=list)
    ended: str | None = None
    code: int | None = None
    lasted: float = 0.0
    _number: dict[str, int] = field(default_factory=dict)
    _last: dict[tuple[str, str], int] = field(default_factory=dict)

    def ask(self, names: Sequence[str], now: int) -> None:
        """Subscriptions go out."""
        self.asked.update(dict.fromkeys(names, now))

    def beat(self, now: int) -> None:
        """A heartbeat goes out."""
        self.beats.append(now)

    def take(self, data: bytes, parsed: Parsed, received: int) -> None:
        """A frame came in, and was read so."""
        self.frames += 1
        self.kinds[parsed.kind] += 1
        self.out_of_scope += len(parsed.out_of_scope)
        if parsed.kind in (Kind.MALFORMED, Kind.OTHER) and len(self.odd) < _MOST_EXAMPLES:
            self.odd.append(f"{parsed.reason or 'unknown'}: {data[:80].decode(errors='replace')}")
        for name in parsed.acknowledged:
            self.acknowledged.setdefault(name, received)
        self.refused.update({refusal.name: refusal.reason for refusal in parsed.refused})
        if parsed.kind is Kind.CONTROL and self.beats and not parsed.acknowledged and not parsed.refused:
            self.answers.append(received - self.beats.popleft())
        for instrument, number in parsed.skipped:
            self._step(instrument.name, int(number))
        if parsed.trades:
            self._trades(data, parsed, received)

    def _trades(self, data: bytes, parsed: Parsed, received: int) -> None:
        self.trades += len(parsed.trades)
        by_name: dict[str, list[Trade]] = {}
        for trade in parsed.trades:
            by_name.setdefault(trade.instrument.name, []).append(trade)
        for name, trades in by_name.items():
            old = name not in self.first or parsed.replayed
            if name not in self.first:
                oldest = min(trade.time for trade in trades)
                self.first[name] = First(received, len(trades), oldest, parsed.replayed)
            if len(trades) > 1:
                self.crowded += 1
                self._order(data, trades)
            self._progress(name, trades, replayed=parsed.replayed)
            for trade in trades:
                self._keep(name, trade, replayed=parsed.replayed)
                if not old:
                    self._clock(trade)

    def _keep(self, name: str, trade: Trade, *, replayed: bool) -> None:
        rows = self.rows.setdefault(name, {})
        if self.consecutive and trade.seq is not None and trade.id not in rows:
            self._step(name, int(trade.seq))
        if not replayed:
            self.repeated.judge(trade.id not in rows, f"{name} {trade.id}")
        rows.setdefault(trade.id, row_of(trade))
        if len(rows) > MOST_ROWS:
            del rows[next(iter(rows))]
            self.pruned.add(name)

    def _step(self, name: str, number: int) -> None:
        last = self._number.get(name)
        self._number[name] = number
        if last is not None:
            self.holes.judge(number == last + 1, f"{name} {last} → {number}")

    def _clock(self, trade: Trade) -> None:
        lag = trade.received - trade.time
        least, most = self.lag or (lag, lag)
        self.lag = (min(least, lag), max(most, lag))
        if trade.sent is not None:
            # Whole milliseconds: venues give the one with more digits than the other.
            before = trade.time // _MS - trade.sent // _MS
            self.sendings.judge(before <= 0, f"{trade.instrument.name} {trade.id}: {before} ms before its time")

    def _progress(self, name: str, trades: Sequence[Trade], *, replayed: bool) -> None:
        """Compare a frame as a whole with the one before; the order of its rows is another question."""
        numbers = [int(trade.seq) for trade in trades if trade.seq is not None and trade.seq.isdigit()]
        kinds = ((self.times, "time", [trade.time for trade in trades]), (self.numbers, "number", numbers))
        for finds, what, values in kinds:
            last = self._last.get((name, what))
            if not values:
                continue
            if last is not None and not replayed:
                finds.judge(min(values) >= last, f"{name} {what} {last} → {min(values)}")
            self._last[name, what] = max(values)

    def _order(self, data: bytes, trades: Sequence[Trade]) -> None:
        """Find the rows' times in the raw frame: which of them stand first, and whether all stand in one order."""
        times = sorted({trade.time for trade in trades})
        # From the end: a send time before the rows may be written with the same digits.
        places = [data.rfind(str(time // self.digit).encode()) for time in times]
        if len(times) < 2 or min(places) < 0:
            return
        rising = all(one < other for one, other in pairwise(places))
        falling = all(one > other for one, other in pairwise(places))
        self.newest_first += falling
        self.orders.judge(rising or falling, f"{trades[0].instrument.name}: {len(trades)} rows in no order")
