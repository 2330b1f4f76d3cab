"""A client's conversation with Phemex (reference 8.2, 8.3)."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import compact
from tests.simulator.venues.phemex.wire import PhemexWire

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

SUBSCRIPTIONS = 101
FRAMES = 20
SILENCE = 31.9
"""Seconds after the client's last heartbeat at which the socket dies (31.4 to 32.4 on the wire)."""
SNAPSHOT = 1000
INVALID = {"code": 6001, "message": "invalid argument"}
EXCEEDED = {"code": 6015, "message": "subscription limit exceeded"}
OTHERS = (
    "orderbook",
    "orderbook_p",
    "kline",
    "kline_p",
    "tick",
    "tick_p",
    "market24h",
    "perp_market24h_pack_p",
    "spot_market24h",
)
"""Channels of the venue that are acknowledged here and stay silent."""


class PhemexDialogue:
    """One connection; `markets` by method: `trade` and `trade_p`."""

    def __init__(self, socket: Socket, markets: dict[str, Market]) -> None:
        self._socket, self._markets = socket, markets
        self._hub = socket.hub
        self._frames = Window(FRAMES, 1.0)
        self._wanted: dict[tuple[str, str], None] = {}
        self._heartbeat = 0.0

    def opened(self) -> None:
        self._heartbeat = self._socket.now()
        self._socket.after(SILENCE, self._listen)

    def _listen(self) -> None:
        silent = (self._socket.now() - self._heartbeat) * self._hub.divide_timers
        if silent < SILENCE - 0.001:
            self._socket.after(SILENCE - silent, self._listen)
            return
        self._hub.violations.note("phemex heartbeat", self._socket.address)
        self._socket.cut("no heartbeat")

    def _counted(self) -> bool:
        if self._frames.admit(self._socket.arrived):
            return True
        self._hub.violations.note("phemex frames", self._socket.address)
        self._socket.close(1008, "Too many requests")
        return False

    def ping(self, data: bytes) -> None:
        if self._counted():
            self._heartbeat = self._socket.now()

    def pong(self, data: bytes) -> None:
        self._counted()

    def farewell(self) -> str | None:
        return None

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        if not self._counted():
            return
        try:
            request = json.loads(data)
        except (json.JSONDecodeError, RecursionError):
            self._refuse(None, INVALID)
            return
        if not isinstance(request, dict):
            self._refuse(None, INVALID)
            return
        self._request(request.get("id"), request.get("method"), request.get("params"))

    def _request(self, number: object, method: object, params: object) -> None:
        if method == "server.ping":
            self._heartbeat = self._socket.now()
            self._socket.send(compact({"error": None, "id": number, "result": "pong"}))
            return
        channel, _, verb = method.rpartition(".") if isinstance(method, str) else ("", "", "")
        known = channel in self._markets or channel in OTHERS
        if not known or verb not in {"subscribe", "unsubscribe"} or not isinstance(params, list):
            self._refuse(number, INVALID)
        elif channel in OTHERS:
            self._accept(number)
        elif verb == "unsubscribe":
            self._unsubscribe(number, channel, params)
        else:
            late = self._hub.switchboard.ack_delay(self._socket.endpoint)
            apply = partial(self._subscribe, number, channel, params)
            if late:
                self._socket.after(late * self._hub.divide_timers, apply)
            else:
                apply()

    def _subscribe(self, number: object, channel: str, params: list[Any]) -> None:
        market, name = self._markets[channel], params[0] if params else None
        if not isinstance(name, str) or not market.accepts(name):
            self._refuse(number, INVALID)
            return
        if (channel, name) not in self._wanted and len(self._wanted) >= SUBSCRIPTIONS:
            self._hub.violations.note("phemex subscriptions", self._socket.address)
            self._refuse(number, EXCEEDED)
            return
        self._wanted[channel, name] = None
        self._accept(number)
        self._snapshot(market, name)
        market.subscribe(self._socket, channel, name, "")
        self._hub.subscribed(self._socket, market, [name])

    def _snapshot(self, market: Market, name: str) -> None:
        """The newest rows; those that wait for the next frame are not among them."""
        instrument = market.instruments.get(name)
        if instrument is None or self._hub.replaying or self._hub.switchboard.silenced(market, instrument):
            return
        rows = market.history(instrument, market.wire.channel).newest(SNAPSHOT)
        assert isinstance(market.wire, PhemexWire)
        if rows:
            self._socket.send(market.wire.body(instrument, rows, "snapshot", self._hub.clock.ns()))

    def _unsubscribe(self, number: object, channel: str, params: list[Any]) -> None:
        market = self._markets[channel]
        names = [name for kind, name in self._wanted if kind == channel]
        if params:
            if params[0] not in market.instruments:
                self._refuse(number, INVALID)
                return
            names = [name for name in names if name == params[0]]
        for name in names:
            del self._wanted[channel, name]
            market.unsubscribe(self._socket, channel, name)
        self._accept(number)
        if names:
            self._hub.unsubscribed(self._socket, market, names)

    def _accept(self, number: object) -> None:
        self._socket.send(compact({"error": None, "id": number, "result": {"status": "success"}}))

    def _refuse(self, number: object, error: dict[str, object]) -> None:
        self._socket.send(compact({"error": error, "id": number, "result": None}))
