"""Binance over REST: the lists, the back-fill, weights, 429 and 418 (reference 2.1, 2.6, 3.1, 3.5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Bans, Weights
from tests.simulator.core.model import Instrument, Trade, fixed
from tests.simulator.core.venue import HttpReply, HttpRequest, compact

if TYPE_CHECKING:
    from tests.simulator.core.market import Market

IGNORED_BEFORE_BAN = 3
"""Requests that may ignore a 429 before the address is banned; the reference leaves the number open."""
FIRST_BAN = 120.0
LONGEST_BAN = 3 * 86400.0
HOUR = 3_600_000
RECENT = 1000
"""Rows of `trades` at most."""
_FILTERS = {"symbol", "symbols", "permissions", "symbolStatus"}
"""Parameters by which less than the whole list is asked for."""


class Wrong(Exception):
    """A request that Binance refuses; arguments: HTTP status, code, text."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Limits and weights of one market."""

    prefix: str
    weight_per_minute: int
    info: int
    trades: int
    historical: int
    aggregates: int
    historical_default: int
    historical_most: int
    keyed: bool


SPOT = Tariff("/api/v3", 6000, 20, 25, 25, 4, 500, 1000, keyed=False)
FUTURES = Tariff("/fapi/v1", 2400, 1, 5, 20, 20, 100, 500, keyed=True)


