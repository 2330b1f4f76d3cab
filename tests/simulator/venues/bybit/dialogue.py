"""A client's conversation with Bybit (reference 4.3, 4.4)."""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import TYPE_CHECKING

from tests.simulator.core.venue import compact
from tests.simulator.venues.bybit.lists import LIVING
from tests.simulator.venues.bybit.wire import CHANNEL

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

SPOT_ARGS = 10
"""Of one request; linear has no such limit."""
ARGS_TEXT = 21_000
"""Characters of all topics of one connection, written as one JSON array."""
SILENCE, SCAN = 600.0, 30.0
"""Seconds after the last ping at which a connection is cut, and between two looks at it."""
OTHERS = ("orderbook", "tickers", "kline", "allLiquidation")
"""Channels of the venue that are acknowledged here and stay silent."""


class BybitDialogue:
    """One connection to one market."""

    def __init__(self, socket: Socket, market: Market, *, linear: bool) -> None:
        self._socket, self._market, self._linear = socket, market, linear
        self._hub = socket.hub
        self._topics: dict[str, None] = {}
        self._pinged = 0.0
        self._name = ""

    def opened(self) -> None:
        self._name = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self._hub.seed}.{self._socket.number}.bybit"))
        self._pinged = self._socket.now()
        self._socket.after(SCAN, self._scan)

    def _scan(self) -> None:
        """Only `ping` requests count: neither protocol pings nor other requests nor flowing data keep one alive."""
        if (self._socket.now() - self._pinged) * self._hub.divide_timers < SILENCE:
            self._socket.after(SCAN, self._scan)
            return
        self._hub.violations.note(f"{self._market.key} heartbeat", self._socket.address)
        self._socket.cut("no ping")

    def ping(self, data: bytes) -> None:
        """The socket answers it; the venue does not count it."""

    def pong(self, data: bytes) -> None:
        """Nobody asked."""

    def farewell(self) -> str | None:
        return None

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        try:
            request = json.loads(data)
        except (json.JSONDecodeError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self._answer("Failed to decode incoming data", "", "", success=False)
            return
        number, op, args = request.get("req_id"), request.get("op"), request.get("args")
        number = number if isinstance(number, str) else ""
        if op == "ping":
            self._pong(number)
        elif op not in {"subscribe", "unsubscribe"}:
            self._answer("error:invalid op", number, op if isinstance(op, str) else "", success=False)
        elif not isinstance(args, list) or not args or not all(isinstance(topic, str) for topic in args):
            self._answer("error:invalid args", number, op, success=False)
        elif op == "unsubscribe":
            self._unsubscribe(number, args)
        else:
            late = self._hub.switchboard.ack_delay(self._socket.endpoint)
            apply = partial(self._subscribe, number, args)
            if late:
                self._socket.after(late * self._hub.divide_timers, apply)
            else:
                apply()

    def _pong(self, number: str) -> None:
        self._pinged = self._socket.now()
        if self._linear:
            self._answer("pong", number, "ping")
        else:
            self._socket.send(compact({"success": True, "ret_msg": "pong", "conn_id": self._name, "op": "ping"}))

    def _answer(self, message: str, number: str, op: str, *, success: bool = True) -> None:
        body = {"success": success, "ret_msg": message, "conn_id": self._name, "req_id": number, "op": op}
        self._socket.send(compact(body))

    # Topics

    def _subscribe(self, number: str, args: list[str]) -> None:
        """All topics of a request or none: what one of them is refused for, the others are refused for too."""
        if not self._linear and len(args) > SPOT_ARGS:
            self._refuse("args", f"args size >{SPOT_ARGS}", number)
            return
        if len(compact([*self._topics, *args])) > ARGS_TEXT:
            self._refuse("args text", f"args size >{ARGS_TEXT}", number)
            return
        wanted: dict[str, None] = {}
        for topic in args:
            if not self._known(topic):
                self._refuse("topic", f"error:handler not found,topic:{topic}", "")
                return
            if topic in self._topics or topic in wanted:
                self._refuse("repeated topic", f"error:already subscribed,topic:{topic}", "")
                return
            wanted[topic] = None
        self._topics.update(wanted)
        self._answer("" if self._linear else "subscribe", number, "subscribe")
        names = [name for topic in wanted if (name := _traded(topic)) is not None]
        for name in names:
            self._market.subscribe(self._socket, CHANNEL, name, "")
        if names:
            self._hub.subscribed(self._socket, self._market, names)

    def _unsubscribe(self, number: str, args: list[str]) -> None:
        gone = []
        for topic in args:
            self._topics.pop(topic, None)
            name = _traded(topic)
            if name is not None and self._market.unsubscribe(self._socket, CHANNEL, name):
                gone.append(name)
        self._answer("" if self._linear else "unsubscribe", number, "unsubscribe")
        if gone:
            self._hub.unsubscribed(self._socket, self._market, gone)

    def _refuse(self, rule: str, message: str, number: str) -> None:
        self._hub.violations.note(f"{self._market.key} {rule}", self._socket.address)
        self._answer(message, number, "subscribe", success=False)

    def _known(self, topic: str) -> bool:
        """Whether the market has a handler: names are case-sensitive, closed instruments have none."""
        channel, _, rest = topic.partition(".")
        name = rest if channel == CHANNEL else rest.rpartition(".")[2]
        if channel not in {CHANNEL, *OTHERS}:
            return False
        instrument = self._market.instruments.get(name)
        if instrument is None:
            return self._market.accepts(name)
        return self._hub.replaying or instrument.row["status"] in LIVING


def _traded(topic: str) -> str | None:
    """The instrument of a topic of trades; None for other channels."""
    channel, _, name = topic.partition(".")
    return name if channel == CHANNEL else None
