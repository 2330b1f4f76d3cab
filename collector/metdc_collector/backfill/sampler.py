"""The venue's newest rows over REST beside the stream: what no number counts, and subscriptions that only seem to be.

Where numbers are consecutive a trade that was left out shows with the next one, so only instruments that are quiet are
looked at. Elsewhere each is looked at in turn, the busiest first, at least once an hour.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from metdc_collector.backfill.holes import MARGIN
from metdc_collector.backfill.stream import Stream
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidReply, Request, Venue
from metdc_collector.exchanges.history import Span
from metdc_collector.rest import Rest, RestError
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.report import Samples
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_NS = 1_000_000_000
_ROUND = 3600.0
# Of the REST budget: the rest is for lists, and for holes.
_PART = Fraction(1, 4)
# A trade is here, and stored, so long after REST can show it, whatever the clocks say (ns).
_ON_ITS_WAY = 2 * MARGIN
# Rows that wait for that time.
_MOST_YOUNG = 5_000


@dataclass(slots=True, eq=False)
class Sampler:
    """Compares one market's instruments with REST until cancelled.

    Attributes:
        share: the part of the venue's REST budget that this process may use.
        instruments: those that are streamed, by native name.
        since: since when (ns) an instrument is listened to without a break; null while it isn't.
        first: since when (ns) this process has listened to it, breaks included; null before.
        aggregates: whether the feed in use joins fills.
        pending: whether an instrument has a hole that is not settled.
        suspects: instruments of connections that were acknowledged and never sent a trade.
        silent: called with an instrument whose newer trades REST shows and the stream lacks.
    """

    venue: Venue
    rest: Rest
    stream: Stream
    clock: Clock
    timers: Timers
    share: Fraction
    instruments: Callable[[], Mapping[str, Instrument]]
    consecutive: Callable[[], bool]
    aggregates: Callable[[], bool]
    since: Callable[[str], int | None]
    first: Callable[[str], int | None]
    pending: Callable[[str], bool]
    suspects: Callable[[], Sequence[str]]
    silent: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    samples: Samples = field(default_factory=Samples)
    _looked: dict[str, int] = field(default_factory=dict)
    _round: list[str] = field(default_factory=list)
    _young: deque[tuple[int, Instrument, int | None, list[Trade]]] = field(default_factory=deque)
    _kept: int = 0

    async def run(self) -> None:
        """Sample one instrument after the other, until cancelled."""
        while True:
            await self.sleep(self.pause())
            if not self.stream.usable:
                continue
            try:
                await self.compare_young()
                instrument = self.choose()
                if instrument is not None:
                    await self.sample(instrument)
            except RestError as error:
                log.debug("sample: %s", error)
                await self.sleep(error.retry_after or 0.0)
            except Exception as error:  # whatever a reply brings on, the trades that flow must go on flowing
                log.warning("sample: unexpected %r", error)

    def pause(self) -> float:
        """For how long to wait before the next sample, in seconds."""
        names = self.instruments()
        if not names:
            return self.timers.sample
        request = self._request(next(iter(names.values())))
        if request is None:
            return self.timers.sample
        limit = self.venue.limits.rest_weight
        affordable = float(request.weight * Fraction(limit.seconds) / (limit.count * self.share * _PART))
        hourly = _ROUND / len(names)
        return min(hourly, max(self.timers.sample, affordable))

    def choose(self) -> Instrument | None:
        """Return whom to look at: a suspect, else the next of the round; null when there is nobody."""
        instruments, now = self.instruments(), self.clock.now()
        again = now - round(self.timers.silent_channel * _NS)
        for name in self.suspects():
            if self._looked.get(name, 0) < again and name in instruments:
                self._looked[name] = now
                return instruments[name]
        if not self._round:
            self._round = sorted(instruments, key=self._busy)  # the last is taken first
        while self._round:
            name = self._round.pop()
            since = self.since(name)
            looked_after = self.pending(name)  # its newest rows are for those who close the hole
            if name in instruments and since is not None and not looked_after and not self._counts_itself(name, now):
                self._looked[name] = now
                return instruments[name]
        return None

    async def sample(self, instrument: Instrument) -> None:
        """Compare an instrument's newest rows with the stream, and publish what it lacks.

        Raises:
            RestError: when REST gives no rows.
        """
        request, since, ours = self._request(instrument), self.since(instrument.name), self._ours(instrument.name)
        if request is None or since is None or ours is None or self.aggregates():
            return  # where aggregates are streamed, the fills that REST gives are stored in these
        asked = self.clock.now()
        body = await self.rest.get(request)
        try:
            page = self.venue.sources[0].read(body, instrument, self.clock.now())
        except InvalidReply as error:
            raise RestError(str(error)) from error
        # What is older was never ours, or is looked after as a hole; what is younger may be on its way here.
        rows = [trade for trade in page.trades if trade.time > ours]
        grown = [trade for trade in rows if trade.time < asked - _ON_ITS_WAY]
        self._keep(instrument, since, asked, [trade for trade in rows if trade.time >= asked - _ON_ITS_WAY])
        await self._compare(instrument, since, grown)

    def note(self, instrument: Instrument, asked: int, rows: Sequence[Trade]) -> None:
        """Keep rows that a reply asked for at a time (ns) shows by the way, to be compared as a sample."""
        since, ours = self.since(instrument.name), self._ours(instrument.name)
        if ours is not None:
            self._keep(instrument, since, asked, [trade for trade in rows if trade.time > ours])

    def _ours(self, name: str) -> int | None:
        """Since when (ns) rows that the stream lacks are ours to find; null while there are none.

        Where numbers count, a break shows as a hole of its own, and what has become of it is on record. Elsewhere what
        was left out before a break lies outside of the hole that the break makes, and nobody else looks for it.
        """
        return self.since(name) if self.consecutive() else self.first(name)

    def _keep(self, instrument: Instrument, since: int | None, asked: int, rows: list[Trade]) -> None:
        """Keep rows of which nobody can tell yet whether the stream lacks them, within bounds."""
        kept = rows[: max(0, _MOST_YOUNG - self._kept)]
        self._young.append((asked + _ON_ITS_WAY, instrument, since, kept))
        self._kept += len(kept)

    async def compare_young(self) -> None:
        """Compare the rows that were too young when they were told, and have grown."""
        await self._compare_while(lambda: self._young[0][0] <= self.clock.now())

    async def finish(self, end: int) -> None:
        """Compare all rows that wait, up to this time (ns): streaming has ended, and nothing is on its way."""
        await self._compare_while(lambda: self.clock.now() < end)

    async def _compare_while(self, wanted: Callable[[], bool]) -> None:
        for _ in range(len(self._young)):  # each once: what the stream can't be asked about is kept again
            if not self._young or not wanted():  # a farewell may have taken them meanwhile
                return
            _, instrument, since, rows = self._young.popleft()
            self._kept -= len(rows)
            await self._compare(instrument, since, rows)

    async def _compare(self, instrument: Instrument, since: int | None, rows: Sequence[Trade]) -> None:
        if not rows or self.aggregates():
            return  # where aggregates have taken over meanwhile, a fill would be there twice
        newest = self.stream.newest(instrument.name)
        await self.stream.settled()
        looked_at = self.clock.now()
        held = await self.stream.held_of(instrument, min(trade.time for trade in rows))
        if held is None or self.stream.waits(instrument.name):  # some of the rows may be among those that wait
            self._keep(instrument, since, looked_at, list(rows))
            return
        missing = [trade for trade in rows if trade.message_id not in held]
        self._count(len(rows), len(missing))
        if missing:
            name, first = instrument.name, missing[0].id
            log.warning("%s: %d trades, from %s on, did not come: they are taken from REST", name, len(missing), first)
            unheard = newest is None or all(trade.time > newest.time for trade in missing)
            # Else clocks that differ would explain it, or another connection has taken over.
            if since is not None and unheard and missing[-1].time > since + MARGIN and self.since(name) == since:
                self.silent(name)
            await self.stream.restore(missing, looked_at)

    def _count(self, checked: int, missing: int) -> None:
        before = self.samples
        self.samples = Samples(before.checked + checked, before.missing + missing, before.repaired + missing)

    def _request(self, instrument: Instrument) -> Request | None:
        now = self.clock.now()
        return self.venue.sources[0].request(Span(instrument, None, None, now, now)) if self.venue.sources else None

    def _busy(self, name: str) -> int:
        newest = self.stream.newest(name)
        return newest.time if newest is not None else 0

    def _counts_itself(self, name: str, now: int) -> bool:
        """Whether the next trade will tell by its number what was left out, and one may be expected soon."""
        newest = self.stream.newest(name)
        return self.consecutive() and newest is not None and now - newest.time < self.timers.silent_channel * _NS
