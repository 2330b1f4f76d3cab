"""Reading stored messages: streams found by subject, each read by an ordered consumer, merged by store time.

An ordered consumer is a push consumer without acknowledgements whose numbering shows a loss; after a loss, a silence or
a reconnect it is made anew from the last message on. (nats-py's own restarts at the beginning of the stream when it is
lost before its first message.)
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

SECOND = 1_000_000_000
_HEARTBEAT = 2
_SILENCE = 2.5 * _HEARTBEAT
_QUEUE = 10_000
_REQUEST_TIMEOUT = 5
_GONE = frozenset({10059, 10037})  # no such stream, no such message


class ReadError(Exception):
    """Messages cannot be read; the text says why and what to do.

    Attributes:
        gone: the stream, or the message that was asked for, does not exist (any more).
    """

    def __init__(self, message: str, *, gone: bool = False) -> None:
        self.gone = gone
        super().__init__(message)


class Stored(NamedTuple):
    """A message as the stream holds it.

    Attributes:
        subject: where it was published.
        data: its payload.
        sequence: its number in the stream.
        time: when it was stored, ns since the epoch.
        left: how many messages follow it, as known when it was sent.
    """

    subject: str
    data: bytes
    sequence: int
    time: int
    left: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin: at a time (ns since the epoch), at a sequence number, or with the next message."""

    time: int | None = None
    sequence: int | None = None

    def policy(self) -> dict[str, Any]:
        """Return the consumer's delivery policy."""
        if self.time is not None:
            return {"deliver_policy": "by_start_time", "opt_start_time": _rfc3339(self.time)}
        if self.sequence is not None:
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": self.sequence}
        return {"deliver_policy": "new"}


