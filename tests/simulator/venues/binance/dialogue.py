"""A client's conversation with Binance: subscriptions, properties, errors, pings (reference 2.2-2.4, 3.2-3.3)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import compact
from tests.simulator.venues.binance.wire import Form

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
STREAMS = 1024
DAY = 86400.0
PUBLIC = ("trade", "bookTicker", "depth", "rpiDepth")
"""Futures channels of `/public`; all others belong to `/market`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between the two markets. Times in seconds."""

    frames: int
    ping_every: float
    pong_within: float


SPOT = Rules(frames=5, ping_every=20.0, pong_within=60.0)
FUTURES = Rules(frames=10, ping_every=180.0, pong_within=600.0)


def flows(category: str, channel: str) -> bool:
    """Whether a channel sends data on an address; elsewhere it is acknowledged and silent."""
    if category == "legacy":
        return channel.startswith(PUBLIC)
    if category in {"public", "market"}:
        return (category == "public") == channel.startswith(PUBLIC)
    return category == "all"


class Refused(Exception):
    """An error reply; `args[0]` is the code, `args[1]` the text."""


class BinanceDialogue:
    """One connection."""

    def __init__(
        self, socket: Socket, market: Market, rules: Rules, *, category: str, form: Form, streams: list[str]
    ) -> None:
        self._socket, self._market, self._rules = socket, market, rules
        self._category, self._form = category, form
        self._streams: dict[str, None] = dict.fromkeys(streams)
        self._frames = Window(rules.frames, 1.0)
        self._waiting: dict[bytes, None] = {}

    # The socket's events

    def opened(self) -> None:
        self._socket.after(self._rules.ping_every, self._ping)
        self._socket.after(DAY, partial(self._socket.close, 1001, ""))
        if len(self._streams) > STREAMS:
            self._too_many()
        elif self._streams:
            self._route(list(self._streams))

    def text(self, data: str) -> None:
        if not self._counted():
            return
        try:
            request = self._parsed(data)
        except Refused as refused:
            self._socket.send(compact({"code": refused.args[0], "msg": refused.args[1], **refused.args[2]}))
            return
        self._answer(request, data)

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def ping(self, data: bytes) -> None:
        self._counted()

    def pong(self, data: bytes) -> None:
        """An echo of our ping is no offence while timers are divided: pings come more often then, the limit stays."""
        echo = data in self._waiting
        if (echo and self._socket.hub.divide_timers > 1) or self._counted():
            for payload in list(self._waiting) if echo else ():
                del self._waiting[payload]
                if payload == data:
                    break

    def farewell(self) -> str | None:
        notice = {"e": "serverShutdown", "E": self._market.hub.clock.ns() // (1000 if self._form.micro else 1_000_000)}
        return compact({"stream": "!serverShutdown", "data": notice} if self._form.combined else notice)

    # Limits and pings

    def _counted(self) -> bool:
        """Counts an incoming frame of any kind; above the limit the connection ends."""
        if self._frames.admit(self._socket.arrived):
            return True
        self._socket.hub.violations.note(f"{self._market.key} frames", self._socket.address)
        self._socket.close(1008, "Too many requests")
        return False

    def _ping(self) -> None:
        payload = str(self._market.hub.clock.ns() // 1_000_000).encode()
        self._waiting[payload] = None
        self._socket.send_ping(payload)
        self._socket.after(self._rules.pong_within, partial(self._missed, payload))
        self._socket.after(self._rules.ping_every, self._ping)

    def _missed(self, payload: bytes) -> None:
        if payload in self._waiting:
            self._socket.hub.violations.note(f"{self._market.key} pong", self._socket.address)
            self._socket.close(1008, "Pong timeout")

    def _too_many(self) -> None:
        self._socket.hub.violations.note(f"{self._market.key} streams", self._socket.address)
        self._socket.close(1008, "Too many streams")

    # Requests

    @staticmethod
    def _parsed(data: str) -> dict[str, Any]:
        try:
            request = json.loads(data)
        except (json.JSONDecodeError, RecursionError) as error:
            line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
            raise Refused(3, f"Invalid JSON: expected value at line {line} column {column}", {}) from None
        if not isinstance(request, dict):
            raise Refused(2, "Invalid request: expected an object at line 1 column 1", {})
        number = request.get("id")
        named = {} if number is None else {"id": number}
        if not _is_id(number):
            raise Refused(
                2,
                "Invalid request: request ID must be an integer, a string of at most 36 letters and digits, or null",
                {},
            )
        method = request.get("method")
        if "method" not in request:
            raise Refused(2, f"Invalid request: missing field `method` at line 1 column {len(data)}", named)
        if method not in METHODS:
            column = data.find(compact(method)) + len(compact(method))
            known = ", ".join(f"`{name}`" for name in METHODS)
            raise Refused(
                2,
                f"Invalid request: unknown variant {method}, expected one of {known} at line 1 column {column}",
                named,
            )
        return request

    def _answer(self, request: dict[str, Any], data: str) -> None:
        number, params = request.get("id"), request.get("params")
        named = {} if number is None else {"id": number}
        try:
            match request["method"]:
                case "SUBSCRIBE" | "UNSUBSCRIBE":
                    self._change(request["method"] == "SUBSCRIBE", _names(params, data), number)
                case "LIST_SUBSCRIPTIONS":
                    if params:
                        raise Refused(2, "Invalid request: too many parameters")
                    self._acknowledge(list(self._streams), number)
                case "SET_PROPERTY":
                    self._set_property(params)
                    self._acknowledge(None, number)
                case _:
                    self._acknowledge(self._get_property(params), number)
        except Refused as refused:
            self._socket.send(compact({"code": refused.args[0], "msg": refused.args[1], **named}))

    def _acknowledge(self, result: object, number: object) -> None:
        self._socket.send(compact({"result": result, "id": number}))

    def _change(self, subscribe: bool, names: list[str], number: object) -> None:
        if subscribe and len({*self._streams, *names}) > STREAMS:
            self._too_many()
            return
        late = self._socket.hub.switchboard.ack_delay(self._socket.endpoint) if subscribe else 0.0
        apply = partial(self._subscribe if subscribe else self._unsubscribe, names, number)
        if late:
            self._socket.after(late * self._socket.hub.divide_timers, apply)
        else:
            apply()

    def _subscribe(self, names: list[str], number: object) -> None:
        self._acknowledge(None, number)
        self._streams.update(dict.fromkeys(names))
        self._route(names)

    def _unsubscribe(self, names: list[str], number: object) -> None:
        self._acknowledge(None, number)
        gone = []
        for name in names:
            self._streams.pop(name, None)
            instrument, channel = self._topic(name)
            if instrument and self._market.unsubscribe(self._socket, channel, instrument):
                gone.append(instrument)
        if gone:
            self._socket.hub.unsubscribed(self._socket, self._market, gone)

    def _set_property(self, params: object) -> None:
        if not isinstance(params, list) or not params or params[0] != "combined":
            raise Refused(0, "Unknown property")
        if len(params) > 2:
            raise Refused(2, "Invalid request: too many parameters")
        if len(params) < 2 or not isinstance(params[1], bool):
            raise Refused(1, "Invalid value type: expected Boolean")
        self._form = self._form._replace(combined=params[1])
        self._route(list(self._streams))

    def _get_property(self, params: object) -> bool:
        if not isinstance(params, list) or not params or params[0] != "combined":
            raise Refused(0, "Unknown property")
        if len(params) > 1:
            raise Refused(2, "Invalid request: too many parameters")
        return self._form.combined

    # Streams

    def _topic(self, name: str) -> tuple[str, str]:
        """Instrument and channel of a stream name that sends data here; ("", "") for all others, which are silent."""
        symbol, _, channel = name.rpartition("@")
        instrument = self._market.instruments.get(symbol.upper())
        if instrument is None or instrument.name.lower() != symbol or not flows(self._category, channel):
            return "", ""
        return instrument.name, channel

    def _route(self, names: list[str]) -> None:
        fresh = []
        for name in names:
            instrument, channel = self._topic(name)
            if instrument and channel in {"trade", "aggTrade"}:
                self._market.subscribe(self._socket, channel, instrument, self._form)
                fresh.append(instrument)
        if fresh or (names and self._market.hub.replaying):
            self._socket.hub.subscribed(self._socket, self._market, fresh)


def _is_id(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z_-]{0,36}", value) is not None


def _names(params: object, data: str) -> list[str]:
    if params is None:
        raise Refused(2, f"Invalid request: missing field `params` at line 1 column {len(data)}")
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise Refused(2, "Invalid request: params must be an array of stream names")
    return params
