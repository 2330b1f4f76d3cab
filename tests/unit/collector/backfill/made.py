"""A venue, a path to the stream and an engine between them; time moves with the engine's turns."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from metdc_collector.backfill.engine import Backfill
from metdc_collector.backfill.ledger import Ledger
from metdc_collector.backfill.proof import Kept, Proof
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Jump, Order, Shown
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import Channel, Request, Venue
from metdc_collector.exchanges.history import Mark, Page, Span
from metdc_collector.rest import Rest, RestError
from metdc_collector.wire.gap import Gap, decode
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, HandClock, trade


def proven(pod: str, since: int, at: int, *, told: int | None = None) -> Proof:
    """What a process has proven of both instruments; it said so at once, unless ``told`` says when."""
    return Proof(pod, since, at, at if told is None else told, frozenset({"BTCUSDT", "ETHUSDT"}))


def mark(of: Trade) -> Mark:
    return Mark(of.id, of.time, of.seq)


@dataclass
class Venues:
    """A venue's trades, of which REST shows what is older than ``lag`` seconds; and REST itself."""

    hand: HandClock
    rows: list[Trade] = field(default_factory=list)
    lag: float = 0
    asked: list[str] = field(default_factory=list)
    errors: list[RestError] = field(default_factory=list)
    during: Any = None

    async def get(self, request: Request) -> bytes:
        self.asked.append(request.path)
        if self.during is not None:
            doing, self.during = self.during, None
            doing()
        if self.errors:
            raise self.errors.pop(0)
        return request.path.encode()

    def shown(self, name: str) -> list[Trade]:
        until = MOMENT + self.hand.time - round(self.lag * SECOND)
        return [replaced(row) for row in self.rows if row.instrument.name == name and row.time <= until]


def replaced(row: Trade) -> Trade:
    return row._replace(backfilled=True)


