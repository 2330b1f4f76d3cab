"""KuCoin over REST: lists, back-fill, the token call, the pool of weights (reference 6.1-6.3, 6.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulator.core.limits import Weights
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.kucoin.tokens import Tokens
from tests.simulator.venues.kucoin.wire import KucoinWire

if TYPE_CHECKING:
    from tests.simulator.core.market import Market

POOL, POOL_SECONDS = 2000, 30
ROWS = 100
PING_INTERVAL, PING_TIMEOUT = 18_000, 10_000
"""In milliseconds."""
PATH = "/endpoint"
"""Where the WebSocket of a token is: a client that takes another address than the reply's is refused."""
LISTS = {"spot": ("/api/v2/symbols", "/api/v1/symbols"), "futures": ("/api/v1/contracts/active",)}
_NEWER = ("minFunds", "st", "callauctionIsEnabled", "tradingStartTime")
"""What the old form of the spot list lacks."""
Route = Callable[[HttpRequest], HttpReply]


class KucoinRest:
    """The REST half of one market."""

    def __init__(self, market: Market, tokens: Tokens) -> None:
        self._market, self._tokens = market, tokens
        self._pools: dict[str, Weights] = {}
        self._bodies: dict[str, tuple[int, bytes]] = {}
        spot = market.name == "spot"
        trades = ("GET", "/api/v1/market/histories") if spot else ("GET", "/api/v1/trade/history")
        self._routes: dict[tuple[str, str], tuple[int, Route]] = {
            ("POST", "/api/v1/bullet-public"): (10, self._bullet),
            ("GET", "/api/v1/timestamp"): (3 if spot else 2, lambda request: _data(int(request.unix * 1000))),
            trades: (3 if spot else 5, self._trades),
            **{("GET", path): (4 if spot else 3, self._list) for path in LISTS[market.name]},
        }

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any REST request of this market; each carries the state of its address's pool."""
        weight, route = self._routes.get((request.method, request.path), (1, self._unknown))
        pool = self._pools.setdefault(request.address, Weights(POOL, POOL_SECONDS))
        if pool.add(weight, request.unix):
            reply = route(request)
        else:
            self._market.hub.violations.note(f"{self._market.key} weight", request.address)
            reply = _error("429000", "Too many requests in a short period of time, please retry later", 429)
        headers = {
            "gw-ratelimit-limit": str(POOL),
            "gw-ratelimit-remaining": str(max(0, POOL - pool.used)),
            "gw-ratelimit-reset": str(int((POOL_SECONDS - request.unix % POOL_SECONDS) * 1000)),
        }
        return HttpReply(reply.status, reply.body, {**reply.headers, **headers}, listing=reply.listing)

    def _unknown(self, request: HttpRequest) -> HttpReply:
        if any(path == request.path for _, path in self._routes):
            return _error("405000", f"Request method '{request.method}' is not supported", 405)
        return _error("404000", "URL not found", 404)

    def _bullet(self, request: HttpRequest) -> HttpReply:
        divide = self._market.hub.divide_timers
        server = {
            "endpoint": f"ws://{request.headers.get('host', '127.0.0.1')}{PATH}",
            "encrypt": False,
            "protocol": "websocket",
            "pingInterval": max(1, int(PING_INTERVAL / divide)),
            "pingTimeout": max(1, int(PING_TIMEOUT / divide)),
        }
        return _data({"token": self._tokens.make(request.now), "instanceServers": [server]})

    def _list(self, request: HttpRequest) -> HttpReply:
        """The whole list; of the newer spot form also the rows of one trading zone."""
        zone = request.query.get("market") if request.path == LISTS["spot"][0] else None
        if zone is not None:
            rows = [one.row for one in self._market.instruments.values() if one.row["market"] == zone]
            return _data(rows)
        version, body = self._bodies.get(request.path, (-1, b""))
        if version != self._market.version:
            rows = [one.row for one in self._market.instruments.values()]
            if request.path == LISTS["spot"][1]:
                rows = [{key: value for key, value in row.items() if key not in _NEWER} for row in rows]
            body = compact({"code": "200000", "data": rows}).encode()
            self._bodies[request.path] = (self._market.version, body)
        return HttpReply(200, body, listing=True)

    def _trades(self, request: HttpRequest) -> HttpReply:
        """The newest rows: spot's oldest first, futures' newest first; the reference leaves the order open."""
        market = self._market
        instrument = market.instruments.get(request.query.get("symbol", ""))
        if instrument is None:
            return _error("200003", "Invalid symbol.")
        wire = market.wire
        assert isinstance(wire, KucoinWire)
        trades = market.over_rest(instrument, wire.channel)[-ROWS:]
        market.told(instrument, wire.channel, trades, trades)
        rows = [wire.row(instrument, trade) for trade in trades]
        return _data(rows if market.name == "spot" else rows[::-1])


def _data(value: object) -> HttpReply:
    return HttpReply.json({"code": "200000", "data": value})


def _error(code: str, text: str, status: int = 200) -> HttpReply:
    """Most errors come with HTTP 200."""
    return HttpReply.json({"msg": text, "code": code}, status)
