"""Holds the parts together and turns the wheel: every slice makes what is due and writes it to the sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulator.core.agenda import Agenda
from tests.simulator.core.faults import Switchboard
from tests.simulator.core.generator import Generator
from tests.simulator.core.ledger import Ledger
from tests.simulator.core.limits import Violations
from tests.simulator.core.model import Clock, SystemClock
from tests.simulator.core.venue import Dialogue, Endpoint, HttpReply, Upgrade

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.replay import Replay
    from tests.simulator.core.socket import Socket

SLICE = 0.01
"""Seconds between two turns: a compromise between evenness and the cost of a wake-up."""
FLUSH = 0.1
"""Seconds between two flushes of the ledger."""


class Hub:
    """What every part of the simulator may ask of the others."""

    def __init__(
        self,
        *,
        seed: int,
        ledger: Path | None,
        divide_timers: float,
        symbols: int | None,
        clock: Clock | None = None,
    ) -> None:
        self.seed, self.divide_timers, self.symbols = seed, divide_timers, symbols
        self.clock = clock or SystemClock()
        self.ledger = Ledger(ledger)
        self.violations = Violations()
        self.switchboard = Switchboard(self)
        self.generator = Generator(self)
        self.agenda = Agenda()
        self.orders: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {}
        """What a venue adds to the control port: method and path, and what answers."""
        self.dirty: set[Socket] = set()
        self.sockets: set[Socket] = set()
        self.endpoints: list[Endpoint] = []
        self.replay: Replay | None = None
        self.connections = 0
        self.frames: Counter[str] = Counter()
        """Text and binary frames that clients of an exchange have sent."""
        self.requests: Counter[str] = Counter()
        """REST requests to an exchange."""
        self.looked = 0.0
        """Monotonic seconds of a turn after which all sockets have been looked at: the last but one."""
        self._wheel: asyncio.Task[None] | None = None

    @property
    def replaying(self) -> bool:
        """Whether a recording is played instead of trades being made."""
        return self.replay is not None

    def markets(self) -> Iterable[Market]:
        """All markets of all endpoints."""
        return (market for endpoint in self.endpoints for market in endpoint.markets)

    def market(self, exchange: str, name: str) -> Market:
        """One market; KeyError names an unknown one."""
        for market in self.markets():
            if (market.exchange, market.name) == (exchange, name):
                return market
        raise KeyError(f"{exchange}.{name} is not simulated")

    def set_rate(self, total: float) -> None:
        """Spreads a total rate, in trades per second, over the markets by their shares."""
        shares = sum(market.share for market in self.markets())
        for market in self.markets():
            self.generator.plans[market.key].rate = total * market.share / shares

    # The wheel

    def start(self, failed: Callable[[], None]) -> None:
        """Begins to turn; should it ever break, `failed` is called and `stop` raises what happened."""
        self.generator.start(self.markets())
        self._wheel = asyncio.create_task(self._turn(), name="simulator wheel")
        self._wheel.add_done_callback(lambda _: failed())

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        due = flushed = turned = loop.time()
        while True:
            due = max(due + SLICE, loop.time())
            await asyncio.sleep(due - loop.time())
            self.looked, turned = turned, loop.time()
            self.turn()
            if loop.time() - flushed >= FLUSH:
                flushed = loop.time()
                self.ledger.flush()

    def turn(self) -> None:
        """Does what is due by now, and writes it."""
        self.agenda.run(self.clock.ns())
        self.generator.advance()
        self.flush()

    def flush(self) -> None:
        """Writes what is queued on all sockets."""
        for socket in list(self.dirty):
            socket.flush()

    async def stop(self) -> None:
        """Stops turning, writes the last plan lines and closes the ledger."""
        broken: list[BaseException] = []
        if self._wheel is not None:
            self._wheel.cancel()
            ends = await asyncio.gather(self._wheel, return_exceptions=True)
            broken = [end for end in ends if isinstance(end, Exception)]
        for socket in list(self.sockets):
            socket.cut("simulator stops")
        self.mark()
        self.ledger.close()
        for error in broken:
            raise error

    def mark(self) -> list[dict[str, int | str]]:
        """Writes and answers the plan lines since the last mark, and flushes the ledger."""
        now = self.clock.ns()
        lines = [plan.mark(now) for plan in self.generator.plans.values()]
        for line in lines:
            self.ledger.write(line)
        self.ledger.flush()
        return lines

    # Connections

    def admit(self, endpoint: Endpoint, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        """Asks the faults and then the venue whether a WebSocket may open."""
        return self.switchboard.refusal(endpoint) or endpoint.open(upgrade, socket)

    def opened(self, socket: Socket) -> None:
        """Notes a new connection."""
        self.connections += 1
        socket.number = self.connections
        self.sockets.add(socket)
        self._note(socket, "open")
        if self.replay is not None:
            self.replay.opened(socket)

    def closed(self, socket: Socket, reason: str) -> None:
        """Notes the end of a connection and forgets its subscriptions; further calls do nothing."""
        if socket not in self.sockets:
            return
        self.sockets.discard(socket)
        self.dirty.discard(socket)
        for market, (channel, instrument), _ in list(socket.topics.values()):
            market.unsubscribe(socket, channel, instrument)
        self._note(socket, "close", reason=reason)

    def subscribed(self, socket: Socket, market: Market, instruments: list[str]) -> None:
        """Notes subscriptions in the ledger and tells the replay."""
        self._line(socket, market, "subscribed", instruments=instruments)
        if self.replay is not None:
            self.replay.subscribed(socket)

    def unsubscribed(self, socket: Socket, market: Market, instruments: list[str]) -> None:
        """Notes ended subscriptions in the ledger."""
        self._line(socket, market, "unsubscribed", instruments=instruments)

    def _note(self, socket: Socket, event: str, *, reason: str | None = None) -> None:
        for market in socket.markets:
            self._line(socket, market, event, reason=reason)

    def _line(
        self,
        socket: Socket,
        market: Market,
        event: str,
        *,
        instruments: list[str] | None = None,
        reason: str | None = None,
    ) -> None:
        self.ledger.write(
            {
                "type": "connection",
                "exchange": market.exchange,
                "market": market.name,
                "connection": socket.number,
                "event": event,
                "instruments": instruments or [],
                "at": self.clock.ns(),
                "reason": reason,
                "serial": market.serial,
                "address": socket.address,
            }
        )

    def delay_of(self, endpoint: Endpoint) -> float:
        """Seconds by which the fault `delay` holds frames of this endpoint back."""
        return self.switchboard.delay(endpoint)
