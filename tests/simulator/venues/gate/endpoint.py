"""Gate's one port: REST, and a WebSocket path for each market (reference 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.gate.dialogue import GateDialogue
from tests.simulator.venues.gate.lists import FuturesLister, SpotLister
from tests.simulator.venues.gate.rest import CONTRACTS, PAIRS, GateRest
from tests.simulator.venues.gate.wire import FuturesWire, SpotWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

DOMAINS = ("gateio.ws", "gate.com", "gate.io")
PRELUDE = 20
"""Fills of an instrument before the simulator's start."""


class GateEndpoint:
    """Both markets."""

    exchange = "gate"

    def __init__(self, hub: Hub) -> None:
        self._spot = Market(hub, "gate", "spot", wire=SpotWire(), lister=SpotLister(), share=0.1)
        self._futures = Market(hub, "gate", "futures", wire=FuturesWire(), lister=FuturesLister(), share=0.1)
        self.markets: tuple[Market, ...] = (self._spot, self._futures)
        for market in self.markets:
            market.prelude = PRELUDE
        self._rest = GateRest(self._spot, self._futures)

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        path = upgrade.path.rstrip("/")
        if path == "/ws/v4":
            return GateDialogue(socket, self._spot, form=False)
        if path == "/v4/ws/usdt":
            return GateDialogue(socket, self._futures, form=upgrade.headers.get("x-gate-size-decimal") == "1")
        return HttpReply(404, b"404 page not found")

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not any(host == domain or host.endswith(f".{domain}") for domain in DOMAINS):
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path in {PAIRS, CONTRACTS}
