"""Bybit over REST: the lists page by page, the newest trades, the limit of an address (reference 4.1, 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote

from tests.simulator.core.limits import Bans, Window
from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.bybit.wire import CHANNEL, BybitWire, side

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

REQUESTS, REQUESTS_SECONDS, BLOCKED = 600, 5.0, 600.0
PAGE, LONGEST_PAGE = 500, 1000
NEWEST = {"spot": (60, 60), "linear": (500, 1000)}
"""Rows of `recent-trade`: the default and the most."""
EMPTY = ("inverse", "option")
"""Categories of the venue that hold nothing here."""


class Wrong(Exception):
    """A request that Bybit refuses with HTTP 200 and `retCode` 10001; the argument is the text."""


class BybitRest:
    """All of the port's REST; markets by category."""

    def __init__(self, hub: Hub, markets: dict[str, Market]) -> None:
        self._hub, self._markets = hub, markets
        self._requests: dict[str, Window] = {}
        self._blocked = Bans(BLOCKED / hub.divide_timers, BLOCKED / hub.divide_timers)

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any request."""
        if self._blocked.left(request.address, request.now) > 0:
            return _too_frequent(request)
        window = self._requests.setdefault(request.address, Window(REQUESTS, REQUESTS_SECONDS))
        if not window.admit(request.now):
            self._hub.violations.note("bybit requests", request.address)
            self._blocked.put(request.address, request.now)
            return _too_frequent(request)
        routes = {
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/time": self._time,
        }
        route = routes.get(request.path)
        if route is None or request.method != "GET":
            return HttpReply(404, b"404 page not found", {"Content-Type": "text/plain"})
        try:
            return route(request)
        except Wrong as wrong:
            return _reply(request, {}, 10001, str(wrong))

    @staticmethod
    def _time(request: HttpRequest) -> HttpReply:
        seconds, nanoseconds = str(int(request.unix)), str(int(request.unix * 1e6) * 1000)
        return _reply(request, {"timeSecond": seconds, "timeNano": nanoseconds})

    # The lists

    def _instruments(self, request: HttpRequest) -> HttpReply:
        category = request.query.get("category", "")
        market = self._markets.get(category)
        if market is None:
            if category not in EMPTY:
                raise Wrong("params error: Category is invalid")
            return _reply(request, {"category": category, "list": [], "nextPageCursor": ""})
        rows = [instrument.row for instrument in market.instruments.values() if _wanted(instrument, request)]
        if request.query.get("symbol") and not rows:
            raise Wrong("params error: symbol invalid")
        if category == "spot":
            return _reply(request, {"category": category, "list": rows}, listing=True)
        page, cursor = _page(sorted(rows, key=lambda row: str(row["symbol"])), request)
        return _reply(request, {"category": category, "nextPageCursor": cursor, "list": page}, listing=True)

    # Trades

    def _trades(self, request: HttpRequest) -> HttpReply:
        category, name = request.query.get("category", ""), request.query.get("symbol", "")
        market = self._markets.get(category)
        if market is None:
            raise Wrong("params error: Category is invalid")
        instrument = market.instruments.get(name)
        if instrument is None:
            raise Wrong("params error: symbol invalid")
        default, most = NEWEST[category]
        held = market.over_rest(instrument, CHANNEL)[-most:]
        rows = held[-_limit(request, default, most) :]
        market.told(instrument, CHANNEL, rows, held)
        assert isinstance(market.wire, BybitWire)
        listed = [_row(market.wire, instrument, trade) for trade in reversed(rows)]
        return _reply(request, {"category": category, "list": listed})


def _wanted(instrument: Instrument, request: HttpRequest) -> bool:
    """Whether a row passes the query's filters; without `status`, what trades."""
    query, row = request.query, instrument.row
    return (
        row["status"] == (query.get("status") or "Trading")
        and query.get("symbol") in {None, "", row["symbol"]}
        and query.get("baseCoin") in {None, "", row["baseCoin"]}
    )


def _page(rows: list[dict[str, Any]], request: HttpRequest) -> tuple[list[dict[str, Any]], str]:
    """One page, in the order of names, and the cursor of the next; empty where none is left."""
    size = _limit(request, PAGE, LONGEST_PAGE)
    if cursor := request.query.get("cursor", ""):
        last = parse_qs(unquote(cursor)).get("last", [""])[0]
        if not last:
            raise Wrong("params error: cursor invalid")
        rows = [row for row in rows if str(row["symbol"]) > last]
    page = rows[:size]
    if len(rows) <= size:
        return page, ""
    return page, quote(f"first={page[0]['symbol']}&last={page[-1]['symbol']}")


def _limit(request: HttpRequest, default: int, most: int) -> int:
    text = request.query.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Wrong("params error: limit invalid")
    return min(int(text), most)


def _row(wire: BybitWire, instrument: Instrument, trade: Trade) -> dict[str, object]:
    return {
        "execId": wire.id_text(trade),
        "symbol": instrument.name,
        "price": instrument.price_text(trade.price),
        "size": instrument.size_text(trade.size),
        "side": side(trade),
        "time": str(trade.time // 1_000_000),
        "isBlockTrade": trade.kind == "block",
        "isRPITrade": trade.kind == "rpi",
        "seq": wire.order_text(trade),
    }


def _body(request: HttpRequest, result: object, code: int, text: str) -> dict[str, object]:
    return {
        "retCode": code,
        "retMsg": text,
        "result": result,
        "retExtInfo": {},
        "time": int(request.unix * 1000),
    }


def _reply(
    request: HttpRequest, result: object, code: int = 0, text: str = "OK", *, listing: bool = False
) -> HttpReply:
    return HttpReply(200, compact(_body(request, result, code, text)).encode(), listing=listing)


def _too_frequent(request: HttpRequest) -> HttpReply:
    return HttpReply.json(_body(request, {}, 10006, "access too frequent"), 403)
