"""The life of one socket: handshake, subscriptions, heartbeat, end."""

import asyncio
import contextlib
import functools
import logging
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import (
    KIND_TRADE,
    Channel,
    Command,
    Conversation,
    Ending,
    InvalidReply,
    Kind,
    Parsed,
    Refusal,
    Rhythm,
    Venue,
)
from metdc_collector.limits import Pace
from metdc_collector.rest import Reply, Rest, RestError
from metdc_collector.session.feed import Feed, named
from metdc_collector.session.policy import End, Outcome, of_close, of_status
from metdc_collector.session.sink import Sink
from metdc_collector.tap import Tap
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_OPEN_TIMEOUT = 10.0
_MOST_FRAME_BYTES = 16 * 1024 * 1024
_FULL_TICK = 0.01
# A process that has not turned for so long (ns) was frozen, or the machine was.
_FROZEN = 3_000_000_000
_SAMPLE_BYTES = 300
# asyncio reads up to 256 KiB at once; a read of less than a quarter of that has emptied the socket, also behind TLS.
_FULL_READ = 64 * 1024


@dataclass(slots=True)
class FrameCounts:
    """Counts of one market's frames."""

    malformed: int = 0
    out_of_scope: int = 0
    trades: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What all connections of a market share.

    ``instruments`` maps native names; ``address`` is the base, or empty where a handshake names it each time.
    """

    venue: Venue
    channel: Channel
    address: str
    rhythm: Rhythm
    instruments: Mapping[str, Instrument]
    sink: Sink
    clock: Clock
    counts: FrameCounts
    rest: Rest
    tls: ssl.SSLContext | None
    refused: Callable[[Refusal], None]
    tap: Tap | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """One socket, from its start to its end; it never comes back.

    Attributes:
        number: unique in the process.
        names: instruments to stream; :meth:`add` and :meth:`remove` change them on the way.
        streaming: instruments that were acknowledged or seen.
        answered: set once each subscription was acknowledged, seen or refused.
        ending: set when the venue wants the connection to end in a planned way.
        trades: how many it has brought.
        settled: when each subscription was answered, ns; 0 before.
    """

    plan: Plan
    number: int
    names: list[str]
    streaming: set[str] = field(default_factory=set)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    last_sign: int = 0
    trades: int = 0
    settled: int = 0
    _refused: set[str] = field(default_factory=set)
    _opened: int = 0
    _feed: Feed | None = None
    _at: str = ""
    _fault: Outcome | None = None
    _waiting: int = -1
    _emptied: int = 0
    _proof: int = 0
    _known: int = 0
    _live: list[Trade] = field(default_factory=list)
    _awake: int = 0
    _thawed: int = 0
    _paused: asyncio.Task[None] | None = None
    _greeted: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: bool = False
    _errands: asyncio.Queue[Callable[[Conversation], Sequence[Command]]] = field(default_factory=asyncio.Queue)

    async def run(self) -> Outcome:
        """Connect, stream until the end, and say how it ended."""
        plan = self.plan
        conversation = plan.venue.converse(plan.instruments, plan.channel)
        self.last_sign = self._emptied = self._proof = self._awake = plan.clock.now()

        take = self._taker(conversation)
        create = functools.partial(Feed, frame=take, begin=self._reading, end=self._hand_over)
        address = plan.address
        try:
            address = self._at = await self._address(conversation)
            if plan.tap is not None:
                plan.tap.connecting(address)
            async with connect(
                address,
                additional_headers=plan.venue.headers,
                create_connection=create,  # type: ignore[arg-type]  # a factory serves as well as a class
                compression=None,
                open_timeout=_OPEN_TIMEOUT,
                ping_interval=None,
                close_timeout=2,
                max_size=_MOST_FRAME_BYTES,
                ssl=plan.tls if address.startswith("wss:") else None,
            ) as feed:
                assert isinstance(feed, Feed), "made by create"
                self._feed = feed
                self._opened = plan.clock.now()
                plan.sink.join(self.number, [plan.instruments[name] for name in self.names])
                return await self._stream(feed, conversation)
        except (RestError, InvalidReply, OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError) as error:
            return outcome_of(error, address.partition("?")[0], plan.rest)  # behind it may stand a token
        finally:
            self._feed, self._asked = None, False  # what is added from now on is the next connection's
            plan.sink.leave(self.number, self._proof)
            if self._paused is not None:
                self._paused.cancel()

    def add(self, names: Sequence[str]) -> None:
        """Stream these as well; :attr:`answered` doesn't wait for what is added to a connection that streams."""
        self.names.extend(names)
        if self._feed is not None:
            self.plan.sink.join(self.number, [self.plan.instruments[name] for name in names])
        if self._asked:
            self._errands.put_nowait(lambda talk: talk.subscribe(names, self.plan.clock.now()))

    def remove(self, names: Collection[str]) -> None:
        """Stream these no longer."""
        gone = [name for name in self.names if name in names]
        self.names = [name for name in self.names if name not in names]
        self.streaming.difference_update(gone)
        self._refused.difference_update(gone)
        self.plan.sink.drop(gone)
        if self._asked:
            self._errands.put_nowait(lambda talk: talk.unsubscribe(gone, self.plan.clock.now()))
            self._answer(())

    def renew(self, name: str) -> None:
        """Subscribe to an instrument anew: the venue has acknowledged it and does not send it."""
        if self._asked and name in self.names:
            self._errands.put_nowait(lambda talk: talk.unsubscribe([name], self.plan.clock.now()))
            self._errands.put_nowait(lambda talk: talk.subscribe([name], self.plan.clock.now()))

    def give_up(self, reason: str) -> None:
        """End a connection that is of no use."""
        if self._feed is not None and self._fault is None:
            self._fault = Outcome(End.FAILED, reason)
            self._feed.transport.abort()

    async def close(self) -> None:
        """End the connection from our side."""
        if self._feed is not None:
            await self._feed.close()

    async def _address(self, conversation: Conversation) -> str:
        """Return where to connect; of an address that the venue names, a configured base replaces scheme and host."""
        base, handshake = self.plan.address, self.plan.venue.handshake
        if handshake is None:
            return base + conversation.path()
        address = handshake.address(await self.plan.rest.get(handshake.request), self.number)
        if not base:
            return address
        return urlsplit(address)._replace(scheme=urlsplit(base).scheme, netloc=urlsplit(base).netloc).geturl()

    # -- streaming

    async def _stream(self, feed: Feed, conversation: Conversation) -> Outcome:
        """Subscribe and stay until the socket closes, or until something says that it should."""
        pace = Pace(self.plan.venue.limits.frames, monotonic=lambda: self.plan.clock.now() / 1e9, sleep=asyncio.sleep)
        helpers = [
            asyncio.create_task(self._subscribe(feed, conversation, pace)),
            asyncio.create_task(self._watch(feed)),
        ]
        if self.plan.rhythm.heartbeat is not None:
            helpers.append(asyncio.create_task(self._beat(feed, conversation, pace)))
        try:
            await feed.wait_closed()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        lived = (self.plan.clock.now() - self._opened) / 1e9 if self.streaming else 0.0
        if self._fault is not None:
            return self._fault._replace(lived=lived)
        code = feed.close_code if feed.protocol.close_rcvd is not None else None
        words = f"closed by the venue: {code} {feed.close_reason or ''}".strip() if code else "the connection broke"
        return Outcome(of_close(code, self.plan.venue.limits.refusing), words, lived, code=code)

    async def _subscribe(self, feed: Feed, conversation: Conversation, pace: Pace) -> None:
        """Send the subscriptions, then whatever changes of the names and the venue's answers make necessary."""
        with contextlib.suppress(ConnectionClosed):
            if self.plan.rhythm.greeting:
                await self._greeted.wait()
            commands: Sequence[Command] = conversation.subscribe(self.names, self.plan.clock.now())
            self._asked = True
            while True:
                for command in commands:
                    await pace.wait()
                    await self._send(feed, command.frame)
                commands = (await self._errands.get())(conversation)

    async def _beat(self, feed: Feed, conversation: Conversation, pace: Pace) -> None:
        interval = self.plan.rhythm.heartbeat
        assert interval is not None, "only started where the client must send heartbeats"
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(interval)
                await pace.wait()
                await self._send(feed, conversation.heartbeat(self.plan.clock.now()))

    async def _send(self, feed: Feed, frame: str) -> None:
        if self.plan.tap is not None:
            self.plan.tap.sending(self._at, frame)
        await feed.send(frame)

    async def _watch(self, feed: Feed) -> None:
        """Find what the venue doesn't say: silence, subscriptions that nobody answers, an old connection's end."""
        rhythm = self.plan.rhythm
        tick = min(rhythm.silence, rhythm.acknowledge) / 10
        quiet_answers_since = self.plan.clock.now()
        while self._fault is None:
            await asyncio.sleep(tick)
            now = self.plan.clock.now()
            self._turn(now)
            if self._paused is not None:
                self.last_sign = quiet_answers_since = now  # it is we who don't read
            if now - self.last_sign > rhythm.silence * 1e9:
                self._fault = Outcome(End.FAILED, f"no sign of life for {rhythm.silence:g} s")
            waiting = len(self.names) - len(self.streaming) - len(self._refused)
            if self.answered.is_set() or waiting != self._waiting:
                self._waiting, quiet_answers_since = waiting, now
            elif now - quiet_answers_since > rhythm.acknowledge * 1e9:
                self._fault = Outcome(End.FAILED, f"{waiting} subscriptions unanswered for {rhythm.acknowledge:g} s")
            if rhythm.life is not None and now - self._opened > rhythm.life * 0.95e9:
                self.ending.set()
        feed.transport.abort()  # a silent peer would not answer a closing handshake either

    # -- receiving

    def _taker(self, conversation: Conversation) -> Callable[[bytes, bool], None]:
        """Return what takes each frame, and shows it to the tap if there is one."""

        def frame(data: bytes, _: bool) -> None:
            self._take(conversation.receive(data, self.last_sign), data)  # when its bytes were read

        tap = self.plan.tap
        if tap is None:
            return frame

        def tapped(data: bytes, binary: bool) -> None:
            tap.received(data, binary=binary)
            frame(data, binary)
            self._hand_over()  # what it was told of

        return tapped

    def _reading(self, size: int) -> None:
        """Note a read of so many bytes: they have arrived since the socket was last seen empty.

        A process that was frozen, or that has not read for want of room, finds old bytes in the socket. Whether the
        trades in them were stored by another pod meanwhile, the server may no longer know.
        """
        self._known = self._emptied
        self.last_sign = self.plan.clock.now()
        self._turn(self.last_sign)
        # What has waited in the socket may be as old as the freeze, or the pause: the venue may have given up since.
        self._proof = self.last_sign if self._known >= self._thawed else max(self._proof, self._known)
        if size < _FULL_READ:
            self._emptied = self.last_sign

    def _turn(self, now: int) -> None:
        """Note that the process turns, or that it was frozen until now."""
        if now - self._awake > _FROZEN:
            self._thawed = now
        self._awake = now

    def _take(self, parsed: Parsed, data: bytes) -> None:
        """Take a frame. Live trades wait for the end of the read, or for a frame that brings something else."""
        if parsed.kind is KIND_TRADE and not (parsed.replayed or parsed.skipped or parsed.out_of_scope):
            self._live += parsed.trades
            return
        self._hand_over()
        if parsed.trades or parsed.skipped:
            self._pass_on(parsed)
        if parsed.kind is not KIND_TRADE or parsed.out_of_scope:
            self._take_other(parsed, data)

    def _hand_over(self) -> None:
        """Pass on the live trades of a read together, which in a flood costs less than one by one."""
        if self._live:
            trades, self._live = self._live, []
            self._pass_on(Parsed(KIND_TRADE, trades))

    def _pass_on(self, parsed: Parsed) -> None:
        plan = self.plan
        plan.counts.trades += len(parsed.trades)
        self.trades += len(parsed.trades)
        if parsed.trades and not self.answered.is_set():
            self._answer([trade.instrument.name for trade in parsed.trades])
        plan.sink.receive(self.number, parsed, self._known)
        if plan.sink.full and self._paused is None and self._feed is not None:
            self._paused = asyncio.get_running_loop().create_task(self._wait_for_room(self._feed))

    def _take_other(self, parsed: Parsed, data: bytes) -> None:
        counts = self.plan.counts
        counts.out_of_scope += len(parsed.out_of_scope)
        if parsed.kind is Kind.MALFORMED:
            counts.malformed += 1
            self.plan.sink.unread(named(data, self.streaming), self._known)
            if counts.malformed & (counts.malformed - 1) == 0:  # the 1st, 2nd, 4th, 8th, … is a sample for the log
                log.warning("malformed frame no. %d: %s: %r", counts.malformed, parsed.reason, data[:_SAMPLE_BYTES])
        if parsed.acknowledged:
            self._answer(parsed.acknowledged)
        for refusal in parsed.refused:
            self._refused.add(refusal.name)
            self.plan.refused(refusal)
            self._answer(())
        if parsed.greeting:
            self._greeted.set()
        if parsed.commands:
            self._errands.put_nowait(lambda _: parsed.commands)
        if parsed.ending is Ending.PLANNED:
            self.ending.set()
        elif parsed.ending is not None and self._feed is not None:
            self._fault = Outcome(End.REFUSED if parsed.ending is Ending.REFUSED else End.FAILED, parsed.reason)
            self._feed.transport.abort()

    def _answer(self, names: Sequence[str]) -> None:
        self.plan.sink.cover(self.number, names)
        self.streaming.update(names)
        if len(self.streaming) + len(self._refused) >= len(self.names):
            self.settled = self.settled or self.plan.clock.now()
            self.answered.set()

    async def _wait_for_room(self, feed: Feed) -> None:
        """Stop reading until what was read has found room: the venue's bytes wait in the socket, not here."""
        feed.transport.pause_reading()
        while self.plan.sink.full:  # noqa: ASYNC110 - room comes by many ways, and 10 ms is nothing here
            await asyncio.sleep(_FULL_TICK)
        self._paused = None
        self._thawed = self.plan.clock.now()
        feed.transport.resume_reading()


def outcome_of(error: Exception, address: str, rest: Rest) -> Outcome:
    """Return what an error before or during the handshake means for the next attempt; an order to stop is kept."""
    if isinstance(error, InvalidStatus):
        reply = error.response
        headers = {name.lower(): ", ".join(reply.headers.get_all(name)) for name in reply.headers}
        error = rest.refused(address, Reply(reply.status_code, headers, bytes(reply.body or b"")), connecting=True)
    if isinstance(error, RestError):
        end = of_status(error.status, region=error.region)
        return Outcome(end, str(error), wait=(error.retry_after or 0.0) if end is End.REFUSED else 0.0)
    if isinstance(error, InvalidReply):
        return Outcome(End.FAILED, str(error))
    return Outcome(End.FAILED, f"{address}: {error or type(error).__name__}")
