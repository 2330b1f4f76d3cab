"""Phemex's one port: REST at its paths, the WebSocket at the root alone (reference 8.1, 8.2, 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.simulator.core.limits import Bans, Weights, Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade, compact
from tests.simulator.venues.phemex.dialogue import SNAPSHOT, PhemexDialogue
from tests.simulator.venues.phemex.lists import PerpetualLister, SpotLister, currencies, inverse_rows
from tests.simulator.venues.phemex.wire import PhemexWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 200, 300.0
REQUESTS, REQUESTS_SECONDS, BLOCKED = 5000, 300, 300.0
GROUP, GROUP_SECONDS = 300, 60
"""Of the group `Others`: the documents say 100 a minute, the capacity header said 300."""
BAD_SYMBOL = {"error": {"code": 6001, "message": "invalid argument"}, "id": None, "result": None}


class PhemexEndpoint:
    """Both markets."""

    exchange = "phemex"

    def __init__(self, hub: Hub, *, history: int) -> None:
        spot, futures = PhemexWire(perpetual=False), PhemexWire(perpetual=True)
        self._spot = Market(hub, "phemex", "spot", wire=spot, lister=SpotLister(), share=0.15)
        self._futures = Market(hub, "phemex", "futures", wire=futures, lister=PerpetualLister(), share=0.15)
        self.markets: tuple[Market, ...] = (self._spot, self._futures)
        for market in self.markets:
            market.prelude, market.prelude_span = history, 4 * 3600 * 10**9
        self._hub = hub
        self._connects: dict[str, Window] = {}
        self._all: dict[str, Weights] = {}
        self._group: dict[str, Weights] = {}
        self._blocked = Bans(BLOCKED / hub.divide_timers, BLOCKED / hub.divide_timers)
        self._listing: tuple[int, bytes] = (-1, b"")

    # WebSocket

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        window = self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS))
        if not window.admit(upgrade.now):
            self._hub.violations.note("phemex connects", upgrade.address)
            return HttpReply(429, b"", {"Retry-After": str(max(1, round(window.wait(upgrade.now))))})
        if upgrade.path != "/" or upgrade.query:
            self._hub.violations.note("phemex path", upgrade.address)
            return HttpReply(403, b"")
        return PhemexDialogue(socket, {"trade": self._spot, "trade_p": self._futures})

    # REST

    def http(self, request: HttpRequest) -> HttpReply:
        if (left := self._blocked.left(request.address, request.now)) > 0:
            return _too_many(left, 0)
        if not self._all.setdefault(request.address, Weights(REQUESTS, REQUESTS_SECONDS)).add(1, request.unix):
            self._hub.violations.note("phemex requests", request.address)
            self._blocked.put(request.address, request.now)
            return _too_many(self._blocked.left(request.address, request.now), 0)
        group = self._group.setdefault(request.address, Weights(GROUP, GROUP_SECONDS))
        if not group.add(1, request.unix):
            self._hub.violations.note("phemex group", request.address)
            return _too_many(group.wait(request.unix), 0)
        reply = self._answer(request)
        headers = {
            "x-ratelimit-capacity-others": str(GROUP),
            "x-ratelimit-remaining-others": str(GROUP - group.used),
        }
        return HttpReply(reply.status, reply.body, {**reply.headers, **headers}, listing=reply.listing)

    def _answer(self, request: HttpRequest) -> HttpReply:
        if request.method == "GET" and request.path == "/public/products":
            return HttpReply(200, self._products(), listing=True)
        if request.method == "GET" and request.path == "/md/trade":
            return self._trades(self._spot, request.query.get("symbol", ""))
        if request.method == "GET" and request.path == "/md/v2/trade":
            return self._trades(self._futures, request.query.get("symbol", ""))
        return HttpReply.json({"code": 404, "msg": "not found", "data": None}, 404)

    def _products(self) -> bytes:
        version = self._spot.version + self._futures.version
        if self._listing[0] != version:
            spot = [instrument.row for instrument in self._spot.instruments.values()]
            perpetuals = [instrument.row for instrument in self._futures.instruments.values()]
            data = {
                "ratioScale": 8,
                "currencies": currencies([row["baseCurrency"] for row in spot]),
                "products": [*inverse_rows(), *spot],
                "perpProductsV2": perpetuals,
            }
            self._listing = (version, compact({"code": 0, "msg": "", "data": data}).encode())
        return self._listing[1]

    def _trades(self, market: Market, name: str) -> HttpReply:
        instrument = market.instruments.get(name)
        if instrument is None:
            return HttpReply.json(BAD_SYMBOL, 500)
        assert isinstance(market.wire, PhemexWire)
        rows = market.over_rest(instrument, market.wire.channel)[-SNAPSHOT:]
        market.told(instrument, market.wire.channel, rows, rows)
        body = market.wire.body(instrument, rows, "snapshot", self._hub.clock.ns())
        inner = "{" + body[body.index('"sequence"') :]
        return HttpReply(200, f'{{"error":null,"id":0,"result":{inner}}}'.encode())

    # Recordings

    def owns(self, url: str) -> str | None:
        parts = urlsplit(url)
        if not (parts.hostname or "").endswith("phemex.com"):
            return None
        return "ws" if parts.scheme.startswith("ws") else "rest"

    def lists(self, path: str) -> bool:
        return path == "/public/products"


def _too_many(wait: float, left: int) -> HttpReply:
    headers = {"x-ratelimit-retry-after-others": str(max(1, round(wait))), "x-ratelimit-remaining-others": str(left)}
    return HttpReply.json({"code": 429, "msg": "Too many requests"}, 429, headers)
