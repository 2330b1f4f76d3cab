"""Puts a simulator together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulator.core.control import Control
from tests.simulator.core.hub import Hub
from tests.simulator.core.replay import Replay
from tests.simulator.core.server import Port
from tests.simulator.core.venue import Endpoint
from tests.simulator.venues.binance.endpoint import BinanceEndpoint
from tests.simulator.venues.phemex.endpoint import PhemexEndpoint


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; `--help` explains each."""

    port: int = 9400
    host: str = "127.0.0.1"
    seed: int = 7
    rate: float = 200.0
    divide_timers: float = 1.0
    ledger: Path | None = None
    replay: Sequence[Path] = ()
    symbols: int | None = None
    history: int = 1000


VENUES: tuple[Callable[[Hub, Options], Endpoint], ...] = (
    lambda hub, options: BinanceEndpoint(hub, futures=False),
    lambda hub, options: BinanceEndpoint(hub, futures=True),
    lambda hub, options: PhemexEndpoint(hub, history=options.history),
)
"""One entry for each port, in the order of the ports."""


class Simulator:
    """All venues, the control port, and the wheel that drives them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.stopping = asyncio.Event()
        self.hub = Hub(
            seed=options.seed, ledger=options.ledger, divide_timers=options.divide_timers, symbols=options.symbols
        )
        self.hub.endpoints = [venue(self.hub, options) for venue in VENUES]
        self._ports = [Port(self.hub, endpoint) for endpoint in self.hub.endpoints]
        self._control = Control(self.hub, self.stopping)
        if options.replay:
            try:
                self.hub.replay = Replay(self.hub, list(options.replay))
            except (OSError, ValueError):
                self.hub.ledger.close()
                raise

    async def start(self) -> dict[str, Any]:
        """Listens on all ports, begins to trade and answers the addresses."""
        host, first = self._options.host, self._options.port
        control = await self._control.start(host, first)
        venues: dict[str, dict[str, dict[str, str]]] = {}
        for index, (port, endpoint) in enumerate(zip(self._ports, self.hub.endpoints, strict=True), 1):
            bound = await port.start(host, first + index if first else 0)
            for market in endpoint.markets:
                addresses = {"rest": f"http://{host}:{bound}", "webSocket": f"ws://{host}:{bound}"}
                venues.setdefault(endpoint.exchange, {})[market.name] = addresses
        self.hub.start()
        self.hub.set_rate(0.0 if self.hub.replaying else self._options.rate)
        return {"control": f"http://{host}:{control}", "venues": venues}

    async def stop(self) -> None:
        """Ends everything and closes the ledger."""
        await self.hub.stop()
        for port in self._ports:
            await port.stop()
        await self._control.stop()
