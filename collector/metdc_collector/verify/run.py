"""Watching one market: four connections, some REST requests, and what came of them."""

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
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
        seconds: for how long, once the first connection has been subscribed.
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

    def leave(self, connection: int) -> None:
        """Do nothing."""

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
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

    def __init__(self, venue: Venue, assumed: Assumed, seen: Seen, heard: Heard | None = None) -> None:
        self._venue, self._assumed, self._seen, self._heard = venue, assumed, seen, heard

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
    """One market being watched; :meth:`run` returns what was found."""

    order: Order
    clock: Clock
    seen: Seen = field(init=False)
    assumed: Assumed = field(init=False)
    _instruments: dict[str, Instrument] = field(default_factory=dict)
    _running: "list[asyncio.Task[None]]" = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.seen = Seen(self.order.rhythm)
        self.assumed = ASSUMED[self.order.venue.exchange, self.order.venue.market]

    async def run(self, stop: asyncio.Event) -> list[Result]:
        """Watch until the time is over, or ``stop`` is set; whatever fails is told in the results."""
        connects, rest = self._access()
        try:
            await self._watch(connects, rest, stop)
        except (RestError, InvalidReply) as error:
            self.seen.problems.append(str(error))
        finally:
            self.seen.until = self.clock.now()
            await end(self._running)
            rest.close()
        return judge(self.assumed, self.seen)

    def _access(self) -> tuple[Budget, Rest]:
        order = self.order
        venue = cast("Venue", _Watched(order.venue, self.assumed, self.seen))
        return within_limits(venue, order.endpoints, share=order.share, clock=self.clock, tls=order.tls)

    async def _watch(self, connects: Budget, rest: Rest, stop: asyncio.Event) -> None:
        listing = await rest.listing(self.order.venue)
        self._read(listing)
        names = self._chosen(listing)
        if not names:
            return
        await self._open(names, connects, rest)
        over = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({over}, timeout=self.order.seconds)
            if not stop.is_set():
                await self._newest(names, rest)
                await asyncio.wait({over}, timeout=_SETTLE)
        finally:
            await end([over])

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

    async def _open(self, names: Sequence[str], connects: Budget, rest: Rest) -> None:
        """Open the two that are compared, the stranger's and the mute one, one after the other."""
        seen, rhythm = self.seen, self.order.rhythm
        patient = replace(rhythm, silence=_FOR_EVER, acknowledge=_FOR_EVER)
        for _ in range(2):
            heard = self._heard()
            seen.connections.append(heard)
            await self._start(heard, names, patient, connects, rest)
        seen.stranger_name = self._stranger()
        if seen.stranger_name:
            seen.stranger = self._heard()
            await self._start(seen.stranger, [seen.stranger_name], patient, connects, rest)
        if self.assumed.cut is not None:
            seen.mute = self._heard()
            subscribed = list(names[-1:]) if self.assumed.cut.subscribed else []
            await self._start(seen.mute, subscribed, replace(patient, heartbeat=None), connects, rest)

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

    async def _start(self, heard: Heard, names: Sequence[str], rhythm: Rhythm, connects: Budget, rest: Rest) -> None:
        order = self.order
        plan = Plan(
            venue=cast("Venue", _Watched(order.venue, self.assumed, self.seen, heard)),
            channel=order.venue.channels[0],
            address=order.endpoints.web_socket,
            rhythm=rhythm,
            instruments=self._instruments,
            sink=_Opened(heard, self.clock.now),
            clock=self.clock,
            counts=FrameCounts(),
            rest=rest,
            tls=order.tls,
            refused=lambda _: None,
        )
        await asyncio.sleep(connects.take())
        connection = Connection(plan, next(self._numbers), list(names))
        self._running.append(asyncio.create_task(self._keep(connection, heard)))

    async def _keep(self, connection: Connection, heard: Heard) -> None:
        outcome = await connection.run()
        heard.ended, heard.code = outcome.reason, outcome.code
        if heard.opened is not None:
            heard.lasted = (self.clock.now() - heard.opened) / _SECOND
        log.info("%s: a connection ended: %s", self.order.key, outcome.reason)

    # -- REST

    async def _newest(self, names: Sequence[str], rest: Rest) -> None:
        """Ask for the newest trades of each instrument, where the venue's history can be read."""
        if not self.order.venue.sources:
            return
        source = self.order.venue.sources[0]
        for name in names:
            instrument, now = self._instruments[name], self.clock.now()
            request = source.request(Span(instrument, None, None, now - int(self.order.seconds * _SECOND), now))
            if request is None or source.keyed:
                continue
            try:
                page = source.read(await rest.get(request), instrument, self.clock.now())
            except (RestError, InvalidReply) as error:
                self.seen.problems.append(str(error))
                continue
            self.seen.rest_damaged += page.damaged
            self.seen.asked_at[name] = now
            self.seen.rest[name] = {trade.id: row_of(trade) for trade in page.trades}