def _rfc3339(time: int) -> str:
    seconds, rest = divmod(time, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


class JetStream:
    """Requests to JetStream's API."""

    def __init__(self, client: Client, *, api: str = "$JS.API") -> None:
        self.client = client
        self._api = api

    async def request(self, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to an API request.

        Raises:
            ReadError: when JetStream refuses, or there is none.
        """
        try:
            reply = await self.client.request(
                f"{self._api}.{subject}", json.dumps(body).encode(), timeout=_REQUEST_TIMEOUT
            )
        except nats.errors.NoRespondersError:
            raise ReadError("JetStream does not answer: it is off on this server or for this account") from None
        except (TimeoutError, nats.errors.Error) as error:
            raise ReadError(f"JetStream does not answer: {error or 'no reply in time'}") from None
        answer: dict[str, Any] = json.loads(reply.data)
        if problem := answer.get("error"):
            gone = problem.get("err_code") in _GONE
            raise ReadError(f"JetStream refuses: {problem.get('description', problem)}", gone=gone)
        return answer

    async def streams(self, pattern: str) -> list[str]:
        """Return the names of the streams that hold subjects of this pattern."""
        names: list[str] = []
        while True:
            page = await self.request("STREAM.NAMES", {"subject": pattern, "offset": len(names)})
            names += page.get("streams") or []
            if not page.get("streams") or len(names) >= page.get("total", 0):
                return sorted(names)

    async def info(self, stream: str) -> dict[str, Any]:
        """Return configuration and state of a stream."""
        return await self.request(f"STREAM.INFO.{stream}", {})

    async def begins(self, stream: str) -> str | None:
        """Return when the oldest message of a stream was stored (RFC 3339), null while none has ever left it."""
        answer = await self.info(stream)
        state = answer["state"]
        if state["first_seq"] <= 1:
            return None
        return str(state["first_ts"] if state["messages"] else answer["ts"])


@dataclass(slots=True)
class Source:
    """One stream being read; what has arrived waits in ``queue``."""

    stream: str
    jetstream: JetStream
    pattern: str
    start: Start
    news: asyncio.Event
    follow: bool
    queue: asyncio.Queue[Stored] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    left: int | None = None
    """Messages that the stream still holds for us; null before the first answer."""
    problem: str | None = None
    head: Stored | None = None
    last: int | None = None
    _past: int | None = None
    """What was stored when reading began and is still to come: the end, where nothing is followed."""
    _again: asyncio.Event = field(default_factory=asyncio.Event)

    def restart(self) -> None:
        """Make the consumer anew: the connection was lost."""
        self._again.set()

    def advance(self) -> Stored | None:
        """Return the next message without taking it; null when none has arrived."""
        if self.head is None and not self.queue.empty():
            self.head = self.queue.get_nowait()
        return self.head

    async def run(self) -> None:
        """Read until cancelled, or to the end of what was stored at the start."""
        while not self._ended():
            self._again.clear()
            try:
                await self._consume()
            except (ReadError, nats.errors.Error) as error:
                self.problem = f"{self.stream}: {error}"
                if isinstance(error, ReadError) and error.gone:
                    self.last, self.left, self.start = None, 0, Start(sequence=1)  # should it be made anew
                self.news.set()
                await asyncio.sleep(1)

    async def _consume(self) -> None:
        client = self.jetstream.client
        arrived: asyncio.Queue[Msg] = asyncio.Queue(_QUEUE)
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=arrived.put)
        try:
            await self._create(inbox)
            expected = 1
            while not (self._again.is_set() or self._ended()):
                message = await self._next(arrived)
                if message is None:
                    return
                if (message.headers or {}).get("Status") is not None:
                    if not await self._control(message, expected):
                        return
                    continue
                stored, number = _stored(message)
                if number != expected:
                    return
                expected += 1
                self._count(stored)
                await self.queue.put(stored)
                self.news.set()
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    def _ended(self) -> bool:
        return not self.follow and self.left == 0

    def _count(self, stored: Stored) -> None:
        """Note what was read; without following, what is stored meanwhile does not put off the end."""
        self.last, self.left = stored.sequence, stored.left
        if self._past is not None:
            self._past -= 1
            self.left = min(stored.left, self._past)

    async def _create(self, inbox: str) -> None:
        start = self.start if self.last is None else Start(sequence=self.last + 1)
        config = {
            "deliver_subject": inbox,
            "filter_subject": self.pattern,
            "ack_policy": "none",
            "max_deliver": 1,
            "flow_control": True,
            "idle_heartbeat": _HEARTBEAT * SECOND,
            "mem_storage": True,
            "num_replicas": 1,
            **start.policy(),
        }
        made = await self.jetstream.request(
            f"CONSUMER.CREATE.{self.stream}", {"stream_name": self.stream, "config": config}
        )
        self.problem = None
        if self.last is None:
            self.last = made["delivered"]["stream_seq"]
        self.left = made["num_pending"]
        if not self.follow:
            self._past = self.left = made["num_pending"] if self._past is None else min(self._past, made["num_pending"])
        self.news.set()

    async def _next(self, arrived: asyncio.Queue[Msg]) -> Msg | None:
        """Return the next message; null after a silence or a reconnect."""
        if not arrived.empty():
            return arrived.get_nowait()
        got, again = asyncio.ensure_future(arrived.get()), asyncio.ensure_future(self._again.wait())
        try:
            await asyncio.wait({got, again}, timeout=_SILENCE, return_when=asyncio.FIRST_COMPLETED)
            return got.result() if got.done() else None
        finally:
            got.cancel()
            again.cancel()

    async def _control(self, message: Msg, expected: int) -> bool:
        """Answer flow control; return whether nothing was lost."""
        headers = message.headers or {}
        answer = message.reply or headers.get("Nats-Consumer-Stalled")
        if answer:
            await self.jetstream.client.publish(answer)
        last = headers.get("Nats-Last-Consumer")
        return last is None or int(last) == expected - 1


def _stored(message: Msg) -> tuple[Stored, int]:
    """Take a delivery apart: its reply is ``$JS.ACK.<stream>.<consumer>.<n>.<sequence>.<number>.<time>.<left>``.

    With a domain its name and the account's follow ``ACK``.
    """
    tokens = message.reply.split(".")
    sequence, number, time, left = tokens[5:9] if len(tokens) == 9 else tokens[7:11]
    return Stored(message.subject, message.data, int(sequence), int(time), int(left)), int(number)


@dataclass(slots=True)
class Reading:
    """What is to be read.

    Attributes:
        pattern: subjects, with NATS wildcards.
        start: where to begin.
        follow: go on with what is published from now on, also in streams that don't exist yet; else end with what was
        stored when reading began.
        say: takes what a person should know.
        idle: called when all that has arrived was handed out.
        look: seconds between looks for new streams.
    """

    pattern: str
    start: Start
    follow: bool
    say: Callable[[str], None]
    idle: Callable[[], None]
    look: float = 2.0


class Reader:
    """Reads all streams that hold a pattern's subjects."""

    def __init__(self, jetstream: JetStream, reading: Reading) -> None:
        self._jetstream = jetstream
        self._reading = reading
        self._news = asyncio.Event()
        self._sources: dict[str, Source] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()
        self._ended: str | None = None

    def reconnected(self) -> None:
        """Make all consumers anew: the server may have forgotten them."""
        for source in self._sources.values():
            source.restart()

    def ended(self, why: str) -> None:
        """Give up: the connection is closed for good."""
        self._ended = why
        self._news.set()

    async def messages(self) -> AsyncGenerator[Stored, None]:
        """Yield the messages: by store time until all streams are caught up, then as they come.

        Raises:
            ReadError: when there is nothing to read and it isn't to be waited for.
        """
        reading = self._reading
        try:
            await self._open(await self._jetstream.streams(reading.pattern), reading.start)
            if not self._sources:
                self._say_none()
            if reading.follow:
                self._spawn(self._discover())
            async for stored in self._merge():
                yield stored
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _say_none(self) -> None:
        text = f"no stream holds {self._reading.pattern} yet"
        if not self._reading.follow:
            raise ReadError(f"{text}; is a collector running against this server?")
        self._reading.say(f"{text}; waiting for one (Ctrl-C ends)")

    async def _open(self, streams: list[str], start: Start) -> None:
        if start.sequence is not None and len(streams) > 1:
            names = ", ".join(streams)
            raise ReadError(f"a sequence number counts within one stream, and there are {names}: name one's exchange")
        for stream in streams:
            if stream not in self._sources:
                source = Source(stream, self._jetstream, self._reading.pattern, start, self._news, self._reading.follow)
                self._sources[stream] = source
                self._spawn(source.run())

    async def _discover(self) -> None:
        start = self._reading.start
        if start == Start():
            start = Start(sequence=1)  # all that a new stream holds came after we began
        while True:
            await asyncio.sleep(self._reading.look)
            try:
                await self._open(await self._jetstream.streams(self._reading.pattern), start)
            except ReadError:
                continue  # the connection is away; that is said elsewhere

    def _spawn(self, work: Any) -> None:
        self._tasks.add(asyncio.ensure_future(work))

    async def _merge(self) -> AsyncIterator[Stored]:
        caught_up = False
        while True:
            self._news.clear()
            sources = list(self._sources.values())
            heads = [(head.time, place) for place, source in enumerate(sources) if (head := source.advance())]
            behind = [source for source in sources if source.head is None and source.left != 0]
            if heads and (caught_up or not behind):
                source = sources[min(heads)[1]]
                stored, source.head = source.head, None
                if stored is not None:
                    yield stored
                continue
            if not heads and not behind:
                caught_up = True
                if not self._reading.follow:
                    return
            self._reading.idle()
            self._complain(sources)
            await self._news.wait()

    def _complain(self, sources: list[Source]) -> None:
        """Say once what keeps a stream from being read; end with it when nobody wants to wait."""
        if self._ended is not None:
            raise ReadError(self._ended)
        for problem in [source.problem for source in sources if source.problem is not None]:
            if not self._reading.follow:
                raise ReadError(problem)
            if problem not in self._said and self._jetstream.client.is_connected:
                self._said.add(problem)
                self._reading.say(f"{problem}; trying again (Ctrl-C ends)")
