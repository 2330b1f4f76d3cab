"""Watching one market: four connections, some REST requests, and what came of them."""

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

from metdc_collector.access import within_limits
from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import (
    Channel,
    Command,
    Conversation,
    Endpoints,
    InvalidReply,
    Listing,
    Parsed,
    Rhythm,
    Venue,
)
from metdc_collector.exchanges.history import Span
from metdc_collector.exchanges.manners import Headers
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.session.connection import Connection, FrameCounts, Plan
from metdc_collector.tasks import end
from metdc_collector.universe import Selection, nothing_to_collect, select
from metdc_collector.verify.assumed import ASSUMED, Assumed
from metdc_collector.verify.checks import Result, Seen, judge
from metdc_collector.verify.heard import Heard, row_of
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
BUSY = ("BTC", "ETH", "XRP")
"""Coins that trade all the time on each of the venues."""
_UNKNOWN = "NOSUCHCOIN"
_FOR_EVER = 1e9
_SECOND = 1_000_000_000
# After the newest REST rows were asked for, what they tell has so long to come on the sockets too.
_SETTLE = 2.5


@dataclass(frozen=True, slots=True)
class Order:
    """What to watch.

    Attributes:
        rhythm: the venue's, or one with its timers divided, for a simulator that divides its own.
        include: what to subscribe to, as :class:`Selection` takes it; a few busy instruments and a quiet one without.
        seconds: for how long, once all connections are open.
    """

    venue: Venue
    endpoints: Endpoints
    rhythm: Rhythm
    tls: ssl.SSLContext | None
    include: Sequence[str]
    share: Fraction
    seconds: float

    @property
    def key(self) -> str:
        """``binance.spot``."""
        return f"{self.venue.exchange}.{self.venue.market}"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A sink that is told when a connection opens; trades are overheard on their way."""

    heard: Heard
    now: Callable[[], int]

    @property
    def full(self) -> bool:
        """Never: there is nothing to wait for."""
        return False

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None:
        """Note when."""
        self.heard.opened = self.now()

    def cover(self, connection: int, names: Collection[str]) -> None:
        """Do nothing."""

    def drop(self, names: Collection[str]) -> None:
        """Do nothing."""

    def leave(self, connection: int, proof: int) -> None:
        """Do nothing."""

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
        """Do nothing."""

    def unread(self, names: Collection[str], since: int) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Overheard:
    """A conversation that is written down."""

    talk: Conversation
    heard: Heard

    def path(self) -> str:
        return self.talk.path()

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        self.heard.ask(names, now)
        return self.talk.subscribe(names, now)

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        return self.talk.unsubscribe(names, now)

    def heartbeat(self, now: int) -> str:
        self.heard.beat(now)
        return self.talk.heartbeat(now)

    def receive(self, frame: bytes, received: int) -> Parsed:
        parsed = self.talk.receive(frame, received)
        self.heard.take(frame, parsed, received)
        return parsed


class _Watched:
    """A venue whose conversations, limit headers and refusals are written down; in all else it is the venue."""

    def __init__(self, venue: Venue, seen: Seen, heard: Heard | None = None) -> None:
        self._venue, self._seen, self._heard = venue, seen, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> Conversation:
        """Start a conversation that is overheard."""
        assert self._heard is not None, "only the venue of REST has none"
        return _Overheard(self._venue.converse(instruments, channel), self._heard)

    def left(self, headers: Headers) -> int | None:
        """Note whether a reply tells it."""
        left = self._venue.left(headers)
        self._seen.replies += 1
        self._seen.without_header += left is None
        return left

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """Note a refusal."""
        self._seen.stops.append(status)
        return self._venue.pause(status, headers, body, now)


@dataclass(slots=True)
class Watch:
    """One market being watched: first :meth:`read_list`, then :meth:`run`; what fails is told in the results."""

    order: Order
    clock: Clock
    seen: Seen = field(init=False)
    assumed: Assumed = field(init=False)
    _connects: Budget = field(init=False)
    _rest: Rest = field(init=False)
    _names: list[str] = field(default_factory=list)
    _instruments: dict[str, Instrument] = field(default_factory=dict)
    _running: "list[asyncio.Task[None]]" = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        order = self.order
        self.seen = Seen(order.rhythm)
        self.assumed = ASSUMED[order.venue.exchange, order.venue.market]
        venue = cast("Venue", _Watched(order.venue, self.seen))
        self._connects, self._rest = within_limits(
            venue, order.endpoints, share=order.share, clock=self.clock, tls=order.tls
        )

    async def read_list(self) -> None:
        """Read the instrument list, and choose what to subscribe to."""
        try:
            listing = await self._rest.listing(self.order.venue)
        except (RestError, InvalidReply) as error:
            self.seen.problems.append(str(error))
            return
        self._read(listing)
        self._names = self._chosen(listing)

    async def run(self, stop: asyncio.Event) -> list[Result]:
        """Watch until the time is over, or ``stop`` is set."""
        over = asyncio.create_task(stop.wait())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({over, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
        finally:
            self.seen.until = self.clock.now()
            await end([over, watching, *self._running])
            self._rest.close()
        return judge(self.assumed, self.seen)

    async def _watch(self) -> None:
        if self._names:
            await self._open()
            log.info("%s: %d instruments are watched", self.order.key, len(self._names))
            await asyncio.sleep(self.order.seconds)
            await self._newest()
            await asyncio.sleep(_SETTLE)

    def _read(self, listing: Listing) -> None:
        instruments = listing.instruments.values()
        self.seen.trading = sum(one.status == "trading" for one in instruments)
        # An instrument whose subject another one holds could be read.
        self.seen.damaged = [f"{name}: {why}" for name, why in listing.refused if " holds the subject " not in why]

    def _chosen(self, listing: Listing) -> list[str]:
        venue, include = self.order.venue, self.order.include
        wanted = select(listing, Selection(venue.default_quotes, include or BUSY))
        names = list(wanted.wanted)
        self._instruments = dict(wanted.wanted)
        if not names:
            self.seen.problems.append(nothing_to_collect(wanted))
        elif not include:
            every = select(listing, Selection(venue.default_quotes)).wanted
            quiet = list(every)[-1]
            self._instruments[quiet] = every[quiet]
            names = list(self._instruments)
        return names

    # -- connections

    async def _open(self) -> None:
        """Open the two that are compared, the stranger's and the mute one, one after the other."""
        seen, names = self.seen, self._names
        patient = replace(self.order.rhythm, silence=_FOR_EVER, acknowledge=_FOR_EVER)
        for _ in range(2):
            seen.connections.append(self._heard())
            await self._start(seen.connections[-1], names, patient)
        seen.stranger_name = self._stranger()
        if seen.stranger_name:
            seen.stranger = self._heard()
            await self._start(seen.stranger, [seen.stranger_name], patient)
        if self.assumed.cut is not None:
            seen.mute = self._heard()
            subscribed = names[-1:] if self.assumed.cut.subscribed else []
            await self._start(seen.mute, subscribed, replace(patient, heartbeat=None))

    def _heard(self) -> Heard:
        return Heard(digit=self.assumed.digit, consecutive=self.order.venue.channels[0].consecutive)

    def _stranger(self) -> str:
        """Make up a name as the venue forms them, and an instrument that bears it."""
        for name, instrument in list(self._instruments.items()):
            made = name.replace(instrument.base, _UNKNOWN)
            if made != name:
                self._instruments[made] = replace(instrument, name=made, base=_UNKNOWN)
                return made
        return ""

    async def _start(self, heard: Heard, names: Sequence[str], rhythm: Rhythm) -> None:
        """Open a connection, and wait until all that it asks for is answered, or for as long as that may take."""
        order = self.order
        plan = Plan(
            venue=cast("Venue", _Watched(order.venue, self.seen, heard)),
            channel=order.venue.channels[0],
            address=order.endpoints.web_socket,
            rhythm=rhythm,
            instruments=self._instruments,
            sink=_Opened(heard, self.clock.now),
            clock=self.clock,
            counts=FrameCounts(),
            rest=self._rest,
            tls=order.tls,
            refused=lambda _: None,
        )
        await asyncio.sleep(self._connects.take())
        connection = Connection(plan, next(self._numbers), list(names))
        keeping = asyncio.create_task(self._keep(connection, heard))
        self._running.append(keeping)
        if names:
            answered = asyncio.create_task(connection.answered.wait())
            try:
                await asyncio.wait(
                    {keeping, answered},
                    timeout=order.rhythm.acknowledge,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                answered.cancel()

    async def _keep(self, connection: Connection, heard: Heard) -> None:
        outcome = await connection.run()
        heard.ended, heard.code = outcome.reason, outcome.code
        if heard.opened is not None:
            heard.lasted = (self.clock.now() - heard.opened) / _SECOND
        log.info("%s: a connection ended: %s", self.order.key, outcome.reason)

    # -- REST

    async def _newest(self) -> None:
        """Ask for the newest trades of each instrument, where the venue's history can be read."""
        if not self.order.venue.sources:
            return
        source = self.order.venue.sources[0]
        for name in self._names:
            instrument, now = self._instruments[name], self.clock.now()
            request = source.request(Span(instrument, None, None, now - int(self.order.seconds * _SECOND), now))
            if request is None or source.keyed:
                continue
            try:
                page = source.read(await self._rest.get(request), instrument, self.clock.now())
            except (RestError, InvalidReply) as error:
                self.seen.problems.append(str(error))
                continue
            self.seen.rest_damaged += page.damaged
            self.seen.asked_at[name] = now
            self.seen.rest[name] = {trade.id: row_of(trade) for trade in page.trades}
