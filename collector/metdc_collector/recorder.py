r"""Recording: a market's raw frames as JSON lines, through the very sessions that a collector has.

A line is ``{"t":…,"kind":"http"|"connect"|"send"|"recv","url":…,"data":…,"binary":true}``: ``t`` in seconds since 1970,
exact to the nanosecond; ``url`` of all but ``recv``; ``data`` of all but ``connect``, byte for byte, where a byte that
is no UTF-8 is ``\udc80`` to ``\udcff``; ``binary`` only where a frame came with that opcode. ``url`` names the venue's
own address, also where the client was sent elsewhere, to a gateway or a simulator: by it a reader knows the venue.
"""

import asyncio
import json
import logging
import random
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO
from urllib.parse import urlsplit

from metdc_collector.access import within_limits
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import Channel, Endpoints, Parsed, Venue
from metdc_collector.fleet import Fleet
from metdc_collector.rest import Rest
from metdc_collector.tasks import end
from metdc_collector.universe import Selection, nothing_to_collect, select
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
_TOLD_EVERY = 5.0
_SECOND = 1_000_000_000


class NothingSelected(Exception):
    """The list holds no instrument that is wanted; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to record.

    Attributes:
        endpoints: where to connect to.
        tls: whom these addresses are trusted by; null where none of them is encrypted.
        share: the part of each of the venue's limits per address that may be used.
        seconds: how long to stream; null for no end.
        frames: how many received frames to write; null for no end.
    """

    venue: Venue
    endpoints: Endpoints
    tls: ssl.SSLContext | None
    selection: Selection
    share: Fraction
    seconds: float | None = None
    frames: int | None = None


@dataclass(slots=True)
class Recording:
    """A recording on its way to ``out``: what the sessions tell, line by line, and their trades, which are counted.

    Once ``stop`` is set nothing more is written; it is set here when ``most`` frames were received, or when a line
    could not be written (``problem``).
    """

    out: BinaryIO
    now: Callable[[], int]
    venue: Venue
    endpoints: Endpoints
    stop: asyncio.Event
    most: int | None = None
    frames: int = 0
    trades: int = 0
    problem: OSError | None = None
    _written: bool = False

    # -- as a tap

    def replied(self, url: str, body: bytes) -> None:
        """Write a REST reply."""
        self._line("http", url=self.venue.endpoints.rest + url.removeprefix(self.endpoints.rest), data=_text(body))

    def connecting(self, url: str) -> None:
        """Write the start of a connection."""
        self._line("connect", url=self._own(url))

    def sending(self, url: str, frame: str) -> None:
        """Write a frame of ours."""
        self._line("send", url=self._own(url), data=frame)

    def received(self, data: bytes, *, binary: bool) -> None:
        """Write a frame of the venue's."""
        self._written = self._line("recv", data=_text(data), **({"binary": True} if binary else {}))
        self.frames += self._written
        if self.frames == self.most:
            self.stop.set()

    def _own(self, url: str) -> str:
        """Return the venue's own address of a socket; where it names none beforehand, its REST host stands for one."""
        base, own = self.endpoints.web_socket, self.venue.endpoints.web_socket
        if base == own:
            return url
        if own:
            return own + url.removeprefix(base)
        return urlsplit(url)._replace(scheme="wss", netloc=urlsplit(self.venue.endpoints.rest).netloc).geturl()

    def _line(self, kind: str, **parts: object) -> bool:
        """Write a line; return whether it was written."""
        if self.stop.is_set():
            return False
        seconds, fraction = divmod(self.now(), _SECOND)
        rest = json.dumps({"kind": kind, **parts}, separators=(",", ":")).removeprefix("{")
        try:
            # Whole lines, at once: a reader may follow, and whatever ends this process ends no line in its middle.
            self.out.write(f'{{"t":{seconds}.{fraction:09d},{rest}\n'.encode())
            self.out.flush()
        except OSError as error:
            self.problem = error
            self.stop.set()
        return self.problem is None

    # -- as a sink of trades

    @property
    def full(self) -> bool:
        """Never: there is nothing to wait for."""
        return False

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None:
        """Do nothing."""

    def cover(self, connection: int, names: Collection[str]) -> None:
        """Do nothing."""

    def drop(self, names: Collection[str]) -> None:
        """Do nothing."""

    def leave(self, connection: int, proof: int) -> None:
        """Do nothing."""

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
        """Count the trades of a frame that was written."""
        self.trades += len(parsed.trades) if self._written else 0

    def unread(self, names: Collection[str], since: int) -> None:
        """Do nothing."""


async def record(order: Order, out: BinaryIO, stop: asyncio.Event, clock: Clock) -> Recording:
    """Record until ``stop`` is set, or as long or as much as was ordered; return what was counted.

    Raises:
        RestError, InvalidListing: when there is no instrument list.
        NothingSelected: when it holds nothing that is wanted.
        OSError: when a line can't be written.
    """
    recording = Recording(out, clock.now, order.venue, order.endpoints, stop, order.frames)
    streaming = asyncio.create_task(_stream(order, recording, clock))
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({streaming, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if streaming in done:
            streaming.result()  # it never ends by itself
    finally:
        stop.set()
        await end((streaming, stopped))
    if recording.problem is not None:
        raise recording.problem
    return recording


async def _stream(order: Order, recording: Recording, clock: Clock) -> None:
    venue, tls = order.venue, order.tls
    connects, rest = within_limits(venue, order.endpoints, share=order.share, clock=clock, tls=tls, tap=recording)
    try:
        wanted = await _wanted(order, rest)
        fleet = Fleet(
            venue=venue,
            address=order.endpoints.web_socket,
            rhythm=venue.rhythm,
            instruments=wanted,
            sink=recording,
            clock=clock,
            timers=Timers(),
            connects=connects,
            rest=rest,
            random=random.random,
            tls=tls,
            changed=_changed,
            tap=recording,
        )
        if order.seconds is not None:
            asyncio.get_running_loop().call_later(order.seconds, recording.stop.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(fleet.run())
            group.create_task(_tell(recording, fleet))
    finally:
        rest.close()


async def _wanted(order: Order, rest: Rest) -> dict[str, Instrument]:
    chosen = select(await rest.listing(order.venue), order.selection, ahead=order.venue.ahead)
    if not chosen.wanted:
        raise NothingSelected(nothing_to_collect(chosen))
    log.info("%s %s: %d instruments", order.venue.exchange, order.venue.market, len(chosen.wanted))
    return dict(chosen.wanted)


async def _tell(recording: Recording, fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(_TOLD_EVERY)
        log.info(
            "%d frames, %d trades; %d of %d instruments stream",
            recording.frames,
            recording.trades,
            fleet.streaming,
            fleet.wanted,
        )


def _changed(channel: Channel) -> None:
    log.info("the feed is %s", channel.name)


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
