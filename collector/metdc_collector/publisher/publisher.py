"""The path from an accepted trade to its acknowledgement."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import nats.errors
import nats.js.errors

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Newest
from metdc_collector.publisher.acks import Ack
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.link import Link, NatsSettings
from metdc_collector.publisher.stored import Stored
from metdc_collector.publisher.streams import Streams, StreamState, StreamUnavailable
from metdc_collector.publisher.window import Entry, Window
from metdc_collector.tasks import end
from metdc_collector.wire.streams import StreamSpec, events_stream
from metdc_collector.wire.trade import Trade, encode

log = logging.getLogger(__name__)
_TICK = 0.05
_STREAM_RETRY = 5.0
# The server's codes for 'wrong last sequence', with the right one and without.
_NOT_BEHIND = (10071, 10164)


@dataclass(slots=True)
class Counts:
    """Acknowledged trades: stored anew, known to the stream already, and those of the stored that were marked late."""

    stored: int = 0
    duplicates: int = 0
    late: int = 0


class Overflow(Protocol):
    """Where trades go that memory has no room for."""

    busy: bool
    """Whether it wants to see what is published, because something is spooled."""

    @property
    def behind(self) -> bool:
        """Whether it can't keep up."""

    def take(self, trades: Sequence[Trade], known: int) -> bool:
        """Keep trades, or leave them to the publisher; whether it has kept them."""

    def relieve(self, fresh_since: int) -> None:
        """NATS is back: take over what the window holds, where much of it was received before that time (ns)."""


