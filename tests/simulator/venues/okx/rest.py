"""OKX over REST: instruments, newest trades, pages of trades (reference 5.1, 5.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.okx.wire import FILLS, side, source

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.model import Instrument, Trade

INSTRUMENTS = "/api/v5/public/instruments"
SPAN = 2.0
"""Seconds in which the requests of one address and endpoint are counted."""
EMPTY_TYPES = ("MARGIN", "FUTURES", "OPTION")
"""Types that the venue has and the simulator lists nothing of."""


class Wrong(Exception):
    """An error reply: HTTP status, code and text."""


class OkxRest:
    """What the port answers over REST."""

    def __init__(self, spot: Market, futures: Market) -> None:
        self._markets = {"SPOT": spot, "SWAP": futures}
        self._hub = spot.hub
        self._windows: dict[tuple[str, str], Window] = {}
        self._bodies: dict[str, tuple[int, bytes]] = {}
        self._routes: dict[str, tuple[int, Callable[[HttpRequest], HttpReply]]] = {
            INSTRUMENTS: (20, self._instruments),
            "/api/v5/market/trades": (100, self._trades),
            "/api/v5/market/history-trades": (20, self._history),
        }

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any request; instruments are counted for each `instType`."""
        limit, route = self._routes.get(request.path, (0, None))
        if route is None or request.method != "GET":
            return _error(404, "404", "Not Found")
        counted = request.path + (request.query.get("instType", "") if request.path == INSTRUMENTS else "")
        if not self._windows.setdefault((request.address, counted), Window(limit, SPAN)).admit(request.now):
            self._hub.violations.note("okx rate", request.address)
            return _error(429, "50011", "Too Many Requests")
        try:
            return route(request)
        except Wrong as wrong:
            return _error(*wrong.args)

    # The list

    def _instruments(self, request: HttpRequest) -> HttpReply:
        kind = request.query.get("instType", "")
        if not kind:
            raise Wrong(400, "50014", "Parameter instType cannot be empty")
        if kind in EMPTY_TYPES:
            return _data([])
        if kind not in self._markets:
            raise Wrong(400, "51000", "Parameter instType error")
        market = self._markets[kind]
        wanted = {field: request.query[field] for field in ("instId", "uly", "instFamily") if request.query.get(field)}
        if wanted:
            rows = [one.row for one in market.instruments.values() if wanted.items() <= one.row.items()]
            if not rows:
                raise Wrong(200, "51001", "Instrument ID does not exist")
            return _data(rows)
        version, body = self._bodies.get(kind, (-1, b""))
        if version != market.version:
            body = _data([instrument.row for instrument in market.instruments.values()]).body
            self._bodies[kind] = (market.version, body)
        return HttpReply(200, body, listing=True)

    # Back-fill

    def _fills(self, request: HttpRequest) -> tuple[Market, Instrument, list[Trade]]:
        """The instrument and all its kept fills, oldest first."""
        name = request.query.get("instId", "")
        if not name:
            raise Wrong(400, "50014", "Parameter instId cannot be empty")
        for market in self._markets.values():
            if (instrument := market.instruments.get(name)) is not None:
                return market, instrument, market.over_rest(instrument, FILLS)
        raise Wrong(200, "51001", "Instrument ID does not exist")

    def _trades(self, request: HttpRequest) -> HttpReply:
        market, instrument, held = self._fills(request)
        rows = _newest(held, _whole(request, "limit", 100), most=500)
        return _page(market, instrument, rows, held)

    def _history(self, request: HttpRequest) -> HttpReply:
        """`before` alone gives the latest rows that are newer, not those next to it."""
        kind = request.query.get("type", "1") or "1"
        if kind not in {"1", "2"}:
            raise Wrong(400, "51000", "Parameter type error")
        after, before = _whole(request, "after", -1), _whole(request, "before", -1)
        if kind == "2" and before >= 0:
            raise Wrong(400, "51000", "Parameter before error")
        market, instrument, held = self._fills(request)
        fills = held
        if after >= 0:
            fills = [fill for fill in fills if (_id(fill) if kind == "1" else fill.time // 1_000_000) < after]
        if before >= 0:
            fills = [fill for fill in fills if _id(fill) > before]
        return _page(market, instrument, _newest(fills, _whole(request, "limit", 100), most=100), held)


def _id(fill: Trade) -> int:
    return fill.id or 0


def _whole(request: HttpRequest, key: str, default: int) -> int:
    text = request.query.get(key, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise Wrong(400, "51000", f"Parameter {key} error")
    return int(text)


def _newest(fills: list[Trade], limit: int, *, most: int) -> list[Trade]:
    return fills[-max(1, min(limit, most)) :]


def _page(market: Market, instrument: Instrument, rows: list[Trade], held: list[Trade]) -> HttpReply:
    """The rows, newest first."""
    market.told(instrument, FILLS, rows, held)
    return _data([_row(instrument, fill) for fill in reversed(rows)])


def _row(instrument: Instrument, fill: Trade) -> dict[str, str]:
    return {
        "instId": instrument.name,
        "side": side(fill),
        "sz": instrument.size_text(fill.size),
        "px": instrument.price_text(fill.price),
        "source": source(fill),
        "tradeId": str(fill.id),
        "ts": str(fill.time // 1_000_000),
    }


def _data(rows: list[Any]) -> HttpReply:
    return HttpReply(200, compact({"code": "0", "msg": "", "data": rows}).encode())


def _error(status: int, code: str, text: str) -> HttpReply:
    return HttpReply.json({"code": code, "msg": text, "data": []}, status)
