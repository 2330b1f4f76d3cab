"""Bybit's one port: REST, and a WebSocket path for each market (reference 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.limits import Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.bybit.dialogue import BybitDialogue
from tests.simulator.venues.bybit.lists import LinearLister, SpotLister
from tests.simulator.venues.bybit.rest import BybitRest
from tests.simulator.venues.bybit.wire import BybitWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 500, 300.0
OPEN = 1000
"""Connections of one address and market that may be open together."""
PRELUDE = 20
"""Fills of an instrument before the simulator's start."""
DOMAINS = ("bybit.com", "bybit.kz", "bybit.tr", "bybit.id")


class BybitEndpoint:
    """Both markets."""

    exchange = "bybit"

    def __init__(self, hub: Hub) -> None:
        spot = Market(hub, "bybit", "spot", wire=BybitWire(linear=False), lister=SpotLister(), share=0.25)
        linear = Market(hub, "bybit", "futures", wire=BybitWire(linear=True), lister=LinearLister(), share=0.25)
        self.markets: tuple[Market, ...] = (spot, linear)
        for market in self.markets:
            market.prelude = PRELUDE
        self._hub = hub
        self._paths = {"/v5/public/spot": spot, "/v5/public/linear": linear}
        self._rest = BybitRest(hub, {"spot": spot, "linear": linear})
        self._connects: dict[str, Window] = {}

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        """The connects of both markets count together: they have one domain."""
        if not self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS)).admit(upgrade.now):
            self._hub.violations.note("bybit connects", upgrade.address)
            return HttpReply(403, b"access too frequent")
        market = self._paths.get(upgrade.path)
        if market is None:
            self._hub.violations.note("bybit path", upgrade.address)
            return HttpReply(404, b"404 page not found")
        alike = sum(1 for one in self._hub.sockets if one.address == upgrade.address and market in one.markets)
        if alike >= OPEN:
            self._hub.violations.note(f"{market.key} open connections", upgrade.address)
            return HttpReply(403, b"access too frequent")
        socket.markets = (market,)
        return BybitDialogue(socket, market, linear=upgrade.path.endswith("linear"))

    # Recordings

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        if not (parts.hostname or "").endswith(DOMAINS):
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path == "/v5/market/instruments-info"
