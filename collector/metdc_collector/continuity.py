"""What is known of each symbol's sequence of trades, and when a joining connection may speak. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from metdc_collector.exchanges.base import Channel, Limits
from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

SERIES = 10_000_000_000
"""How far the time of a trade may lie behind that of one with a lower number of the same series, in ns: 10 s.

A venue makes numbers and times in one place: their orders differ by milliseconds, and lagging changes neither. Where
they contradict each other by more than this, it has begun to count anew, after a relisting, and times decide.
"""

DISORDER = 1_000_000_000
"""By how much the times of trades may contradict the order in which a venue sends them, in ns: 1 s is far more than
any does.
"""


class Newest(NamedTuple):
    """The trade of a subject that was stored last: its id, the venue's time in ns, whether it is marked late, its seq.

    A late one says nothing of how new the others are.
    """

    id: str
    time: int
    late: bool = False
    seq: str | None = None


class Jump(NamedTuple):
    """Ordering numbers of an instrument that did not come between two trades that did."""

    instrument: Instrument
    before: Mark
    after: Mark


_Last = tuple[int, int, str, bool]
"""The newest trade of an instrument: ordering number or -1, time, id, and whether it is an aggregate."""


class First(NamedTuple):
    """The first trade of an instrument that this process let in, beside what the stream held of it then.

    ``order`` is its ordering number, or of what came before it without being a trade; -1 where numbers don't count.
    ``named``: its id is its number. ``shared``: somebody else has surely received it, or all that came before it.
    """

    id: str
    order: int
    named: bool
    shared: bool


class Shown(NamedTuple):
    """A snapshot of an instrument: its oldest trade, and when it came (ns)."""

    oldest: Mark
    at: int


@dataclass(slots=True)
class Order:
    """Marks trades that come after a newer one of their instrument; the newest of each is remembered.

    Newer means a later venue time, and where ordering numbers are consecutive a higher one, as long as both trades have
    one, of the same series (:data:`SERIES`). An aggregate of fills that have come is left out: it would count them
    twice.

    Attributes:
        jumps: consecutive numbers that are missing, until somebody takes them from here.
    """

    consecutive: bool
    jumps: list[Jump] = field(default_factory=list)
    _newest: dict[str, _Last] = field(default_factory=dict)

    def mark(self, trades: Iterable[Trade]) -> list[Trade]:
        """Return the trades to publish, those marked ``late`` that a newer one of their instrument has preceded."""
        marked: list[Trade] = []
        for trade in trades:
            order = number(trade.seq) if self.consecutive else -1
            name = trade.instrument.name
            last = self._newest.get(name)
            # Written out rather than in calls: this is the path of each trade, and most follow the one before.
            if last is not None and not (
                (order == last[0] + 1 if order >= 0 else last[0] < 0)
                and trade.time >= last[1]
                and trade.aggregate is None
                and not last[3]
            ):
                is_aggregate = trade.aggregate is not None
                same = last[3] == is_aggregate  # else the numbers count different things
                if not same and is_aggregate and _is_counted(trade, last):
                    continue
                if is_older(order if same else -1, trade.time, last[0], last[1]):
                    marked.append(trade if trade.late else trade._replace(late=True))
                    continue
                if same and order > last[0] + 1 > 0:
                    self.jumps.append(Jump(trade.instrument, _mark(last), Mark(trade.id, trade.time, trade.seq)))
            self._newest[name] = (order, trade.time, trade.id, trade.aggregate is not None)
            marked.append(trade)
        return marked

    def skip(self, name: str, seq: str) -> None:
        """The venue has used up an ordering number without a trade."""
        last = self._newest.get(name)
        if last is not None and number(seq) == last[0] + 1 > 0:
            self._newest[name] = (last[0] + 1, *last[1:])

    def resume(self, name: str, stored: Newest) -> None:
        """The stream holds this trade, by whomever: what comes next continues from there, unless this is newer."""
        last = self._newest.get(name)
        is_aggregate = stored.id.startswith("agg:")
        if last is not None and last[3] != is_aggregate:
            return
        order = number(stored.seq) if self.consecutive else -1
        if last is None or is_older(last[0], last[1], order, stored.time):
            self._newest[name] = (order, stored.time, stored.id, is_aggregate)

    def newest(self, name: str) -> Mark | None:
        """The newest trade of an instrument; null before the first."""
        last = self._newest.get(name)
        return None if last is None else _mark(last)

    def last_ids(self) -> dict[str, str]:
        """The id of the newest trade of each instrument."""
        return {name: last[2] for name, last in self._newest.items()}


def _is_counted(trade: Trade, last: _Last) -> bool:
    """Whether an aggregate joins fills that have come; those of a new series have low numbers again, but later."""
    assert trade.aggregate is not None, "checked by those who call"
    return int(trade.aggregate.first_id) <= last[0] and trade.time - last[1] <= SERIES


def _mark(last: _Last) -> Mark:
    return Mark(last[2], last[1], str(last[0]) if last[0] >= 0 else None)


def number(seq: str | None) -> int:
    """Return an ordering number.

    One that is none gives -1, which proves nothing of any other: a stream may hold what somebody else has put there.
    """
    return int(seq) if seq is not None and seq.isdecimal() else -1


def is_older(mine: int, at: int, other: int, other_at: int) -> bool:
    """Whether a trade (number or -1, time) is older than another, by numbers, or by times.

    Times decide where one has no number, or where they are of two series.
    """
    return mine < other if min(mine, other) >= 0 and abs(at - other_at) <= SERIES else at < other_at


def is_overtaken(trade: Trade, newest: Newest) -> bool:
    """Whether the stored trade is newer: by their ordering numbers where both count the same, else by time."""
    same = (trade.aggregate is not None) == newest.id.startswith("agg:")
    return is_older(number(trade.seq) if same else -1, trade.time, number(newest.seq), newest.time)


@dataclass(slots=True)
class Joining:
    """The trades of one instrument on a connection that starts or comes back, until they may be published.

    A pod that lags must not be overtaken: were this connection's 202 stored before the other's 201, the stream would
    be out of order for ever. So the first trade waits until the stream holds its predecessor. Once it does, all that
    follows on this connection is in order, whoever else publishes the same.

    Attributes:
        instrument: whose trades.
        since: when the first of them was held (monotonic ns).
        trades: held, in the venue's order.
        first: the first ordering number that the connection saw, also one that was no trade; null before.
        replayed: how many of the trades, from the first on, are of a snapshot.
        known: none of the others can have been stored before that time (ns).
    """

    instrument: Instrument
    since: int | None = None
    trades: list[Trade] = field(default_factory=list)
    first: str | None = None
    replayed: int = 0
    known: int = 0

    def add(self, trades: Sequence[Trade], *, replayed: bool, now: int, known: int) -> None:
        """Hold these trades, ``replayed`` ones before live ones: a snapshot holds all that came before it."""
        if self.since is None:
            self.since, self.known = now, known
        if replayed:
            self.trades[self.replayed : self.replayed] = trades
            self.replayed += len(trades)
        else:
            self.trades.extend(trades)
        if self.first is None and trades:
            self.first = trades[0].seq


def may_join(joining: Joining, newest: Newest | None, *, consecutive: bool) -> bool:
    """Whether the stream is known to hold all that came before the first held trade.

    With consecutive numbers: it holds the predecessor, or something newer. Without, or of a trade that came without its
    number: it holds one of the held trades, so that whoever stored that is past the first; or one that is newer by more
    than times may be out of order; or a snapshot reaches back beyond the newest stored trade. Its first row's time
    alone does not tell, if it is the same: it may be one of several fills of one order, and the snapshot may begin
    after some of them.
    """
    if not joining.trades:
        return True
    if newest is None:
        return False
    if consecutive and number(joining.first or joining.trades[0].seq) >= 0:
        return _covers(newest, joining)
    first = joining.trades[0]
    behind = 0 if joining.replayed else DISORDER
    return first.time + behind < newest.time or any(trade.id == newest.id for trade in joining.trades)


def first_of(joining: Joining, newest: Newest | None, *, consecutive: bool) -> First:
    """Return the first of the held trades; ``newest`` is what the stream held of others, null where that isn't known.

    A stored trade of a later time was received by another process, which was connected when this one's first came.
    """
    trade = joining.trades[0]
    order = number(joining.first or trade.seq) if consecutive else -1
    shared = newest is not None and (
        may_join(joining, newest, consecutive=consecutive)
        or (order < 0 and (newest.time > trade.time or any(each.id == newest.id for each in joining.trades)))
    )
    return First(trade.id, order, trade.id.removeprefix("agg:") == trade.seq, shared)


def _covers(newest: Newest, joining: Joining) -> bool:
    first = joining.trades[0]
    stored_aggregate, is_aggregate = newest.id.startswith("agg:"), first.aggregate is not None
    if stored_aggregate == is_aggregate:
        return _reaches(newest, number(joining.first or first.seq), first.time)
    if first.aggregate is not None:
        return _reaches(newest, int(first.aggregate.first_id), first.time)
    return newest.time >= first.time  # fills after aggregates: their ids cannot be compared


def _reaches(newest: Newest, first: int, at: int) -> bool:
    """Whether the stored trade is the predecessor, however old, or a newer one: not one of an earlier series."""
    before = number(newest.seq) - (first - 1)
    return before == 0 or (before > 0 and newest.time >= at - SERIES)


class Split(NamedTuple):
    """Rows of a snapshot by what must happen to them."""

    expired: Sequence[Trade]
    """Older than anything the stream may still hold: whether they were stored can't be known."""
    doubtful: Sequence[Trade]
    """Not newer than the newest stored trade: published only if their id is not stored."""
    new: Sequence[Trade]


