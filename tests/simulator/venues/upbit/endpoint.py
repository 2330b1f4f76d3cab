"""Upbit's one port: REST under `/v1`, announcements under `/api/v1`, WebSockets under `/websocket/v1` (reference 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.limits import Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.upbit.announcements import LIST, Announcements
from tests.simulator.venues.upbit.dialogue import MESSAGES, UpbitDialogue
from tests.simulator.venues.upbit.keys import bearer, holds
from tests.simulator.venues.upbit.lists import UpbitLister
from tests.simulator.venues.upbit.newsroom import Newsroom
from tests.simulator.venues.upbit.rest import UpbitRest, too_many
from tests.simulator.venues.upbit.wire import UpbitWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 5, 1.0
PUBLIC, PRIVATE = "/websocket/v1", "/websocket/v1/private"
MOST_PRIVATE = 5
"""Private sockets of an address at a time; the reference leaves the number open."""
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
        self._announcements = Announcements(hub)
        hub.orders |= Newsroom(hub, self._market, self._announcements).orders
        self._connects: dict[str, Window] = {}

    def http(self, request: HttpRequest) -> HttpReply:
        if request.path == LIST or request.path.startswith(f"{LIST}/"):
            return self._announcements.answer(request)
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        if (refusal := self._rest.shut_out(upgrade.address, upgrade.headers, upgrade.now)) is not None:
            return refusal
        window = self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS))
        if not window.admit(upgrade.now):
            self._hub.violations.note("upbit connects", upgrade.address)
            return too_many({})
        if upgrade.path == PRIVATE:
            return self._open_private(upgrade, socket)
        return UpbitDialogue(socket, self._market) if upgrade.path == PUBLIC else HttpReply(404, b"")

    def _open_private(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        token = bearer(upgrade.headers.get("authorization", ""))
        if token is None:
            error = {"name": "INVALID_AUTH", "message": MESSAGES["INVALID_AUTH"]}
            return HttpReply.json({"error": error}, 401)
        others = [one for one in self._hub.sockets if one.endpoint is self and one.path.partition("?")[0] == PRIVATE]
        if sum(1 for one in others if one.address == upgrade.address) >= MOST_PRIVATE:
            self._hub.violations.note("upbit private sockets", upgrade.address)
            return too_many({})
        return UpbitDialogue(socket, self._market, private=True, known=holds(token))

    # Recordings

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        if parts.hostname != "api.upbit.com":
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path == "/v1/market/all"
