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
from tests.simulator.venues.bybit.endpoint import BybitEndpoint
from tests.simulator.venues.gate.endpoint import GateEndpoint
from tests.simulator.venues.kucoin.endpoint import KucoinEndpoint
from tests.simulator.venues.okx.endpoint import OkxEndpoint
from tests.simulator.venues.phemex.endpoint import PhemexEndpoint
from tests.simulator.venues.upbit.endpoint import UpbitEndpoint


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
    only: Sequence[str] = ()


VENUES: dict[str, Callable[[Hub, Options], Endpoint]] = {
    "binance.spot": lambda hub, options: BinanceEndpoint(hub, futures=False),
    "binance.futures": lambda hub, options: BinanceEndpoint(hub, futures=True),
    "phemex": lambda hub, options: PhemexEndpoint(hub, history=options.history),
    "okx": lambda hub, options: OkxEndpoint(hub),
    "bybit": lambda hub, options: BybitEndpoint(hub),
    "kucoin.spot": lambda hub, options: KucoinEndpoint(hub, futures=False),
    "kucoin.futures": lambda hub, options: KucoinEndpoint(hub, futures=True),
    "gate": lambda hub, options: GateEndpoint(hub),
    "upbit": lambda hub, options: UpbitEndpoint(hub),
}
"""One entry for each port, in the order of the ports."""


class Simulator:
    """All venues, the control port, and the wheel that drives them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        if unknown := set(options.only) - set(VENUES):
            raise ValueError(f"not simulated: {', '.join(sorted(unknown))}; there are {', '.join(VENUES)}")
        self.stopping = asyncio.Event()
        self.hub = Hub(
            seed=options.seed, ledger=options.ledger, divide_timers=options.divide_timers, symbols=options.symbols
        )
        chosen = {name: venue for name, venue in VENUES.items() if not options.only or name in options.only}
        self.hub.endpoints = [venue(self.hub, options) for venue in chosen.values()]
        self._ports = [
            (list(VENUES).index(name) + 1, Port(self.hub, endpoint))
            for name, endpoint in zip(chosen, self.hub.endpoints, strict=True)
        ]
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
        for offset, port in self._ports:
            bound = await port.start(host, first + offset if first else 0)
            for market in port.endpoint.markets:
                addresses = {"rest": f"http://{host}:{bound}", "webSocket": f"ws://{host}:{bound}"}
                venues.setdefault(market.exchange, {})[market.name] = addresses
        self.hub.start(self.stopping.set)
        self.hub.set_rate(0.0 if self.hub.replaying else self._options.rate)
        return {"control": f"http://{host}:{control}", "venues": venues}

    async def stop(self) -> None:
        """Ends everything and closes the ledger."""
        await self.hub.stop()
        for _, port in self._ports:
            await port.stop()
        await self._control.stop()