@dataclass
class Newest:
    """The newest rows."""

    venue: Venues
    most: int = 100
    name: str = "trades"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        return Request(f"newest {span.instrument.name}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        rows = [row for row in self.venue.shown(instrument.name) if (row.aggregate is not None) == self.aggregates]
        return Page(rows[-self.most :], full=len(rows) >= self.most)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        return None


@dataclass
class Numbered(Newest):
    """Rows from a number on, upwards."""

    name: str = "history"
    depth: float | None = 1e9

    def request(self, span: Span) -> Request | None:
        if span.before is None or span.before.seq is None:
            return None
        return Request(f"from {span.before.seq}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        first = int(body.decode().split()[1])
        rows = [row for row in self.venue.shown(instrument.name) if int(row.seq or 0) >= first][: self.most]
        return Page(rows, full=len(rows) >= self.most)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        return Request(f"from {int(page.trades[-1].seq or 0) + 1}") if page.full else None


@dataclass
class Path:
    """The path to the stream: what it holds, and the order in which it takes trades."""

    order: Order
    usable: bool = True
    full: bool = False
    primed: bool = True
    unreadable: bool = False
    stored: list[Trade] = field(default_factory=list)
    blinds: list[tuple[Blind, Mark | None]] = field(default_factory=list)
    before: dict[str, Mark] = field(default_factory=dict)
    dark: dict[str, int | None] = field(default_factory=dict)
    held: dict[str, Mark] = field(default_factory=dict)
    snapshots: dict[str, Shown] = field(default_factory=dict)
    published: list[tuple[Trade, int]] = field(default_factory=list)
    behind: int | None = None

    def news(self) -> tuple[Sequence[tuple[Blind, Mark | None]], Sequence[Jump]]:
        blinds, self.blinds = self.blinds, []
        jumps, self.order.jumps = self.order.jumps, []
        return blinds, jumps

    def newest(self, name: str) -> Mark | None:
        return self.order.newest(name)

    def heard(self, name: str) -> Mark | None:
        return self.held.get(name) or self.order.newest(name)

    def waits(self, name: str) -> bool:
        return name in self.held

    def waiting(self) -> Mapping[str, int]:
        return {name: mark.time for name, mark in self.held.items()}

    def shown(self, name: str) -> Shown | None:
        return self.snapshots.get(name)

    def stored_before(self, name: str) -> Mark | None:
        return self.before.get(name)

    def covered(self) -> frozenset[str]:
        return frozenset({"BTCUSDT", "ETHUSDT"})

    def uncovered(self) -> Mapping[str, int | None]:
        return self.dark

    async def prime(self, instruments: Sequence[Instrument]) -> bool:
        return self.primed

    async def settled(self) -> None:
        if self.usable:
            self.stored += [each for each, _ in self.published if each not in self.stored]

    async def held_of(self, instrument: Instrument, time: int) -> Mapping[str, int] | None:
        if not self.usable or self.unreadable:
            return None
        return {row.message_id: row.time for row in self.stored if row.instrument == instrument}

    async def restore(self, trades: Sequence[Trade], known: int, newest: int | None = None) -> None:
        self.behind = newest
        self.published += [(each, known) for each in self.order.mark(trades)]


class Rig:
    def __init__(self, *, consecutive: bool = True, **timers: float) -> None:
        self.hand = HandClock(100 * SECOND)
        self.rest = Venues(self.hand)
        self.sources: list[Newest] = [Newest(self.rest)]
        self.venue = SimpleNamespace(
            sources=self.sources, channels=(Channel("trade", consecutive=consecutive, snapshot=True),)
        )
        self.path = Path(Order(consecutive))
        self.told: list[Gap] = []
        self.ledger = Ledger(self._tell)
        self.instruments = {one.name: one for one in (BTC, ETH)}
        self.proofs: list[Proof] | None = []
        self.peers = self.aggregates = self.delivers = self.spooled = False
        self.kept: list[Kept] = []
        self.samples: list[tuple[Instrument, int, Sequence[Trade]]] = []
        self.engine = Backfill(
            venue=cast(Venue, self.venue),
            rest=cast(Rest, self.rest),
            stream=self.path,
            ledger=self.ledger,
            clock=Clock(wall=lambda: MOMENT + self.hand.time, monotonic=self.hand),
            timers=replace(Timers(), **timers),
            instruments=lambda: self.instruments,
            consecutive=lambda: self.path.order.consecutive,
            aggregates=lambda: self.aggregates,
            proofs=self._proofs,
            peers=lambda: self.peers,
            sampled=lambda *sample: self.samples.append(sample),
            kept=lambda: self.kept,
            delivers=lambda: self.delivers,
            spooled=lambda: self.spooled,
            sleep=self._sleep,
        )
        self.end = 0
        self.over = asyncio.Event()

    async def _tell(self, subject: str, data: bytes, identity: str) -> bool:
        self.told.append(decode(data))
        return True

    async def _proofs(self) -> list[Proof] | None:
        return self.proofs

    async def _sleep(self, seconds: float) -> None:
        """One turn of the engine: REST and the ledger keep up with it."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.ledger.flush()
        self.hand.time += round(seconds * SECOND)
        if self.hand.time >= self.end:
            self.over.set()

    def live(self, *trades: Trade) -> None:
        """These came over the socket, and are stored."""
        self.path.order.mark(trades)
        self.path.stored += trades

    def blind(self, start: float | None, end: float, name: str = "BTCUSDT") -> None:
        """Nobody listened from ``start`` to ``end``, in seconds."""
        first = None if start is None else MOMENT + round(start * SECOND)
        self.path.blinds.append((Blind(name, first, MOMENT + round(end * SECOND)), self.path.newest(name)))

    async def run(self, seconds: float) -> list[str]:
        """Let the engine work for so long; return the states that were told."""
        self.end, self.over = self.hand.time + round(seconds * SECOND), asyncio.Event()
        running = asyncio.create_task(self.engine.run())
        await self.over.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await self.ledger.flush()
        return [gap.state for gap in self.told]

    @property
    def ids(self) -> list[str]:
        return [each.id for each, _ in self.path.published]


def at(number: int, seconds: float) -> Trade:
    return trade(number, round(seconds * SECOND))


def unnumbered(number: int, seconds: float, of: Instrument = BTC) -> Trade:
    return trade(f"x-{number}", round(seconds * SECOND), of)


def jumped(rig: Rig) -> None:
    """Numbers 6 to 8 have not come."""
    rig.live(at(5, 99), at(9, 100))
    rig.rest.rows = [at(number, 99 + (number - 5) / 4) for number in range(3, 10)]


def only_kept(rig: Rig) -> list[str]:
    """Let the path keep the ids of what is restored, and return where; it publishes nothing."""
    ids: list[str] = []

    async def keep(trades: Sequence[Trade], known: int, newest: int | None = None) -> None:
        ids.extend(each.id for each in trades)

    rig.path.restore = keep  # type: ignore[method-assign]
    return ids