class BinanceRest:
    """The REST half of one market."""

    def __init__(self, market: Market, tariff: Tariff) -> None:
        self._market, self._tariff = market, tariff
        self._weights: dict[str, Weights] = {}
        self._ignored: dict[str, int] = {}
        self._listing: tuple[int, bytes] = (-1, b"")
        divide = market.hub.divide_timers
        self.bans = Bans(FIRST_BAN / divide, LONGEST_BAN / divide)
        self._routes: dict[str, tuple[int, Callable[[HttpRequest], HttpReply]]] = {
            "/ping": (1, lambda _: HttpReply.json({})),
            "/time": (1, lambda request: HttpReply.json({"serverTime": int(request.unix * 1000)})),
            "/exchangeInfo": (tariff.info, self._exchange_info),
            "/trades": (tariff.trades, self._trades),
            "/historicalTrades": (tariff.historical, self._historical),
            "/aggTrades": (tariff.aggregates, self._aggregates),
        }

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any REST request of this market."""
        if (left := self.bans.left(request.address, request.now)) > 0:
            return _too_much(418, left, "Way too much request weight used; IP banned. Please use WebSocket Streams.")
        weight, route = self._routes.get(request.path.removeprefix(self._tariff.prefix), (1, None))
        if route is None or not request.path.startswith(self._tariff.prefix):
            return HttpReply(404, b"<html><body><h2>404 Not found</h2></body></html>", {"Content-Type": "text/html"})
        if request.method != "GET":
            return HttpReply.json({"code": -1020, "msg": "This operation is not supported."}, 405)
        account = self._weights.setdefault(request.address, Weights(self._tariff.weight_per_minute, 60))
        if not account.add(weight, request.unix):
            return self._over(request, account)
        self._ignored.pop(request.address, None)
        try:
            reply = route(request)
        except Wrong as wrong:
            status, code, text = wrong.args
            reply = HttpReply.json({"code": code, "msg": text}, status)
        return HttpReply(reply.status, reply.body, {"X-MBX-USED-WEIGHT-1M": str(account.used)}, listing=reply.listing)

    def _over(self, request: HttpRequest, account: Weights) -> HttpReply:
        self._market.hub.violations.note(f"{self._market.key} weight", request.address)
        ignored = self._ignored[request.address] = self._ignored.get(request.address, -1) + 1
        if ignored >= IGNORED_BEFORE_BAN:
            self._ignored.pop(request.address)
            self.bans.put(request.address, request.now)
            left = self.bans.left(request.address, request.now)
            return _too_much(418, left, "Way too much request weight used; IP banned. Please use WebSocket Streams.")
        text = (
            f"Too many requests; current limit of IP({request.address}) is {account.limit} request weight per 1 MINUTE."
            " "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        used = {"X-MBX-USED-WEIGHT-1M": str(account.used)}
        return _too_much(429, account.wait(request.unix), text, used)

    # The list

    def _exchange_info(self, request: HttpRequest) -> HttpReply:
        chosen = None if self._tariff.keyed else self._chosen(request)
        limits: list[dict[str, Any]] = [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": self._tariff.weight_per_minute,
            }
        ]
        head: dict[str, Any] = {"timezone": "UTC", "serverTime": int(request.unix * 1000)}
        if self._tariff.keyed:
            head["futuresType"] = "U_MARGINED"
        else:
            limits.append({"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000})
        head |= {"rateLimits": limits, "exchangeFilters": []}
        rows = self._whole() if chosen is None else compact(chosen).encode()
        return HttpReply(
            200, compact(head).encode()[:-1] + b',"symbols":' + rows + b"}", listing=not _FILTERS & set(request.query)
        )

    def _whole(self) -> bytes:
        if self._listing[0] != self._market.version:
            rows = compact([instrument.row for instrument in self._market.instruments.values()])
            self._listing = (self._market.version, rows.encode())
        return self._listing[1]

    def _chosen(self, request: HttpRequest) -> list[dict[str, Any]] | None:
        query = request.query
        if not {"symbol", "symbols", "permissions", "symbolStatus", "showPermissionSets"} & set(query):
            return None
        by_name = "symbol" in query or "symbols" in query
        if by_name and ("permissions" in query or "symbolStatus" in query or {"symbol", "symbols"} <= set(query)):
            raise Wrong(400, -1128, "Combination of optional parameters invalid.")
        if by_name:
            names = _array(query["symbols"]) if "symbols" in query else [query["symbol"]]
            rows = [self._instrument(name).row for name in names]
        else:
            rows = [instrument.row for instrument in self._market.instruments.values()]
        if "permissions" in query:
            wanted = set(_array(query["permissions"]))
            rows = [row for row in rows if wanted & {one for group in row["permissionSets"] for one in group}]
        if "symbolStatus" in query:
            rows = [row for row in rows if row["status"] == query["symbolStatus"]]
        if query.get("showPermissionSets") == "false":
            rows = [{key: value for key, value in row.items() if key != "permissionSets"} for row in rows]
        return rows

    # Back-fill

    def _instrument(self, name: str | None) -> Instrument:
        if not name:
            raise Wrong(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        instrument = self._market.instruments.get(name)
        if instrument is None:
            raise Wrong(400, -1121, "Invalid symbol.")
        return instrument

    def _trades(self, request: HttpRequest) -> HttpReply:
        instrument = self._instrument(request.query.get("symbol"))
        held = self._fills(instrument)[-RECENT:]
        rows = held[-_number(request, "limit", 500, most=RECENT) :]
        self._market.told(instrument, "trade", rows, held)
        return HttpReply.json([self._row(instrument, trade) for trade in rows])

    def _historical(self, request: HttpRequest) -> HttpReply:
        if self._tariff.keyed and not request.headers.get("x-mbx-apikey"):
            raise Wrong(401, -2014, "API-key format invalid.")
        instrument = self._instrument(request.query.get("symbol"))
        limit = _number(request, "limit", self._tariff.historical_default, most=self._tariff.historical_most)
        held = rows = self._fills(instrument)
        if "fromId" in request.query:
            since = _number(request, "fromId", 0)
            rows = [trade for trade in rows if (trade.id or 0) >= since][:limit]
        else:
            rows = rows[-limit:]
        self._market.told(instrument, "trade", rows, held)
        return HttpReply.json([self._row(instrument, trade) for trade in rows])

    def _fills(self, instrument: Instrument) -> list[Trade]:
        """What the REST history shows: no insurance-fund and ADL fills, no frames that are no trade."""
        return [trade for trade in self._market.over_rest(instrument, "trade") if trade.kind in {"", "rpi"}]

    def _row(self, instrument: Instrument, trade: Trade) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": trade.id,
            "price": instrument.price_text(trade.price),
            "qty": instrument.size_text(trade.size),
            "quoteQty": _quote(instrument, trade),
            "time": trade.time // 1_000_000,
            "isBuyerMaker": not trade.buy,
        }
        return row | ({"isRPITrade": trade.kind == "rpi"} if self._tariff.keyed else {"isBestMatch": True})

    def _aggregates(self, request: HttpRequest) -> HttpReply:
        instrument = self._instrument(request.query.get("symbol"))
        limit = _number(request, "limit", 500, most=1000)
        held = rows = self._market.over_rest(instrument, "aggTrade")
        start, end = (_number(request, key, -1) for key in ("startTime", "endTime"))
        if self._tariff.keyed and min(start, end) >= 0 and end - start > HOUR:
            raise Wrong(400, -1127, "Lookup interval is too big. More than 1 hours between startTime and endTime.")
        if "fromId" in request.query:
            since = _number(request, "fromId", 0)
            rows = [trade for trade in rows if (trade.id or 0) >= since][:limit]
        elif start >= 0 or end >= 0:
            rows = [trade for trade in rows if trade.time // 10**6 >= start and (end < 0 or trade.time // 10**6 <= end)]
            rows = rows[:limit] if start >= 0 else rows[-limit:]
        else:
            rows = rows[-limit:]
        self._market.told(instrument, "aggTrade", rows, held)
        return HttpReply.json([self._aggregate(instrument, trade) for trade in rows])

    def _aggregate(self, instrument: Instrument, trade: Trade) -> dict[str, Any]:
        row: dict[str, Any] = {
            "a": trade.id,
            "p": instrument.price_text(trade.price),
            "q": instrument.size_text(trade.size),
            "f": trade.first,
            "l": trade.last,
            "T": trade.time // 1_000_000,
            "m": not trade.buy,
        }
        return row if self._tariff.keyed else row | {"M": True}


def _too_much(status: int, wait: float, text: str, headers: dict[str, str] | None = None) -> HttpReply:
    return HttpReply.json(
        {"code": -1003, "msg": text}, status, {"Retry-After": str(max(1, round(wait))), **(headers or {})}
    )


def _quote(instrument: Instrument, trade: Trade) -> str:
    """Price times size, exactly; cut to eight decimals on spot."""
    digits = instrument.price_digits + instrument.size_digits
    value = trade.price * trade.size
    if digits > 8:
        value, digits = value // 10 ** (digits - 8), 8
    return fixed(value, digits)


def _array(text: str) -> list[str]:
    try:
        names = json.loads(text) if text.startswith("[") else [text]
    except json.JSONDecodeError:
        raise Wrong(400, -1100, "Illegal characters found in a parameter.") from None
    return [str(name) for name in names]


def _number(request: HttpRequest, key: str, default: int, *, most: int | None = None) -> int:
    text = request.query.get(key)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise Wrong(400, -1100, f"Illegal characters found in parameter '{key}'; legal range is '^[0-9]{{1,20}}$'.")
    value = int(text)
    if most is not None:
        value = max(1, min(value, most))
    return value
