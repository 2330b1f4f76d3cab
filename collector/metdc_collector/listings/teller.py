"""What goes out: each event stored once, and the memory kept after it, so that no event is forgotten untold."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import nats.errors
import nats.js.errors
from nats.js.api import KeyValueConfig

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.upbit import SPOT
from metdc_collector.exchanges.upbit.notices import Notice
from metdc_collector.exchanges.upbit.starts import trade_start
from metdc_collector.listings.memory import BUCKET, KEY, decode, encode
from metdc_collector.listings.news import MARKET, PREFIX, Found, News
from metdc_collector.listings.orders import FRESH
from metdc_collector.publisher.bucket import Bucket, BucketFailed
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.link import Link, NatsSettings
from metdc_collector.publisher.streams import Streams, StreamUnavailable
from metdc_collector.wire import listing as listings
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.streams import EVENTS, events_stream, trades_stream

log = logging.getLogger(__name__)
_PUBLISH_TIMEOUT = 5.0
# The farewell of a process: with sockets and probes, far less than the grace that a pod is given.
_LAST_TIMEOUT = 5.0
_WRONG_SEQUENCE = 10071
_ONCE = {"Nats-Expected-Last-Subject-Sequence": "0"}
"""The stream takes an event only where its subject holds none: whoever restarts, or runs beside us, adds none."""
_FAILURES = (
    nats.errors.Error,
    nats.js.errors.Error,
    TimeoutError,
    OSError,
    BucketFailed,
    StreamUnavailable,
    LookFailed,
)


class Teller:
    """Learns what is known, and tells what is found.

    Attributes:
        link: the connection to NATS.
        published: events that the stream has taken anew.
        repeated: events that it held already.
        problem: why nothing can be stored, in words; null while it can.
    """

    def __init__(
        self,
        settings: NatsSettings,
        news: News,
        body: Callable[[Notice, int], Awaitable[str | None]],
        *,
        clock: Clock,
        timers: Timers,
        stored: Callable[[Listing], None] | None = None,
    ) -> None:
        """``body`` fetches that of a notice, null where it can't be had; a refused one it asks for until then (ns).

        ``stored`` is told what is stored.
        """
        self.link = Link(
            settings,
            name="metdc listings",
            timers=timers,
            acknowledge=lambda *_: None,
            up=self._up,
            down=lambda: None,
            keeps="listings",
        )
        self.published = self.repeated = 0
        self.problem: str | None = self.link.problem
        self._news = news
        self._body = body
        self._stored = stored
        self._clock = clock
        self._timers = timers
        self._bucket = Bucket(self.link, KeyValueConfig(bucket=BUCKET, history=1), create=True)
        self._outbox: deque[Found] = deque()
        self._bodies: dict[int, str | None] = {}
        self._learnt = self._ending = False
        self._wake = asyncio.Event()

    @property
    def untold(self) -> int:
        """How many events wait to be stored."""
        return len(self._outbox)

    def take(self, found: Sequence[Found]) -> None:
        """Tell these, and keep what has become known."""
        for one in found:
            event = one.listing
            log.info(
                "%s is listed in %s: %s",
                event.base,
                event.quote,
                event.title or "it is in the market list",
                extra={"notice": event.notice, "announced": event.announced, "first_seen": event.first_seen},
            )
        self._outbox.extend(found)
        if self._outbox or self._news.changed:
            self._wake.set()

    async def learn(self) -> None:
        """Read the memory, and what was told; without them nobody knows what is new, so NATS is waited for."""
        while not self._learnt:
            try:
                await self._learn()
            except _FAILURES as error:
                self._say(_words(error))
                await self._woken(self._timers.nats_reconnect)
            else:
                self._learnt = True
                self._say(None)

    async def run(self) -> None:
        """Tell whatever waits, and what has waited too long for a notice, until cancelled."""
        while True:
            await self._woken(self._timers.listings)
            self.take(self._news.overdue(self._clock.now()))
            try:
                await self._deliver()
            except _FAILURES as error:
                self._say(_words(error))
                await asyncio.sleep(self._timers.nats_reconnect)
                self._wake.set()
            else:
                self._say(None)

    async def end(self) -> bool:
        """Tell what is left, if NATS takes it soon; return whether all is stored."""
        self._ending = True
        if self._learnt:
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(_LAST_TIMEOUT):
                    await self._deliver()
        if self._outbox:
            log.error("stopped with %d listings not stored; the next process finds them again", len(self._outbox))
        else:
            log.info("stopped: every listing that was found is stored")
        return not self._outbox

    async def close(self) -> None:
        """End the connection to NATS."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_TIMEOUT):  # a frozen server takes no farewell
                await self.link.close()

    async def _up(self) -> None:
        self._wake.set()

    async def _woken(self, seconds: float) -> None:
        """Wait until there is something to do, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    # -- what is known

    async def _learn(self) -> None:
        if not self.link.connected:
            raise BucketFailed(self.link.problem or "not connected")
        await self._manage()
        await self._bucket.make()
        values = await self._bucket.read(KEY)
        if not values:
            log.info("nothing is remembered: what is listed now counts as known")
        else:
            try:
                self._news.memory = decode(values[0])
            except InvalidMessage as error:
                log.warning("%s; what is listed now counts as known", error)
        subjects = [f"listings.{SPOT.exchange}.{MARKET}.>"]
        for answer in await self.link.looks.newest_of(self.link.client, EVENTS, subjects):
            with contextlib.suppress(InvalidMessage):  # another publisher's
                event = listings.decode(answer.data)
                self._news.told.add(event.instrument.removeprefix(PREFIX))
                if self._stored is not None and event.first_seen > self._clock.now() - FRESH:
                    self._stored(event)

    async def _manage(self) -> None:
        streams = Streams(self.link.client, api=self.link.settings.api)
        await streams.manage(events_stream(trades_stream(SPOT.exchange, [SPOT.market])))

    # -- what goes out

    async def _deliver(self) -> None:
        """Publish the events that wait, then keep the memory.

        Raises:
            Exception: one of ``_FAILURES``, when the server doesn't take something.
        """
        if not (self._outbox or self._news.changed):
            return
        if not self.link.connected:
            raise BucketFailed(self.link.problem or "not connected")
        if self.problem is not None:
            await self._manage()
        while self._outbox:
            event = await self._with_start(self._outbox[0])
            self._outbox[0] = Found(event)  # its body isn't asked for again
            await self._publish(event)
            self._outbox.popleft()
            if self._stored is not None:
                self._stored(event)
        if self._news.changed:
            self._news.changed = False
            try:
                await self._bucket.put(KEY, encode(self._news.kept()))
            except BaseException:
                self._news.changed = True
                raise

    async def _publish(self, event: Listing) -> None:
        identity = {"Nats-Msg-Id": event.message_id, **_ONCE}
        js = self.link.jetstream()
        try:
            ack = await js.publish(event.subject, listings.encode(event), headers=identity, timeout=_PUBLISH_TIMEOUT)
        except nats.js.errors.APIError as error:
            if error.err_code != _WRONG_SEQUENCE:
                raise
            self.repeated += 1
            log.info("%s was told before", event.subject)
            return
        self.repeated += bool(ack.duplicate)
        self.published += not ack.duplicate

    async def _with_start(self, found: Found) -> Listing:
        """Return the event with the start of trading, where the notice says it and its body comes soon."""
        notice = found.notice
        if notice is None:
            return found.listing
        if notice.number not in self._bodies:
            until = 0 if self._ending else found.listing.first_seen + int(self._timers.body * 1e9)
            self._bodies = {notice.number: notice.body or await self._body(notice, until)}
        body = self._bodies[notice.number]
        ticker = found.listing.instrument.removeprefix(PREFIX)
        start = None if body is None else trade_start(body, ticker, found.others, notice.announced)
        return replace(found.listing, trade_start=start)

    def _say(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            log.warning("listings wait for NATS: %s; the attempts go on", problem)
        self.problem = problem


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
