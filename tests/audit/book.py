"""The trades that a venue produced, as the stream must hold them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.audit.derive import Instrument, Universe

Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Trade:
    """One trade as its message must read.

    ``serial`` is its place in what the venue produced (per market), ``latest`` that of the last trade equal to it in
    all that the venue sends, ``sent`` the venue's send times that its message may name (None: not known here). ``owed``
    says that it was sent to a connected client; ``stored`` becomes the stream sequence of the message that carries it.
    ``row`` counts the instrument's lines in the ledger, fills and aggregates apart, ``reached`` says whether it was
    written to any client, and ``withheld`` is the fault that kept it from them (``omitted``, ``damaged``, ``silent``).
    """

    instrument: Instrument
    id: str
    seq: str | None
    price: str
    quantity: str
    side: str
    time: int
    serial: int
    latest: int
    owed: bool
    kind: str | None = None
    aggregate: tuple[str, str] | None = None
    extra: dict[str, str] = field(default_factory=dict)
    sent: frozenset[int] | None = None
    row: int = -1
    withheld: str | None = None
    reached: bool = True
    stored: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """A trade in the venue's own words: ``price`` and ``size`` are wire texts before any scaling, ``time`` is in ns.

    ``seq`` is the venue's ordering number, null where it publishes none.
    """

    id: str | None
    seq: str | None
    price: str
    size: str
    side: str
    time: int
    serial: int
    owed: bool
    kind: str | None = None
    aggregate: tuple[str, str] | None = None
    sent: frozenset[int] | None = None
    row: int = -1
    withheld: str | None = None
    reached: bool = True


class Book:
    """All trades of all instruments, by the id that their messages must carry."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.trades: dict[Key, dict[str, Trade]] = {}
        self._equal: dict[Key, dict[str, list[Trade]]] = {}

    def add(self, key: Key, raw: Raw) -> Trade | None:
        """Enter a trade; None when its instrument is not to be collected at all (unknown, or its name is refused)."""
        instrument = self.universe.instruments.get(key)
        if instrument is None:
            return None
        price, quantity = instrument.price(raw.price), instrument.quantity(raw.size)
        if raw.id is None:
            stem = f"{raw.time}-{raw.side[0].upper()}-{price}-{quantity}"
            equal = self._equal.setdefault(key, {}).setdefault(stem, [])
            identity = f"{stem}-{len(equal)}"
        else:
            equal = []
            identity = f"agg:{raw.id.removeprefix('agg:')}" if raw.aggregate else raw.id
        trade = Trade(
            instrument=instrument,
            id=identity,
            seq=raw.seq,
            price=price,
            quantity=quantity,
            side=raw.side,
            time=raw.time,
            serial=raw.serial,
            latest=raw.serial,
            owed=raw.owed,
            kind=raw.kind,
            aggregate=raw.aggregate,
            extra=instrument.extra(raw.size),
            sent=raw.sent,
            row=raw.row,
            withheld=raw.withheld,
            reached=raw.reached,
        )
        equal.append(trade)
        self.trades.setdefault(key, {}).setdefault(identity, trade)
        return trade

    def close(self) -> None:
        """Settle what only the whole can tell: equal rows, and where aggregates stand among their fills.

        An aggregate is as new as its last fill, and owes nothing where a fill of its range is owed.
        """
        for stems in self._equal.values():
            for equal in stems.values():
                _in_order_of_telling(equal)
        for trades in self.trades.values():
            for trade in trades.values():
                if trade.aggregate is None:
                    continue
                fills = list(fills_of(trade, trades))
                trade.owed = trade.owed and not any(fill.owed for fill in fills)
                if fills:
                    trade.serial = trade.latest = fills[-1].serial

    def __iter__(self) -> Iterator[Trade]:
        for trades in self.trades.values():
            yield from trades.values()


def _in_order_of_telling(equal: Sequence[Trade]) -> None:
    """Give the first ids to those of equal rows that clients were told: who saw one of two can't say which."""
    latest = equal[-1].serial
    told = sorted(equal, key=lambda trade: (not trade.owed, trade.withheld is not None))
    fates = [(trade.owed, trade.withheld, trade.reached, trade.sent, trade.row) for trade in told]
    for trade, fate in zip(equal, fates, strict=True):
        trade.owed, trade.withheld, trade.reached, trade.sent, trade.row = fate
        trade.latest = latest


def fills_of(aggregate: Trade, trades: dict[str, Trade]) -> Iterator[Trade]:
    """Yield the fills that an aggregate joins, as far as they are known, in order."""
    if aggregate.aggregate is None:
        return
    first, last = (int(number) for number in aggregate.aggregate)
    if last - first > len(trades):
        numbers = sorted(int(n) for n in trades if n.isdecimal() and first <= int(n) <= last)
        yield from (trades[str(n)] for n in numbers)
        return
    for number in range(first, last + 1):
        if (fill := trades.get(str(number))) is not None:
            yield fill