class Publisher:
    """Publishes trades to one stream: each once, those of a subject in the order in which they were accepted.

    Everything that arrived in one turn of the event loop goes out in one write. Nothing accepted is ever dropped: with
    NATS away, or refusing, trades stay in memory, past its bound in :attr:`overflow`; :attr:`full` asks the sockets to
    wait.
    """

    def __init__(self, settings: NatsSettings, *, stream: StreamSpec, name: str, clock: Clock, timers: Timers) -> None:
        self.link = Link(
            settings, name=name, timers=timers, acknowledge=self._acknowledged, up=self._connected, down=self._lost
        )
        self.counts = Counts()
        self.state: StreamState | None = None
        self.stream_problem: str | None = None
        self.looks: Stored | None = None
        self.window = Window(self.link.inbox)
        self.overflow: Overflow | None = None
        self._spec = stream
        self._clock = clock
        self._timers = timers
        self._connected_since = 0
        self._usable_since = 0
        self._usable = False
        self._losses = 0
        self._stumbled: str | None = None
        self._said: str | None = None
        self._events_problem: str | None = None
        self._pause = timers.retry
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = False
        self._preparing: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether NATS is connected and the stream is there."""
        return self._usable

    @property
    def usable_since(self) -> int:
        """Since when (ns): another pod's backlog cannot have begun to shrink earlier."""
        return self._usable_since

    @property
    def connected_since(self) -> int:
        """Since when (ns) the connection to NATS stands, or when the last one began."""
        return self._connected_since

    @property
    def full(self) -> bool:
        """Whether to stop reading sockets."""
        if self.overflow is None:
            return self.window.full
        return (self.window.full or self.overflow.busy) and self.overflow.behind

    @property
    def acknowledged(self) -> bool:
        """Whether the stream has acknowledged a trade, so that the whole path is known to work."""
        return self.counts.stored + self.counts.duplicates > 0

    @property
    def problem(self) -> str | None:
        """What keeps trades from being stored, in words; null when nothing does."""
        lost = None if self.link.connected else "the connection to NATS was lost"  # and its reason is not known yet
        return self.link.problem or lost or self.stream_problem or self._stumbled

    def publish(self, trades: Sequence[Trade], known: int) -> None:
        """Accept trades; they are written before the event loop turns again.

        ``known`` is the last moment (ns) at which the stream was without them, as far as can be told: when it was
        searched for them, or the earliest at which this process, and so another, can have received them.
        """
        overflow = self.overflow
        if overflow is None or not (overflow.busy or self.window.full) or not overflow.take(trades, known):
            self.deliver(trades, known)

    def deliver(self, trades: Sequence[Trade], known: int) -> None:
        """Accept trades as :meth:`publish` does, whatever :attr:`overflow` holds."""
        self.window.add(trades, known)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def store_behind(self, trade: Trade, last: int) -> int | None:
        """Store a trade at once, if the last message of its subject still is the one with that number, 0 for none.

        Returns its own number in the stream; null where another message has come first.

        Raises:
            LookFailed: when the server does not say.
        """
        headers = {"Nats-Msg-Id": trade.message_id, "Nats-Expected-Last-Subject-Sequence": str(last)}
        jetstream, subject = self.link.jetstream(), trade.instrument.subject
        try:
            ack = await jetstream.publish(subject, encode(trade), headers=headers, timeout=self._timers.acknowledge)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            if isinstance(error, nats.js.errors.APIError) and error.err_code in _NOT_BEHIND:
                return None
            raise LookFailed(f"{subject}: {str(error) or type(error).__name__}") from error
        if ack.duplicate:
            self.counts.duplicates += 1
        else:
            self.counts.stored += 1
        return ack.seq

    async def run(self) -> None:
        """Keep the connection, notice what is not acknowledged in time, until cancelled."""
        helpers = [asyncio.create_task(self.link.run()), asyncio.create_task(self._weigh())]
        try:
            while True:
                await asyncio.sleep(_TICK)
                await self._watch()
        finally:
            await end([*helpers, *self._tasks])

    async def _weigh(self) -> None:
        """Look again and again how full the stream is; what is not answered leaves what was known."""
        while True:
            await asyncio.sleep(self._timers.refresh)
            streams = Streams(self.link.client, api=self.link.settings.api)
            if self._usable and (size := await streams.size(self._spec.name)) is not None and self.state is not None:
                self.state = replace(self.state, bytes=size)

    async def drain(self, seconds: float) -> bool:
        """Wait until every accepted trade is acknowledged; whether that came true within the time."""
        end = self._clock.now() + int(seconds * 1e9)
        while len(self.window):
            if self._clock.now() >= end:
                return False
            await asyncio.sleep(_TICK)
        return True

    async def settled(self) -> None:
        """Return when all that was accepted before is acknowledged; at once while nothing can be."""
        last = self.window.last
        while self._usable and self.window.waits_for(last):  # noqa: ASYNC110 - see _TICK
            await asyncio.sleep(_TICK)

    async def tell(self, subject: str, data: bytes, identity: str) -> bool:
        """Publish a record of events under a message id; whether the server has acknowledged it."""
        if not self._usable:
            return False
        try:
            await self.link.jetstream().publish(subject, data, headers={"Nats-Msg-Id": identity}, timeout=5)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            log.debug("%s: %s", subject, error or type(error).__name__)
            return False
        return True

    async def told(self, subject: str, since: int) -> list[bytes] | None:
        """Return the records of events on a subject, wildcards allowed, since that time (ns); null if unreadable."""
        found: list[bytes] = []
        try:
            async for answers in self.link.looks.since(
                self.link.client, events_stream(self._spec).name, subject, since
            ):
                found += [answer.data for answer in answers]
        except LookFailed as error:
            log.debug("%s", error)
            return None
        return found

    # -- writing

    def _flush(self) -> None:
        self._scheduled = False
        if not self._usable or self._stumbled is not None or not self.link.connected:
            return
        now = self._clock.now()
        fresh_since = now - self._half_window()
        entries = self.window.take(now, fresh_since)
        if entries:
            self.link.write(b"".join([entry.message for entry in entries]))
        if not self._looking and self.window.queue and self.window.queue[0].known < fresh_since:
            self._looking = True
            self._start(self._look())

    def _half_window(self) -> int:
        """Half of the server's duplicate window, ns: within it, a message id that is stored is recognised."""
        assert self.state is not None, "usable means that the stream's state is known"
        return self.state.duplicate_window // 2

    async def _look(self) -> None:
        """Compare trades that may have been stored too long ago for the server to know, with what the stream holds."""
        try:
            looked_at = self._clock.now()
            entries = self.window.stale(looked_at - self._half_window())
            dropped = self.window.looked_up(entries, await self._stored(entries), looked_at)
            self.counts.duplicates += dropped
        except LookFailed as error:
            self._stumble(str(error))
        finally:
            self._looking = False
        self._flush()

    async def _stored(self, entries: Sequence[Entry]) -> dict[str, dict[str, int]]:
        """Return what the stream holds of the entries' subjects since the earliest of them."""
        assert self.looks is not None, "usable means that there is a stream to look at"
        earliest: dict[str, int] = {}
        for entry in entries:
            subject = entry.trade.instrument.subject
            earliest[subject] = min(entry.trade.time, earliest.get(subject, entry.trade.time))
        newest = await self.looks.newest(list(earliest))
        stored: dict[str, dict[str, int]] = {}
        for subject, time in earliest.items():
            last = newest.get(subject)
            if last is not None and (last.late or last.time >= time):
                stored[subject] = await self.looks.since(subject, time)
        return stored

    # -- acknowledgements

    def _acknowledged(self, stored: Sequence[int], acks: Sequence[Ack]) -> None:
        window, counts = self.window, self.counts
        entries = window.acknowledge(stored)
        for number, duplicate, problem in acks:
            if problem is not None:
                window.fail(number)
                self._stumble(problem)
            elif duplicate:
                counts.duplicates += len(window.acknowledge((number,)))
            else:
                entries += window.acknowledge((number,))
        if entries:
            counts.stored += len(entries)
            counts.late += sum(entry.trade.late for entry in entries)
            self._pause, self._said = self._timers.retry, None
        if window.queue and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def _watch(self) -> None:
        """Notice a trade that was not acknowledged in time, and begin again once nothing else can be answered."""
        if not self._usable:
            if self.link.connected:
                self._prepare()  # unless that is under way: nothing may leave a connection without its stream
            return
        overdue = self._clock.now() - int(self._timers.acknowledge * 1e9)
        oldest = self.window.oldest
        if oldest is not None and 0 < oldest.written < overdue and oldest.number in self.window.in_flight:
            self._stumble(f"no acknowledgement within {self._timers.acknowledge:g} s")
        if self._stumbled is None or not self.window.settled(overdue):
            return
        again = self.window.rewind()
        if self._stumbled != self._said:
            self._said = self._stumbled
            log.warning("publishing %d trades again: %s", again, self._stumbled)
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, self._timers.retry_most)
        if self.link.connected:
            self._usable = False
            self._prepare()  # 'no stream takes its subject': another's update may have undone ours

    def _stumble(self, problem: str) -> None:
        """Stop writing: what follows must not overtake what failed."""
        if self._stumbled is None:
            self._stumbled = problem

    # -- connection and stream

    async def _connected(self) -> None:
        self._connected_since = self._clock.now()
        self._prepare()

    def _lost(self) -> None:
        self._losses += 1
        self._usable = False

    def _prepare(self) -> None:
        if self._preparing is None or self._preparing.done():
            self._preparing = self._start(self._make_usable())

    async def _make_usable(self) -> None:
        """Bring the streams up, then write again what was in flight."""
        while self.link.connected:
            settings, client, losses = self.link.settings, self.link.client, self._losses
            streams = Streams(client, api=settings.api)
            try:
                state = await streams.manage(self._spec)
                state = await self._with_events(state, streams)
                looks = Stored(self.link.looks, client, stream=self._spec.name)
                newest = await self._newest_on_time(looks)
            except Exception as error:  # the unforeseen must neither end the attempts nor fill the log
                expected = isinstance(error, StreamUnavailable | LookFailed)
                self._say_of_stream(str(error) if expected else f"stream {self._spec.name}: unexpected {error!r}")
                await asyncio.sleep(min(_STREAM_RETRY, self._timers.report))
                continue
            if losses != self._losses:
                continue  # what this connection saw in flight may belong to another by now
            self._say_of_stream(None)
            self.state, self.looks = state, looks
            self.window.rewind()
            self.window.mark_late(newest)
            if self.overflow is not None:
                self.overflow.relieve(self._clock.now() - self._half_window())
            self._stumbled = None
            self._usable = True
            self._usable_since = self._clock.now()
            self._flush()
            return

    async def _newest_on_time(self, looks: Stored) -> dict[str, Newest]:
        """Return the newest stored trade of each subject in the window; behind late ones it is searched for."""
        newest = await looks.newest(self.window.subjects)
        for subject in [subject for subject, last in newest.items() if last.late]:
            waiting = [entry.trade.time for entry in self.window.entries if entry.trade.instrument.subject == subject]
            if waiting and (times := (await looks.since(subject, min(waiting))).values()):
                newest[subject] = Newest("", max(times))
        return newest

    async def _with_events(self, state: StreamState, streams: Streams) -> StreamState:
        """Bring up the stream of events as well: without it trades flow all the same, and the state says so."""
        try:
            await streams.manage(events_stream(self._spec))
        except StreamUnavailable as error:
            problem = str(error)
            if problem != self._events_problem:
                log.warning("%s; trades flow without it", problem)
            self._events_problem = problem
            return replace(state, disagreements=(*state.disagreements, problem))
        self._events_problem = None
        return state

    def _say_of_stream(self, problem: str | None) -> None:
        before, self.stream_problem = self.stream_problem, problem
        if problem is not None and problem != before:
            log.error("%s; trades are kept and the attempts go on", problem)
        elif problem is None and before is not None:
            log.info("stream %s takes trades", self._spec.name)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("unexpected; it is tried again", exc_info=error)
