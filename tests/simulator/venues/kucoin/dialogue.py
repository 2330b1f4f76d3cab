"""A client's conversation with KuCoin (reference 6.3-6.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import compact
from tests.simulator.venues.kucoin.wire import EXECUTION, MATCH

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

AT_ONCE = 100
"""Topics of one frame."""
SESSION: Mapping[str, int | None] = {"spot": 400, "futures": None}
"""Topics of one connection; the error text still says 300."""
FRAMES, FRAMES_SECONDS = 100, 10.0
SILENCE = 60.4
"""Seconds after the client's last frame at which the connection is closed (60.4 to 60.5 on the wire)."""
WELCOME = 0.03
"""Undivided seconds until the welcome comes: a client that does not wait for it is seen."""
PATHS: Mapping[str, frozenset[str]] = {
    "spot": frozenset(
        {MATCH, "/market/ticker", "/market/snapshot", "/market/level1", "/market/level2", "/market/candles"}
        | {
            "/spotMarket/level1",
            "/spotMarket/level2Depth5",
            "/spotMarket/level2Depth50",
            "/callauction/callauctionData",
        }
        | {"/indicator/index", "/indicator/markPrice"}
    ),
    "futures": frozenset(
        {EXECUTION, "/contractMarket/ticker", "/contractMarket/tickerV2", "/contractMarket/level2"}
        | {"/contractMarket/level2Depth5", "/contractMarket/level2Depth50", "/contractMarket/limitCandle"}
        | {"/contractMarket/snapshot", "/contract/instrument", "/contract/announcement"}
    ),
}
"""Known topic paths; all but those of trades are acknowledged and silent here."""
TOO_MANY_TOPICS = "exceed max subscription count limitation of"


class Refused(Exception):
    """An error frame; `args[0]` is the code, `args[1]` the text."""


