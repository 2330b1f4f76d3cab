"""The official socket of notices: kept open with a key, and silent until something is published."""

import asyncio
import logging
import random
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import Ending, Rhythm
from metdc_collector.exchanges.upbit import SPOT, notices
from metdc_collector.exchanges.upbit.notices import Notice
from metdc_collector.limits import Budget
from metdc_collector.listings.polling import Figures
from metdc_collector.rest import Rest
from metdc_collector.session.connection import outcome_of
from metdc_collector.session.policy import End, Outcome, Policy, State, of_close

log = logging.getLogger(__name__)
_NAME = "socket"
_OPEN_TIMEOUT = 10.0
_MOST_FRAME_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Key:
    """An API key of Upbit; no rights are needed. Nothing shows it."""

    access: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(slots=True, eq=False)
class Socket:
    """Keeps the socket open until cancelled; one line in the log for each change of state.

    Attributes:
        address: the base address, ``wss://api.upbit.com``.
        hear: takes each notice that was published or edited, with whether it was edited, and when it came (ns).
        opened: called after each start: what was published before it does not come.
    """

    address: str
    key: Key
    rest: Rest
    connects: Budget
    tls: ssl.SSLContext | None
    rhythm: Rhythm
    hear: Callable[[Notice, bool, int], None]
    opened: Callable[[], None]
    clock: Clock
    timers: Timers
    state: State = State.CONNECTING
    figures: Figures = field(default_factory=Figures)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        policy = Policy(self.timers, random.random)
        while True:
            await asyncio.sleep(max(self.connects.take(), self.connects.held))
            outcome = await self._connect()
            self.figures.failed += 1
            pause = policy.after(outcome)
            self._turn(pause.state, outcome.reason)
            await asyncio.sleep(pause.seconds)

    async def _connect(self) -> Outcome:
        """Listen through one connection, and say how it ended."""
        url = self.address + notices.SOCKET
        token = notices.token(self.key.access, self.key.secret, str(uuid.uuid4()))
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with connect(
                url,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                open_timeout=_OPEN_TIMEOUT,
                ping_interval=None,
                close_timeout=2,
                max_size=_MOST_FRAME_BYTES,
                ssl=self.tls if url.startswith("wss:") else None,
            ) as client:
                began = now()
                await client.send(notices.SUBSCRIPTION)
                self._turn(State.ACTIVE, None)
                self.opened()
                return (await self._listen(client))._replace(lived=now() - began)
        except ConnectionClosed as closed:
            code = None if closed.rcvd is None else closed.rcvd.code
            words = "the connection broke" if closed.rcvd is None else f"closed by the venue: {closed.rcvd}"
            return Outcome(of_close(code, SPOT.limits.refusing), words, now() - began, code=code)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError) as error:
            return outcome_of(error, url, self.rest)

    async def _listen(self, client: ClientConnection) -> Outcome:
        """Take frames and send heartbeats until the connection is of no more use.

        Raises:
            ConnectionClosed: when it ends by itself.
        """
        heartbeat, loop = self.rhythm.heartbeat, asyncio.get_running_loop()
        assert heartbeat is not None, "Upbit must hear its clients"
        last = loop.time()
        beat = last + heartbeat
        while loop.time() - last <= self.rhythm.silence:
            if loop.time() >= beat:
                await client.send("PING")
                beat = loop.time() + heartbeat
            try:
                async with asyncio.timeout_at(beat):
                    frame = await client.recv(decode=False)
            except TimeoutError:
                continue
            last = loop.time()
            if (ended := self._take(frame, self.clock.now())) is not None:
                return ended
        return Outcome(End.FAILED, f"no sign of life for {self.rhythm.silence:g} s")

    def _take(self, frame: bytes, now: int) -> Outcome | None:
        heard = notices.hear(frame)
        self.figures.asked += 1
        if heard.ending is not None:
            end = End.REFUSED if heard.ending is Ending.REFUSED else End.FAILED
            return Outcome(end, heard.problem or heard.ending.value)
        if heard.problem is not None:
            self.figures.sample(_NAME, heard.problem, frame)
            return None
        self.figures.answered = now
        if heard.notice is not None:
            self.hear(heard.notice, heard.edited, now)
        return None

    def _turn(self, state: State, reason: str | None) -> None:
        if state is not self.state or (reason is not None and reason != self.figures.problem):
            level = logging.INFO if state is State.ACTIVE else logging.WARNING
            log.log(level, "%s: %s%s", _NAME, state.value, f": {reason}" if reason else "")
        self.state, self.figures.problem = state, reason