def split(trades: Sequence[Trade], newest: Newest | None, horizon: int) -> Split:
    """Split a snapshot's rows; ``horizon`` is the age limit of the stream as a time in ns."""
    expired: list[Trade] = []
    doubtful: list[Trade] = []
    new: list[Trade] = []
    for trade in trades:
        if trade.time < horizon:
            expired.append(trade)
        elif newest is not None and (newest.late or trade.time <= newest.time):
            doubtful.append(trade)
        else:
            new.append(trade)
    return Split(expired, doubtful, new)


def unstored(rows: Split, stored: Mapping[str, int]) -> list[Trade]:
    """Return the rows to publish: the doubtful ones that are not stored, then the new ones.

    ``stored`` maps the message ids that the stream holds to the venue's times. A row older than one of these is late;
    of rows with the same time, one that stands before a stored one is older.
    """
    newest = max(stored.values(), default=0)
    missing: list[Trade] = []
    overtaken = False
    for trade in reversed(rows.doubtful):
        if trade.message_id in stored:
            overtaken = True
        else:
            missing.append(trade._replace(late=True) if overtaken or trade.time < newest else trade)
    return [*reversed(missing), *rows.new]


def without_stored_fills(trades: Sequence[Trade], newest: Newest | None) -> list[Trade]:
    """Drop aggregates of whose range a fill is stored: they would count it twice."""
    if newest is None or newest.id.startswith("agg:"):
        return list(trades)
    return [
        trade
        for trade in trades
        if trade.aggregate is None
        or int(trade.aggregate.first_id) > number(newest.seq)
        or trade.time > newest.time + SERIES
    ]


def share_out(names: Sequence[str], limits: Limits, channel: Channel) -> list[tuple[str, ...]]:
    """Spread instruments over the fewest connections that the venue's limits allow, evenly.

    Neighbours in the list go to different connections, so that the busiest, which venues list first, don't share one.
    """
    count = -(-len(names) // limits.symbols_per_connection)
    while True:
        shares = [tuple(names[start::count]) for start in range(count)]
        most = limits.argument_bytes
        if most is None or count >= len(names) or all(_bytes(share, channel) <= most for share in shares):
            return shares
        count += 1


def room_for(names: Sequence[str], present: Sequence[str], limits: Limits, channel: Channel) -> int:
    """Return how many of the names, from the first on, fit on a connection that has these."""
    room = max(0, min(len(names), limits.symbols_per_connection - len(present)))
    if limits.argument_bytes is None:
        return room
    left = limits.argument_bytes - _bytes(present, channel)
    sizes = accumulate(_bytes([name], channel) for name in names[:room])
    return sum(1 for size in sizes if size <= left)


def _bytes(names: Iterable[str], channel: Channel) -> int:
    """The text of the arguments, with the quotes and the comma of each."""
    frame = len(channel.argument.format("")) + 3
    return sum(len(name.encode()) + frame for name in names)
