"""Upbit's one port: REST under `/v1`, the WebSocket at `/websocket/v1` (reference 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.limits import Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.upbit.dialogue import UpbitDialogue
from tests.simulator.venues.upbit.lists import UpbitLister
from tests.simulator.venues.upbit.rest import UpbitRest, too_many
from tests.simulator.venues.upbit.wire import UpbitWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 5, 1.0
PRELUDE = 5
"""Trades of a pair before the simulator's start: few, since one request can ask for the last trade of all pairs."""


class UpbitEndpoint:
    """The one market."""

    exchange = "upbit"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._market = Market(hub, "upbit", "spot", wire=UpbitWire(hub.seed), lister=UpbitLister(), share=0.1)
        self._market.prelude = PRELUDE
        self.markets: tuple[Market, ...] = (self._market,)
        self._rest = UpbitRest(self._market)
        self._connects: dict[str, Window] = {}

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        if (refusal := self._rest.shut_out(upgrade.address, upgrade.headers, upgrade.now)) is not None:
            return refusal
        window = self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS))
        if not window.admit(upgrade.now):
            self._hub.violations.note("upbit connects", upgrade.address)
            return too_many({})
        if upgrade.path != "/websocket/v1":
            return HttpReply(404, b"")
        return UpbitDialogue(socket, self._market)

    # Recordings

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        if parts.hostname != "api.upbit.com":
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path == "/v1/market/all"
