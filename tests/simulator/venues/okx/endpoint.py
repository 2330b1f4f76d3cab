"""OKX's one port: REST below `/api/v5`, the WebSocket paths below `/ws/v5` (reference 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.limits import Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.okx.dialogue import OkxDialogue
from tests.simulator.venues.okx.lists import SpotLister, SwapLister
from tests.simulator.venues.okx.rest import INSTRUMENTS, OkxRest
from tests.simulator.venues.okx.wire import GROUPS, OkxWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 3, 1.0
PRELUDE = 20
"""Fills of an instrument before the simulator's start, so that quiet ones have a last trade too."""
SHARE = 0.2
_PATHS = {f"/ws/v5/{name}": name for name in ("public", "business", "private")}


class OkxEndpoint:
    """Both markets."""

    exchange = "okx"

    def __init__(self, hub: Hub) -> None:
        only = frozenset({GROUPS})
        self._spot = Market(hub, "okx", "spot", wire=OkxWire(), lister=SpotLister(), share=SHARE, unledgered=only)
        self._futures = Market(hub, "okx", "futures", wire=OkxWire(), lister=SwapLister(), share=SHARE, unledgered=only)
        self.markets: tuple[Market, ...] = (self._spot, self._futures)
        for market in self.markets:
            market.prelude = PRELUDE
        self._hub = hub
        self._rest = OkxRest(self._spot, self._futures)
        self._connects: dict[str, Window] = {}

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        if not self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS)).admit(upgrade.now):
            self._hub.violations.note("okx connects", upgrade.address)
            return HttpReply(429, b"")
        path = _PATHS.get(upgrade.path)
        if path is None:
            self._hub.violations.note("okx path", upgrade.address)
            return HttpReply(404, b"")
        return OkxDialogue(socket, self._spot, self._futures, path)

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    # Recordings

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host != "okx.com" and not host.endswith(".okx.com"):
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path == INSTRUMENTS
