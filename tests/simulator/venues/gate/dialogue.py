"""A client's conversation with Gate (reference 7.4, 7.5)."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.venue import compact

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

CLOCK = 60
"""Seconds that a request's `time` may differ from the server's clock."""
UNSUBSCRIBED = 30.5
"""Seconds without a frame of the client after which a socket that has subscribed to nothing is cut."""
QUIET = 60.0
"""Seconds without a frame in either direction after which a socket with subscriptions is cut."""
UPGRADE = {
    "type": "upgrade",
    "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
}
OTHERS = {
    "spot": ("trades_v2", "tickers", "candlesticks", "book_ticker", "order_book_update", "order_book", "obu"),
    "futures": (
        "tickers",
        "candlesticks",
        "book_ticker",
        "order_book_update",
        "order_book",
        "public_liquidates",
        "obu",
    ),
}
"""Channels of the venue that are acknowledged here, whatever their payload, and stay silent."""
BAD_BODY = {"code": 1, "message": "request message need json scheme"}


class GateDialogue:
    """One connection, of one market; `form` is how it wants its trades written."""

    def __init__(self, socket: Socket, market: Market, form: bool) -> None:
        self._socket, self._market, self._form = socket, market, form
        self._hub = socket.hub
        self._wanted: dict[tuple[str, str], None] = {}
        self._heard = 0.0
        self._rng = random.Random()
        self._conn_id = ""

    def opened(self) -> None:
        self._rng.seed(f"{self._hub.seed}:gate:{self._socket.number}")
        self._conn_id = f"{self._rng.getrandbits(64):016x}"
        self._heard = self._socket.now()
        self._socket.after(UNSUBSCRIBED, self._listen)

    def _listen(self) -> None:
        """Looks at least every 30.5 s, so that an unsubscribe in between is seen in time."""
        since, limit = self._heard, UNSUBSCRIBED
        if self._wanted:
            since, limit = max(since, self._socket.written), QUIET
        left = limit - (self._socket.now() - since) * self._hub.divide_timers
        if left > 0.001:
            self._socket.after(min(left, UNSUBSCRIBED), self._listen)
            return
        self._hub.violations.note(f"{self._market.key} silence", self._socket.address)
        self._socket.cut("no heartbeat")

    def ping(self, data: bytes) -> None:
        """Is answered by the socket, and counts for nothing: the application's own ping is wanted."""

    def pong(self, data: bytes) -> None:
        """Counts for nothing either."""

    def farewell(self) -> str | None:
        if self._market.name == "spot":
            return compact(UPGRADE)
        seconds, milliseconds = self._times()
        head = {"time": seconds, "time_ms": milliseconds, "channel": "futures.system", "event": "update"}
        return compact({**head, "result": UPGRADE})

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        self._heard = self._socket.now()
        try:
            request = json.loads(data)
        except (json.JSONDecodeError, RecursionError):
            request = None
        if isinstance(request, dict):
            self._request(request)
        else:
            self._fail({}, BAD_BODY)

    # Requests

    def _request(self, request: dict[str, Any]) -> None:
        channel, event, payload = request.get("channel"), request.get("event"), request.get("payload")
        market, _, topic = channel.partition(".") if isinstance(channel, str) else ("", "", "")
        if not self._in_time(request.get("time")):
            self._hub.violations.note(f"{self._market.key} time", self._socket.address)
            self._refuse(request, "request time is more than 60 seconds away from the server time")
        elif market != self._market.name or topic not in {"ping", "trades", *OTHERS[market]}:
            self._refuse(request, f"Unknown channel {channel}")
        elif topic == "ping":
            self._pong(request)
        elif event not in {"subscribe", "unsubscribe"}:
            self._refuse(request, f"Unknown event {event}")
        elif not isinstance(payload, list) or not payload or not all(isinstance(name, str) for name in payload):
            self._refuse(request, "payload must be a list of strings")
        elif topic == "trades" and (unknown := self._unknown(payload)) is not None:
            self._refuse(request, unknown)
        else:
            self._accept(request, event == "subscribe", payload if topic == "trades" else [])

    def _in_time(self, at: object) -> bool:
        if not isinstance(at, int) or isinstance(at, bool):
            return False
        return abs(at - self._hub.clock.ns() // 10**9) <= CLOCK

    def _unknown(self, names: list[str]) -> str | None:
        """What is wrong with the first name that is not listed; one of them fails the whole request."""
        what = "currency pair" if self._market.name == "spot" else "contract"
        return next((f"unknown {what} {name}" for name in names if not self._market.accepts(name)), None)

    def _accept(self, request: dict[str, Any], subscribe: bool, names: list[str]) -> None:
        late = self._hub.switchboard.ack_delay(self._socket.endpoint) if subscribe else 0.0
        apply = partial(self._subscribe if subscribe else self._unsubscribe, request, names)
        if late:
            self._socket.after(late * self._hub.divide_timers, apply)
        else:
            apply()

    def _subscribe(self, request: dict[str, Any], names: list[str]) -> None:
        trace = {"trace_id": f"{self._rng.getrandbits(128):032x}"}
        self._socket.send(compact({**self._head(request, trace), "result": {"status": "success"}}))
        self._wanted.update({(request["channel"], name): None for name in request["payload"]})
        for name in names:
            self._market.subscribe(self._socket, self._market.wire.channel, name, self._form)
        if names:
            self._hub.subscribed(self._socket, self._market, names)

    def _unsubscribe(self, request: dict[str, Any], names: list[str]) -> None:
        self._socket.send(compact({**self._head(request), "result": {"status": "success"}}))
        for name in request["payload"]:
            self._wanted.pop((request["channel"], name), None)
        gone = [name for name in names if self._market.unsubscribe(self._socket, self._market.wire.channel, name)]
        if gone:
            self._hub.unsubscribed(self._socket, self._market, gone)

    # Answers

    def _times(self) -> tuple[int, int]:
        now = self._hub.clock.ns()
        return now // 10**9, now // 10**6

    def _head(self, request: dict[str, Any], trace: dict[str, str] | None = None) -> dict[str, Any]:
        """What every answer begins with; id and payload are there when the request had them."""
        seconds, milliseconds = self._times()
        number = {"id": request["id"]} if "id" in request else {}
        payload = {"payload": request["payload"]} if "payload" in request else {}
        return {
            "time": seconds,
            "time_ms": milliseconds,
            **number,
            "conn_id": self._conn_id,
            **(trace or {}),
            "channel": request.get("channel", ""),
            "event": request.get("event", ""),
            **payload,
        }

    def _pong(self, request: dict[str, Any]) -> None:
        """Spot names an error, which is null; futures don't."""
        market = self._market.name
        head = self._head({"channel": f"{market}.pong", **({"id": request["id"]} if "id" in request else {})})
        self._socket.send(compact({**head, **({"error": None} if market == "spot" else {}), "result": None}))

    def _refuse(self, request: dict[str, Any], text: str) -> None:
        self._fail(request, {"code": 2, "message": text})

    def _fail(self, request: dict[str, Any], error: dict[str, object]) -> None:
        self._socket.send(compact({**self._head(request), "error": error, "result": {"status": "fail"}}))
