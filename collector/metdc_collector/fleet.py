"""All connections of one market: instruments spread over them, and the feed that they use."""

import asyncio
import itertools
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import room_for, share_out
from metdc_collector.exchanges.base import Channel, Refusal, Rhythm, Venue
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.history import Span
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.session.connection import Connection, FrameCounts, Plan
from metdc_collector.session.policy import State
from metdc_collector.session.session import Session
from metdc_collector.session.sink import Sink
from metdc_collector.tap import Tap
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
_PROBED = 3


@dataclass(slots=True, eq=False)
class Fleet:
    """Streams a market's instruments until cancelled.

    Attributes:
        instruments: by native name; :meth:`update` changes them while it runs.
        channel: the feed in use; a fallback when the wanted one acknowledges and sends nothing.
        changed: called with the new feed when that happens.
    """

    venue: Venue
    address: str
    rhythm: Rhythm
    instruments: dict[str, Instrument]
    sink: Sink
    clock: Clock
    timers: Timers
    connects: Budget
    rest: Rest
    random: Callable[[], float]
    tls: ssl.SSLContext | None
    changed: Callable[[Channel], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tap: Tap | None = None
    counts: FrameCounts = field(default_factory=FrameCounts)
    refused: dict[str, str] = field(default_factory=dict)
    channel: Channel = field(init=False)
    sessions: list[Session] = field(default_factory=list)
    _quiet: bool = False
    _leaving: set[str] = field(default_factory=set)
    _group: asyncio.TaskGroup | None = None
    _running: "dict[Session, asyncio.Task[None]]" = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.channel = self.venue.channels[0]

    @property
    def wanted(self) -> int:
        """How many instruments are to flow."""
        return len(self.instruments) - len(self._leaving)

    @property
    def streaming(self) -> int:
        """How many instruments flow."""
        return sum(len(session.streaming) for session in self.sessions)

    @property
    def states(self) -> Counter[State]:
        """How many connections are in which state."""
        return Counter(session.state for session in self.sessions)

    @property
    def answered(self) -> bool:
        """Whether each subscription was acknowledged, seen, or refused by name."""
        return bool(self.sessions) and all(
            session.state is State.ACTIVE and session.answered for session in self.sessions
        )

    @property
    def problem(self) -> str:
        """Why the first connection that is away is away; empty where none is. It speaks for the others."""
        return next((session.reason for session in self.sessions if session.reason), "")

    @property
    def carries(self) -> bool:
        """Whether the feed in use is known to work: it has sent a trade, nobody trades, or there is no other.

        A process that relied on a silent feed's acknowledgements would replace one that carries the data.
        """
        return self.counts.trades > 0 or self._quiet or self.channel is self.venue.channels[-1]

    async def run(self) -> None:
        """Stream, on the next feed when one proves silent, until cancelled."""
        for channel in self.venue.channels:
            self.channel = channel
            last = channel is self.venue.channels[-1]
            self.changed(channel)
            try:
                async with asyncio.TaskGroup() as group:
                    self._group, self.sessions, self._running = group, [], {}
                    for names in self._shares(self.instruments.keys() - self._leaving):
                        self._start(names)
                    if not last:
                        group.create_task(self._find_silence())
            except* _ChannelSilent:
                log.warning("the feed %s acknowledges and sends nothing: using its fallback", channel.name)

    def update(self, wanted: Mapping[str, Instrument]) -> None:
        """Stream these from now on, and no others.

        What changed of an instrument (its multiplier) holds for the next frame. One that goes is known until the next
        update: its last trades may still be on their way.
        """
        for name in self._leaving - wanted.keys():
            del self.instruments[name]
        new = [name for name in wanted if name not in self.instruments or name in self._leaving]
        self._leaving = self.instruments.keys() - wanted.keys()
        self.instruments.update(wanted)
        for name in self._leaving:
            self.refused.pop(name, None)
        if self._group is not None:  # else they are taken up with the next feed
            self._withdraw(self._leaving)
            self._place(new)

    def suspects(self) -> list[str]:
        """Instruments of connections that were acknowledged a while ago and have never sent a trade."""
        since = self.clock.now() - int(self.timers.silent_channel * 1e9)
        mute = [one for one in self._connections() if not one.trades and 0 < one.settled < since]
        return [name for connection in mute for name in connection.names[:_PROBED]]

    def doubt(self, name: str) -> None:
        """An instrument was acknowledged, and REST shows trades of it that did not come."""
        for connection in self._connections():
            if name in connection.names and connection.answered.is_set():
                if connection.trades:
                    connection.renew(name)
                else:
                    connection.give_up(f"acknowledges and sends nothing, though {name} is traded")

    def _connections(self) -> list[Connection]:
        return [session.connection for session in self.sessions if session.connection is not None]

    def _withdraw(self, names: Collection[str]) -> None:
        for session in list(self.sessions):
            session.remove(names)
            if not session.names:
                self.sessions.remove(session)
                self._running.pop(session).cancel()

    def _place(self, names: Sequence[str]) -> None:
        """Give new instruments to the connections that have room, the emptiest first, and the rest to new ones."""
        left = list(names)
        for session in sorted(self.sessions, key=lambda session: len(session.names)):
            room = room_for(left, session.names, self.venue.limits, self.channel)
            if room:
                session.add(left[:room])
                left = left[room:]
        for share in self._shares(left):
            self._start(share)

    def _shares(self, names: Iterable[str]) -> list[tuple[str, ...]]:
        chosen = set(names)
        order = [name for name in self.instruments if name in chosen]
        return share_out(order, self.venue.limits, self.channel)

    def _start(self, names: Sequence[str]) -> None:
        assert self._group is not None, "checked by those who call"
        session = self._session(names)
        self.sessions.append(session)
        self._running[session] = self._group.create_task(session.run())

    def _session(self, names: Sequence[str]) -> Session:
        plan = Plan(
            venue=self.venue,
            channel=self.channel,
            address=self.address,
            rhythm=self.rhythm,
            instruments=self.instruments,
            rest=self.rest,
            sink=self.sink,
            clock=self.clock,
            counts=self.counts,
            tls=self.tls,
            refused=self._refuse,
            tap=self.tap,
        )
        return Session(
            plan=plan,
            names=list(names),
            timers=self.timers,
            connects=self.connects,
            number=self._numbers.__next__,
            random=self.random,
            sleep=self.sleep,
        )

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.name not in self.refused:
            log.warning("%s is refused: %s", refusal.name, refusal.reason)
        self.refused[refusal.name] = refusal.reason

    async def _find_silence(self) -> None:
        """Raise :class:`_ChannelSilent` when the whole feed is silent while REST shows newer trades."""
        while not self._speechless():
            if self.counts.trades > 0:
                return
            await self.sleep(self.timers.silent_probe)
        before = await self._newest()
        await self.sleep(self.timers.silent_probe)
        after = await self._newest()
        while True:
            self._quiet = self._quiet or (bool(before.keys() & after.keys()) and not _moved(before, after))
            await self.sleep(self.timers.silent_channel)
            if self.counts.trades > 0:
                return
            if not self._speechless():
                before, after = await self._newest(), {}  # what was traded without a connection proves nothing
                continue
            after = await self._newest()
            if self._speechless() and _moved(before, after):
                self._group = None
                raise _ChannelSilent
            before = after | before

    def _speechless(self) -> bool:
        """Whether every subscription was answered and no trade ever came."""
        return self.answered and self.counts.trades == 0

    async def _newest(self) -> dict[str, bytes]:
        """The newest REST trades of a few instruments, as they came: only whether they change matters."""
        found: dict[str, bytes] = {}
        for name, instrument in list(self.instruments.items())[:_PROBED]:
            request = self.venue.sources[0].request(Span(instrument, None, None, 0, self.clock.now()))
            assert request is not None, "the first source serves whatever the span"
            try:
                body = await self.rest.get(request)
                decode(body)
            except (RestError, Undecodable) as error:
                log.debug("no recent trades of %s: %s", name, error)  # no reply is no sign of trades
            else:
                found[name] = body
        return found


def _moved(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bool:
    return any(before[name] != after[name] for name in before.keys() & after.keys())


class _ChannelSilent(Exception):
    """The feed acknowledged every subscription and sends nothing, though there are trades."""
