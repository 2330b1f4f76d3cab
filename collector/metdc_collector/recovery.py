"""One market's holes: noticed by the path to the stream, closed over REST, told in the ledger, proven to other pods."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from metdc_collector.backfill.engine import Backfill
from metdc_collector.backfill.holes import Hole
from metdc_collector.backfill.ledger import Ledger
from metdc_collector.backfill.proof import Kept, Proof, decode, encode, encode_names
from metdc_collector.backfill.sampler import Sampler
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import number
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.history import Mark
from metdc_collector.fleet import Fleet
from metdc_collector.overflow import Overflow, overflow_of, unstored_since
from metdc_collector.proofs import Proofs
from metdc_collector.publisher.gate import Gate
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.rest import Rest
from metdc_collector.settings import Settings
from metdc_collector.spool.folder import Left
from metdc_collector.tasks import beside, kept
from metdc_collector.wire import gap as gaps
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.report import Gaps
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_TICK = 0.1
_PROOF = 1.0
_NS = 1_000_000_000
# A record that was left open for longer, nobody was there to close.
_LOOKED_BACK = 8 * 86_400 * _NS
_CHUNK = 500
# Records older than the stream's trades can't be compared with anything; without an age limit, a day.
_DAY = 86_400 * _NS


@dataclass(slots=True, eq=False)
class Recovery:
    """The parts that look after holes, put together.

    Attributes:
        fleet: the connections; null before the first list.
        peers: whether another pod of the market is known to be alive.
    """

    settings: Settings
    gate: Gate
    publisher: Publisher
    rest: Rest
    clock: Clock
    timers: Timers
    fleet: Callable[[], Fleet | None]
    peers: Callable[[], bool]
    ledger: Ledger = field(init=False)
    backfill: Backfill = field(init=False)
    sampler: Sampler = field(init=False)
    overflow: Overflow | None = field(init=False)
    _proofs: Proofs = field(init=False)
    _kept: list[Kept] = field(default_factory=list)
    _lost: list[tuple[str, Mark, Mark, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._proofs = _proofs(self.settings, self.publisher, self.clock)
        self.overflow = overflow_of(self.settings, self.gate, self.clock, self.peers, self)
        self.ledger = Ledger(self.publisher.tell)
        self.backfill = Backfill(
            venue=self.settings.venue,
            rest=self.rest,
            stream=self.gate,
            ledger=self.ledger,
            clock=self.clock,
            timers=self.timers,
            instruments=self.instruments,
            consecutive=lambda: self.gate.order.consecutive,
            aggregates=self._aggregates,
            proofs=self._proofs.others,
            peers=self.peers,
            sampled=self._sampled,
            kept=lambda: self._kept,
            delivers=lambda: self.overflow is not None and self.overflow.spool.delivers_others,
            spooled=lambda: self.overflow is not None and self.overflow.spool.trades > 0,
            keyed=self.settings.key is not None,
        )
        self.sampler = Sampler(
            venue=self.settings.venue,
            rest=self.rest,
            stream=self.gate,
            clock=self.clock,
            timers=self.timers,
            share=self.settings.limit_share,
            instruments=self.instruments,
            consecutive=lambda: self.gate.order.consecutive,
            aggregates=self._aggregates,
            since=self.gate.coverage.since,
            first=self.gate.coverage.first,
            pending=self.backfill.looks_after,
            suspects=self._suspects,
            silent=self._silent,
        )

    @property
    def counts(self) -> Gaps:
        """Counts of gaps for the report."""
        return Gaps(open=self.backfill.looked_for, filled=self.ledger.filled, unfillable=self.ledger.unfillable)

    async def open(self) -> None:
        """Find what dead processes have left on disk: what is missing lies on either side of that."""
        if self.overflow is not None:
            spool = self.overflow.spool
            await spool.open()
            self._kept = [kept for left in spool.left if (kept := _kept(left)) is not None]

    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        """The spool has given up so many trades of an instrument, these and what was between them: a hole."""
        if self.fleet() is None:
            self._lost.append((instrument, first, last, count, run))  # whether it is collected isn't known yet
        elif (known := self.instruments().get(instrument)) is None:
            log.error("%d trades of %s, from %s to %s, are lost with the spool", count, instrument, first.id, last.id)
        else:
            self.backfill.dropped(known, first, last, run)

    def instruments(self) -> Mapping[str, Instrument]:
        """What is streamed, by native name."""
        fleet = self.fleet()
        return {} if fleet is None else fleet.instruments

    async def run(self) -> None:
        """Look after holes until cancelled."""
        helpers = (self.ledger.run, self._prove, self._take_over, self.sampler.run)
        async with contextlib.AsyncExitStack() as stack:
            for helper in helpers:
                await stack.enter_async_context(beside(kept(helper)))
            await self.backfill.run()

    def _aggregates(self) -> bool:
        fleet = self.fleet()
        return fleet is not None and fleet.channel.aggregates

    def _sampled(self, instrument: Instrument, asked: int, rows: Sequence[Trade]) -> None:
        self.sampler.note(instrument, asked, rows)

    def _suspects(self) -> list[str]:
        fleet = self.fleet()
        return [] if fleet is None else fleet.suspects()

    def _silent(self, name: str) -> None:
        """A subscription only seems to be: nothing is proven since the last trade that it brought."""
        now, since, newest = self.clock.now(), self.gate.coverage.since(name), self.gate.newest(name)
        if since is not None:
            start = since if newest is None else max(since, newest.time)
            self.gate.blind.append((Blind(name, start, now), newest))
            self.gate.coverage.lose(name, now)
        fleet = self.fleet()
        if fleet is not None:
            fleet.doubt(name)

    async def prove(self) -> None:
        """Tell other pods what this one has proven by now."""
        now, pod = self.clock.now(), self._proofs.pod
        unstored = unstored_since(self.publisher, self.overflow)
        proof = self.backfill.proof(pod, now if unstored is None else unstored)
        if proof is not None and self.publisher.usable:
            await self._proofs.put(proof)
        if self.overflow is None or (since := self.overflow.since) is None:
            return
        kept = self.backfill.proof(pod, now)
        if kept is not None:  # what only this disk has is proven to who finds it
            kept = replace(kept, since=max(kept.since, since))
            self.overflow.spool.prove(b"\n".join((encode_names(self._proofs.names(kept)), encode(kept))))

    async def proofs(self) -> Sequence[Proof]:
        """Return what other processes of the market have proven, as far as that can be read."""
        return await self._proofs.others() or ()

    async def _prove(self) -> None:
        while True:
            await asyncio.sleep(_PROOF)
            await self.prove()

    async def _take_over(self) -> None:
        """Learn what the stream holds, then go on with the holes that an earlier pod has left open."""
        primed = False
        while not primed:
            await asyncio.sleep(_TICK)
            primed = bool(self.instruments()) and await self.gate.prime(list(self.instruments().values()))
            while self._lost and self.instruments():
                self.lost(*self._lost.pop())
        await asyncio.sleep(self.timers.drain)  # what a pod that is leaving can still settle is its own
        venue = self.settings.venue
        records = None
        while records is None:
            await asyncio.sleep(_TICK)
            since = self.clock.now() - _LOOKED_BACK
            records = await self.publisher.told(f"gaps.{venue.exchange}.{venue.market}.>", since)
        elsewhere = await self._proofs.collected()
        for gap in gaps.newest([gap async for gap in _decoded(records)]):
            if gap.state == "open" and gap.identity not in self.ledger.open:
                self._go_on(gap, elsewhere)

    def _go_on(self, gap: gaps.Gap, elsewhere: frozenset[str] | None) -> None:
        """Go on with a hole that is left open; close the record of one that nobody can look for any more."""
        instrument, now = self.instruments().get(gap.instrument), self.clock.now()
        if instrument is not None and gap.at >= now - _DAY:
            self.ledger.open[gap.identity] = gap
            self.backfill.take_over(_hole(gap, instrument), gap.filled or 0)
        elif elsewhere is not None and gap.instrument not in elsewhere:
            why = "it is not collected any more" if instrument is None else "nobody has looked for it within a day"
            log.warning("gap %s is closed: %s", gap.identity, why)
            self.ledger.open[gap.identity] = gap
            self.ledger.settled(replace(gap, state="partial" if gap.filled else "unfillable", at=now))


def _kept(left: Left) -> Kept | None:
    """Return what a dead process has left; null where it has not said of which time."""
    proofs, _ = decode(left.proof.split(b"\n"))
    if not proofs:
        return None
    proof = proofs[0]
    return Kept(proof if left.torn is None else replace(proof, at=min(proof.at, left.torn)), left.newest)


def _proofs(settings: Settings, publisher: Publisher, clock: Clock) -> Proofs:
    stream = settings.stream
    return Proofs(
        publisher.link,
        settings.config,
        clock,
        exchange=settings.venue.exchange,
        replicas=stream.replicas,
        create=stream.management == "Ensure",
    )


async def _decoded(records: Iterable[bytes]) -> AsyncIterator[gaps.Gap]:
    """Yield the gap records, so that live trades have their turn; what is none is another publisher's."""
    for place, record in enumerate(records):
        if place % _CHUNK == 0:
            await asyncio.sleep(0)
        with contextlib.suppress(InvalidMessage):
            yield gaps.decode(record)


def _hole(gap: gaps.Gap, instrument: Instrument) -> Hole:
    low, high = _beside(gap.first_missing, -1), _beside(gap.last_missing, 1)
    before = None if gap.before is None else Mark(gap.before.id, gap.before.time, low)
    after = None if gap.after is None else Mark(gap.after.id, gap.after.time, high)
    return Hole(instrument, before, after, gap.start, gap.end, gap.cause, gap.at)


def _beside(missing: str | None, step: int) -> str | None:
    """Return the number beside a missing one; null where that is none, as another publisher's may be."""
    order = number(missing)
    return str(max(0, order + step)) if order >= 0 else None