class KucoinDialogue:
    """One connection; with a `refusal` it says only that."""

    def __init__(
        self, socket: Socket, market: Market, path: str, *, name: str, refusal: tuple[int, str] | None = None
    ) -> None:
        self._socket, self._market, self._path = socket, market, path
        self._name, self._refusal = name, refusal
        self._hub = socket.hub
        self._frames = Window(FRAMES, FRAMES_SECONDS)
        self._topics: dict[tuple[str, str], None] = {}
        self._welcomed = False
        self._heard = 0.0

    # The socket's events

    def opened(self) -> None:
        if self._refusal is not None:
            self._error(self._name, *self._refusal)
            self._socket.close(1000, "Bye")
            return
        self._heard = self._socket.now()
        self._socket.after(WELCOME * self._hub.divide_timers, self._welcome)
        self._socket.after(SILENCE, self._listen)

    def _welcome(self) -> None:
        self._welcomed = True
        self._socket.send(compact({"id": self._name, "type": "welcome"}))

    def _listen(self) -> None:
        silent = (self._socket.now() - self._heard) * self._hub.divide_timers
        if silent < SILENCE - 0.001:
            self._socket.after(SILENCE - silent, self._listen)
            return
        self._note("heartbeat")
        if not self._topics:
            self._error(self._name, 400, "ping timeout")
        self._socket.close(1000, "Bye")

    def ping(self, data: bytes) -> None:
        """A protocol ping is answered by the socket, and is no frame that keeps the connection."""

    def pong(self, data: bytes) -> None:
        """Nobody asked for it."""

    def farewell(self) -> str | None:
        return None

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        self._heard = self._socket.now()
        request = _parsed(data)
        name = _named(request.get("id")) if request else self._fresh()
        if not self._frames.admit(self._socket.arrived):
            self._note("frames")
            self._error(name, 509, "exceed max permits per second")
            return
        try:
            self._request(name, request)
        except Refused as refused:
            self._error(name, *refused.args)

    # Requests

    def _request(self, name: str, request: dict[str, Any] | None) -> None:
        if request is None:
            raise Refused(400, "unreadable JSON")
        verb = request.get("type")
        if verb == "ping":
            self._socket.send(compact({"id": name, "type": "pong", "timestamp": self._hub.clock.ns() // 1000}))
            return
        if verb not in ("subscribe", "unsubscribe"):
            raise Refused(415, "command type is invalid")
        if not self._welcomed:
            self._note("early subscribe")
            raise Refused(403, "login is required")
        if request.get("privateChannel") is True:
            raise Refused(403, "login is required")
        path, symbols = self._topic(request.get("topic"))
        answered = request.get("response") is True
        if verb == "unsubscribe":
            self._unsubscribe(path, symbols)
            self._acknowledge(name, answered)
            return
        self._room(path, symbols)
        late = self._hub.switchboard.ack_delay(self._socket.endpoint)
        apply = partial(self._subscribe, name, path, symbols, answered)
        if late:
            self._socket.after(late * self._hub.divide_timers, apply)
        else:
            apply()

    def _topic(self, topic: object) -> tuple[str, list[str]]:
        """Path and symbols of a topic; an unknown path is refused, an unknown symbol is not."""
        if topic is None or topic == "":
            raise Refused(406, "topic is required")
        if not isinstance(topic, str):
            raise Refused(400, "topic is invalid")
        path, colon, tail = topic.partition(":")
        if path not in PATHS[self._market.name]:
            raise Refused(404, "topic does not exist")
        symbols = tail.split(",")
        if (colon or path == self._path) and not all(symbols):
            raise Refused(400, "topic is invalid")
        return path, symbols

    def _room(self, path: str, symbols: list[str]) -> None:
        """Refuses a frame as a whole that would break a limit."""
        if len(symbols) > AT_ONCE:
            self._note("topics of a frame")
            raise Refused(509, f"{TOO_MANY_TOPICS} {AT_ONCE} per time")
        most = SESSION[self._market.name]
        wanted = self._topics.keys() | {(path, symbol) for symbol in symbols}
        if most is not None and len(wanted) > most:
            self._note("topics of a session")
            raise Refused(509, f"{TOO_MANY_TOPICS} 300 per session")

    def _subscribe(self, name: str, path: str, symbols: list[str], answered: bool) -> None:
        self._acknowledge(name, answered)
        fresh = []
        for symbol in symbols:
            again = (path, symbol) in self._topics
            self._topics[path, symbol] = None
            if path == self._path and symbol in self._market.instruments and not again:
                self._market.subscribe(self._socket, self._market.wire.channel, symbol, "")
                fresh.append(symbol)
        if fresh or self._hub.replaying:
            self._hub.subscribed(self._socket, self._market, fresh)

    def _unsubscribe(self, path: str, symbols: list[str]) -> None:
        gone = []
        for symbol in symbols:
            self._topics.pop((path, symbol), None)
            if path == self._path and self._market.unsubscribe(self._socket, self._market.wire.channel, symbol):
                gone.append(symbol)
        if gone:
            self._hub.unsubscribed(self._socket, self._market, gone)

    # Replies

    def _acknowledge(self, name: str, answered: bool) -> None:
        if answered:
            self._socket.send(compact({"id": name, "type": "ack"}))

    def _error(self, name: str, code: int, text: str) -> None:
        self._socket.send(compact({"id": name, "type": "error", "code": code, "data": text}))

    def _fresh(self) -> str:
        """An id that the client never sent."""
        return f"{self._hub.clock.ns():x}"

    def _note(self, rule: str) -> None:
        self._hub.violations.note(f"{self._market.key} {rule}", self._socket.address)


def _parsed(data: str) -> dict[str, Any] | None:
    try:
        request = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None


def _named(number: object) -> str:
    """The id of a request as its replies have it: text, whatever was sent."""
    if number is None:
        return ""
    return number if isinstance(number, str) else compact(number)
