"""Upbit over REST: market list, back-fill, limits (reference 9.1, 9.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.simulator.core.limits import Bans, Weights, Window
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.upbit.wire import UpbitWire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulator.core.market import Market

PER_SECOND = 10
IGNORED_BEFORE_BLOCK = 3
"""Requests that may ignore a 429 before the address is blocked; the reference leaves the number open."""
FIRST_BLOCK, LONGEST_BLOCK = 60.0, 3600.0
WITH_ORIGIN, WITH_ORIGIN_SECONDS = 1, 10.0
MOST_ROWS = 500
MOST_DAYS = 7
DAY = 86400
GROUPS = {"/v1/market/all": "market", "/v1/trades/ticks": "trade"}


class Wrong(Exception):
    """A request that Upbit refuses; arguments: HTTP status (also the error's name, a number), text."""


class UpbitRest:
    """The REST half, and the limits that a WebSocket request shares with it."""

    def __init__(self, market: Market) -> None:
        self._market = market
        divide = market.hub.divide_timers
        self._blocked = Bans(FIRST_BLOCK / divide, LONGEST_BLOCK / divide)
        self._used: dict[tuple[str, str], Weights] = {}
        self._ignored: dict[str, int] = {}
        self._origins: dict[str, Window] = {}
        self._lists: dict[bool, tuple[int, bytes]] = {}

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any REST request."""
        if (refusal := self.shut_out(request.address, request.headers, request.now)) is not None:
            return refusal
        group = GROUPS.get(request.path, "default")
        used = self._used.setdefault((request.address, group), Weights(PER_SECOND, 1))
        within = used.add(1, request.unix)
        left = {"remaining-req": f"group={group}; min=600; sec={max(0, PER_SECOND - used.used)}"}
        if not within:
            return self._over("upbit requests", request.address, request.now, left)
        self._ignored.pop(request.address, None)
        try:
            reply = self._route(request)
        except Wrong as wrong:
            status, text = wrong.args
            reply = HttpReply.json({"error": {"name": status, "message": text}}, status)
        return HttpReply(reply.status, reply.body, left, listing=reply.listing)

    # Limits

    def shut_out(self, address: str, headers: Mapping[str, str], now: float) -> HttpReply | None:
        """The refusal of a blocked address, or of a second request with an `Origin` within 10 s."""
        if (left := self._blocked.left(address, now)) > 0:
            text = f"too many requests; blocked for {max(1, round(left))} seconds."
            return HttpReply.json({"error": {"name": "too_many_requests", "message": text}}, 418)
        if "origin" in headers:
            window = self._origins.setdefault(address, Window(WITH_ORIGIN, WITH_ORIGIN_SECONDS))
            if not window.admit(now):
                return self._over("upbit origin", address, now, {})
        return None

    def _over(self, rule: str, address: str, now: float, headers: Mapping[str, str]) -> HttpReply:
        self._market.hub.violations.note(rule, address)
        ignored = self._ignored[address] = self._ignored.get(address, -1) + 1
        if ignored >= IGNORED_BEFORE_BLOCK:
            del self._ignored[address]
            self._blocked.put(address, now)
        return too_many(headers)

    # What is asked for

    def _route(self, request: HttpRequest) -> HttpReply:
        if request.path not in GROUPS:
            raise Wrong(404, "Not found")
        if request.method != "GET":
            raise Wrong(405, "Method not allowed")
        if request.path == "/v1/market/all":
            details = request.query.get("is_details", "false") == "true"
            return HttpReply(200, self._listing(details=details), listing=True)
        return self._ticks(request.query, int(request.unix))

    def _listing(self, *, details: bool) -> bytes:
        known = self._lists.get(details)
        if known is None or known[0] != self._market.version:
            rows = [instrument.row for instrument in self._market.instruments.values() if instrument.row]
            if not details:
                rows = [{key: value for key, value in row.items() if key != "market_event"} for row in rows]
            known = self._lists[details] = (self._market.version, compact(rows).encode())
        return known[1]

    def _ticks(self, query: Mapping[str, str], now: int) -> HttpReply:
        """Newest first by id: so a cursor neither repeats nor leaves out a row."""
        instrument = self._market.instruments.get(query.get("market", ""))
        if not query.get("market"):
            raise Wrong(400, "market is missing")
        if instrument is None or not instrument.open:
            raise Wrong(404, "Code not found")
        wire = self._market.wire
        assert isinstance(wire, UpbitWire)
        count = min(MOST_ROWS, _number(query, "count", 1))
        below, before = _number(query, "cursor", 2**63), _end(query, now) * 10**9
        trades = self._market.over_rest(instrument, wire.channel)
        numbered = [(trade.id or 0, trade) for trade in trades if trade.time < before]
        rows = sorted(((number, trade) for number, trade in numbered if number < below), reverse=True)[:count]
        self._market.told(instrument, wire.channel, [trade for _, trade in rows], trades)
        return HttpReply(200, f"[{','.join(wire.tick(instrument, trade) for _, trade in rows)}]".encode())


def too_many(headers: Mapping[str, str]) -> HttpReply:
    """The refusal of a request, REST or WebSocket, that is one too many."""
    return HttpReply.json({"error": {"name": "too_many_requests", "message": "too many requests."}}, 429, headers)


def _number(query: Mapping[str, str], key: str, default: int) -> int:
    text = query.get(key)
    if not text:
        return default
    if re.fullmatch(r"[0-9]{1,19}", text) is None or text == "0":
        raise Wrong(400, f"{key} is not valid")
    return int(text)


def _end(query: Mapping[str, str], now: int) -> int:
    """The Unix time that rows must lie before: by `days_ago` the end of that day (UTC), by `to` a time in the day."""
    days = _number(query, "days_ago", 0)
    if days > MOST_DAYS:
        raise Wrong(400, "days_ago is not valid")
    midnight = now // DAY * DAY - days * DAY
    clock = query.get("to", "")
    if not clock:
        return midnight + DAY
    parts = re.fullmatch(r"([01][0-9]|2[0-3]):?([0-5][0-9]):?([0-5][0-9])", clock)
    if parts is None:
        raise Wrong(400, "to is not valid")
    hours, minutes, seconds = (int(part) for part in parts.groups())
    return midnight + hours * 3600 + minutes * 60 + seconds
