"""Gate's REST API: both lists, both back-fills, the limit of each endpoint (reference 7.1, 7.2, 7.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulator.core.limits import Weights
from tests.simulator.core.model import Trade
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.gate.wire import FuturesWire, SpotWire

if TYPE_CHECKING:
    from tests.simulator.core.market import Market

PAIRS = "/api/v4/spot/currency_pairs"
CONTRACTS = "/api/v4/futures/usdt/contracts"
REQUESTS, SECONDS = 200, 10
MOST_ROWS = 1000
DEEPEST = 100_000
"""The most rows that pages of the spot back-fill may skip."""
KEPT = 30 * 86400 * 10**9
"""Spot trades older than this are not shown."""


class Wrong(Exception):
    """A refusal with 400: label and message."""


class GateRest:
    """Requests are counted by endpoint and address."""

    def __init__(self, spot: Market, futures: Market) -> None:
        self._spot, self._futures = spot, futures
        self._hub = spot.hub
        self._used: dict[tuple[str, str], Weights] = {}
        self._pairs: tuple[int, bytes] = (-1, b"")
        self._routes: dict[str, Callable[[HttpRequest], HttpReply]] = {
            PAIRS: self._currency_pairs,
            CONTRACTS: self._contracts,
            "/api/v4/spot/trades": self._spot_trades,
            "/api/v4/futures/usdt/trades": self._futures_trades,
        }

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answers a request."""
        route = self._routes.get(request.path) if request.method == "GET" else None
        if route is None:
            return HttpReply.json({"label": "NOT_FOUND", "message": f"{request.method} {request.path}"}, 404)
        account = self._used.setdefault((request.path, request.address), Weights(REQUESTS, SECONDS))
        within = account.add(1, request.unix)
        headers = {
            "x-gate-ratelimit-limit": str(REQUESTS),
            "x-gate-ratelimit-requests-remain": str(max(0, REQUESTS - account.used)),
            "x-gate-ratelimit-reset-timestamp": str(int(request.unix) // SECONDS * SECONDS + SECONDS),
        }
        if not within:
            self._hub.violations.note("gate requests", request.address)
            return HttpReply.json(
                {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit exceeded"}, 429, headers
            )
        try:
            reply = route(request)
        except Wrong as wrong:
            label, message = wrong.args
            reply = HttpReply.json({"label": label, "message": message}, 400)
        return HttpReply(reply.status, reply.body, headers, listing=reply.listing)

    # Lists

    def _currency_pairs(self, _: HttpRequest) -> HttpReply:
        if self._pairs[0] != self._spot.version:
            rows = [instrument.row for instrument in self._spot.instruments.values()]
            self._pairs = (self._spot.version, compact(rows).encode())
        return HttpReply(200, self._pairs[1], listing=True)

    def _contracts(self, request: HttpRequest) -> HttpReply:
        """The whole list, with the newest trade ids; `limit` and `offset` cut it."""
        rows = [instrument.row for instrument in self._futures.instruments.values()]
        offset = _number(request, "offset", 0)
        end = offset + _limit(request) if "limit" in request.query else None
        return HttpReply(200, compact(rows[offset:end]).encode(), listing=True)

    # Back-fill, newest first

    def _spot_trades(self, request: HttpRequest) -> HttpReply:
        instrument = self._spot.instruments.get(_mandatory(request, "currency_pair"))
        if instrument is None:
            raise Wrong("INVALID_CURRENCY_PAIR", f"Invalid currency pair {request.query['currency_pair']}")
        limit, page = _limit(request), _number(request, "page", 1, least=1)
        if limit * (page - 1) > DEEPEST:
            raise Wrong("INVALID_PARAM_VALUE", f"limit * (page - 1) must not be above {DEEPEST}")
        since = self._hub.clock.ns() - KEPT
        wire = self._spot.wire
        held = [trade for trade in self._spot.over_rest(instrument, wire.channel) if trade.time >= since]
        rows = _between(held, request)
        if "last_id" in request.query:
            last, back = _number(request, "last_id", 0), request.query.get("reverse") == "true"
            rows = [trade for trade in rows if (trade.id or 0) != last and ((trade.id or 0) < last) is back]
        assert isinstance(wire, SpotWire)
        shown = rows[limit * (page - 1) : limit * page]
        self._spot.told(instrument, wire.channel, shown, held)
        return _array([wire.rest_row(instrument, trade) for trade in shown])

    def _futures_trades(self, request: HttpRequest) -> HttpReply:
        instrument = self._futures.instruments.get(_mandatory(request, "contract"))
        if instrument is None:
            raise Wrong("CONTRACT_NOT_FOUND", f"contract {request.query['contract']} not found")
        limit, offset = _limit(request), _number(request, "offset", 0)
        wire = self._futures.wire
        held = self._futures.over_rest(instrument, wire.channel)
        rows = _between(held, request)
        if "last_id" in request.query:
            last = _number(request, "last_id", 0)
            rows = [trade for trade in rows if (trade.id or 0) < last]
        decimal = request.headers.get("x-gate-size-decimal") == "1"
        assert isinstance(wire, FuturesWire)
        shown = rows[offset : offset + limit]
        self._futures.told(instrument, wire.channel, shown, held)
        return _array([wire.rest_row(instrument, trade, decimal=decimal) for trade in shown])


def _between(held: list[Trade], request: HttpRequest) -> list[Trade]:
    """What lies between `from` and `to` (whole seconds, both included), newest first."""
    start, end = _number(request, "from", 0), _number(request, "to", 2**40)
    return [trade for trade in reversed(held) if start <= trade.time // 10**9 <= end]


def _array(rows: list[str]) -> HttpReply:
    return HttpReply(200, f"[{','.join(rows)}]".encode())


def _mandatory(request: HttpRequest, key: str) -> str:
    if not (value := request.query.get(key)):
        raise Wrong("MISSING_REQUIRED_PARAM", f"Missing required parameter: {key}")
    return value


def _limit(request: HttpRequest) -> int:
    return _number(request, "limit", 100, least=1, most=MOST_ROWS)


def _number(request: HttpRequest, key: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    text = request.query.get(key)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if value < least or (most is not None and value > most):
        raise Wrong("INVALID_PARAM_VALUE", f"Invalid parameter {key}: {text}")
    return value
