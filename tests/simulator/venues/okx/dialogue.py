"""A client's conversation with OKX: subscriptions, error replies, limits, silence (reference 5.2-5.4)."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import compact
from tests.simulator.venues.okx.wire import FILLS, GROUPS

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

SILENCE = 30.0
"""Seconds without any frame in either direction after which the connection ends."""
REQUESTS, HOUR = 480, 3600.0
"""Subscribe, unsubscribe and login requests of one connection; a request with many args counts once."""
ARGUMENTS = 65536
"""Bytes of one message, and of the args of all subscriptions of one connection."""
TRADES = {"public": GROUPS, "business": FILLS}
"""The trade channel of each path."""
OTHERS = {
    "public": re.compile(
        r"tickers|books5?|bbo-tbt|books(50)?-l2-tbt|instruments|open-interest|funding-rate|price-limit|mark-price"
        r"|index-tickers|status|opt-summary|option-trades|estimated-price|liquidation-orders|adl-warning"
    ),
    "business": re.compile(r"(mark-price-|index-)?candle\w+"),
}
"""Channels of each path that are acknowledged here and stay silent."""
_OPS = ("subscribe", "unsubscribe", "login")


class Refused(Exception):
    """An error reply: code and text."""


class OkxDialogue:
    """One connection; `path` is `public`, `business` or `private`."""

    def __init__(self, socket: Socket, spot: Market, futures: Market, path: str) -> None:
        self._socket, self._spot, self._futures, self._path = socket, spot, futures, path
        self._hub = socket.hub
        self._requests = Window(REQUESTS, HOUR)
        self._wanted: dict[tuple[str, str], int] = {}
        """Subscribed args, by channel and instrument, with their bytes."""
        self._bytes = 0
        self._heard = 0.0
        self._connection = ""

    # The socket's events

    def opened(self) -> None:
        self._connection = format(self._socket.number * 2654435761 % 2**32, "08x")
        self._heard = self._socket.now()
        self._socket.after(SILENCE, self._listen)

    def _listen(self) -> None:
        newest = max(self._heard, self._socket.written)
        silent = (self._socket.now() - newest) * self._hub.divide_timers
        if silent < SILENCE - 0.001:
            self._socket.after(SILENCE - silent, self._listen)
            return
        self._hub.violations.note("okx silence", self._socket.address)
        self._socket.close(4004, "No data received in 30s")

    def ping(self, data: bytes) -> None:
        """The protocol's own pings are answered, but do not count as frames."""

    def pong(self, data: bytes) -> None:
        """As `ping`."""

    def farewell(self) -> str | None:
        text = "The connection will soon be closed for a service upgrade. Please reconnect."
        return compact({"event": "notice", "code": "64008", "msg": text, "connId": self._connection})

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        self._heard = self._socket.now()
        if data == "ping":
            self._socket.send("pong")
        elif len(data.encode()) > ARGUMENTS:
            self._hub.violations.note("okx arguments", self._socket.address)
            self._socket.close(1009, "Request message exceeds the maximum frame length")
        else:
            self._request(data)

    # Requests

    def _request(self, data: str) -> None:
        named: dict[str, Any] = {}
        try:
            request = _parsed(data)
            if "id" in request:
                named = {"id": request["id"]}
            self._admitted(data, request)
        except Refused as refused:
            self._refuse(named, *refused.args)
            return
        if request["op"] == "login":
            self._socket.close(4001, "Login Failed")
        elif request["op"] == "unsubscribe":
            self._change(named, "unsubscribe", request["args"])
        else:
            late = self._hub.switchboard.ack_delay(self._socket.endpoint)
            apply = partial(self._change, named, "subscribe", request["args"])
            if late:
                self._socket.after(late * self._hub.divide_timers, apply)
            else:
                apply()

    def _admitted(self, data: str, request: dict[str, Any]) -> None:
        if "op" not in request or not isinstance(request.get("args"), list):
            raise Refused("60012", f"Invalid request: {data}")
        if request["op"] not in _OPS:
            raise Refused("60019", f"Invalid op: {request['op']}")
        if not self._requests.admit(self._socket.arrived):
            self._hub.violations.note("okx requests", self._socket.address)
            raise Refused("60014", "Requests too frequent")
        if not request["args"]:
            raise Refused("60013", "Invalid args")

    def _refuse(self, named: dict[str, Any], code: str, text: str) -> None:
        fields = {"msg": text, "code": code} if code == "60018" else {"code": code, "msg": text}
        self._socket.send(compact({**named, "event": "error", **fields, "connId": self._connection}))

    # Subscriptions

    def _change(self, named: dict[str, Any], op: str, args: list[Any]) -> None:
        """Each arg is answered by itself: an ack, or an error that leaves the others alone."""
        changed: dict[str, list[str]] = {"spot": [], "futures": []}
        for arg in args:
            try:
                name = self._checked(op, arg)
            except Refused as refused:
                self._refuse(named, *refused.args)
                continue
            if op == "unsubscribe":
                self._forget(arg)
            elif not self._fits(arg):
                break
            self._socket.send(compact({**named, "event": op, "arg": arg, "connId": self._connection}))
            if name and self._route(op, arg["channel"], name):
                changed[self._market(name).name].append(name)
        note = self._hub.subscribed if op == "subscribe" else self._hub.unsubscribed
        for market in (self._spot, self._futures):
            if changed[market.name]:
                note(self._socket, market, changed[market.name])

    def _checked(self, op: str, arg: Any) -> str:
        """The instrument of a trade channel; "" for channels that stay silent."""
        channel = arg.get("channel") if isinstance(arg, dict) else None
        if not isinstance(channel, str):
            raise Refused("60013", "Invalid args")
        if self._path == "private":
            raise Refused("60011", "Please log in")
        if OTHERS[self._path].fullmatch(channel):
            return ""
        if self._path == "public" and OTHERS["business"].fullmatch(channel):
            raise Refused("64001", "This channel has been moved to the '/business' path.")
        if self._path == "business" and (channel == GROUPS or OTHERS["public"].fullmatch(channel)):
            raise Refused("64002", "This channel is not supported by the '/business' path.")
        name = arg.get("instId")
        if channel in TRADES.values() and not isinstance(name, str):
            raise Refused("60013", "Invalid args")
        if channel != TRADES[self._path] or not self._market(name).accepts(str(name)):
            raise Refused(
                "60018",
                f"{op.capitalize()} failed, wrong URL or channel:{channel},instId:{name} doesn't exist. "
                "Please use the correct URL, channel and parameters referring to API document.",
            )
        return str(name)

    def _market(self, name: object) -> Market:
        return self._futures if str(name).endswith("-SWAP") else self._spot

    def _fits(self, arg: dict[str, Any]) -> bool:
        self._forget(arg)
        size = self._wanted[_topic(arg)] = len(compact(arg).encode())
        self._bytes += size
        if self._bytes <= ARGUMENTS:
            return True
        self._hub.violations.note("okx arguments", self._socket.address)
        self._socket.close(4008, "The number of subscribed channels exceeds the maximum limit.")
        return False

    def _forget(self, arg: dict[str, Any]) -> None:
        self._bytes -= self._wanted.pop(_topic(arg), 0)

    def _route(self, op: str, channel: str, name: str) -> bool:
        market = self._market(name)
        if op == "subscribe":
            self._last_trade(market, channel, name)
            market.subscribe(self._socket, channel, name, "")
            return True
        return market.unsubscribe(self._socket, channel, name)

    def _last_trade(self, market: Market, channel: str, name: str) -> None:
        """The newest trade, however old, right after the ack (reference 5.5)."""
        instrument = market.instruments.get(name)
        if instrument is None or self._hub.replaying or self._hub.switchboard.silenced(market, instrument):
            return
        newest = market.history(instrument, channel).newest(1)
        if newest:
            self._socket.send(market.wire.encode(instrument, channel, newest, "", self._hub.clock.ns()))


def _parsed(data: str) -> dict[str, Any]:
    """The request; its `id`, where there is one, is a text of at most 32 letters and digits."""
    try:
        request = json.loads(data)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise Refused("60012", f"Invalid request: {data}")
    number = request.get("id", "")
    if not isinstance(number, str) or re.fullmatch(r"[0-9A-Za-z]{0,32}", number) is None:
        raise Refused("60012", f"Invalid request: {data}")
    return request


def _topic(arg: dict[str, Any]) -> tuple[str, str]:
    return str(arg["channel"]), str(arg.get("instId") or arg)
