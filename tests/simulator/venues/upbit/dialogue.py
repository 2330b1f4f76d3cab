"""A client's conversation with Upbit: subscriptions that replace each other, errors, heartbeat (reference 9.2, 9.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.limits import Window
from tests.simulator.core.venue import compact
from tests.simulator.venues.upbit.newsroom import CHANNEL, Form
from tests.simulator.venues.upbit.titles import CATEGORIES
from tests.simulator.venues.upbit.wire import FORMATS, UpbitWire

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket

IDLE = 60.5
"""Seconds without a frame of the client after which it is cut: the wire's; the document says 120."""
UP_EVERY = 10.0
LAST_WORD = 0.15
"""Seconds between an error and the close."""
LIMITS = ((5, 1.0), (100, 60.0))
SILENT = ("ticker", "orderbook")
"""Types that are taken here and send nothing; so are those that begin with `candle.`."""
PRIVATE = ("myOrder", "myAsset", CHANNEL)
"""Types that the private socket alone takes; all but announcements send nothing."""
MESSAGES = {
    "WRONG_FORMAT": "format is not valid.",
    "NO_TICKET": "ticket field not exists.",
    "NO_TYPE": "type field not exists.",
    "NO_CODES": "codes field not exists.",
    "INVALID_PARAM": "parameter is not valid.",
    "INVALID_AUTH": "authentication is not valid.",
    "too_many_requests": "too many requests.",
}


class Refused(Exception):
    """An error reply; `args[0]` is its name."""


@dataclass(slots=True)
class Wanted:
    """What one request asks for. `trades` has for each code whether its last trade and whether live ones are wanted."""

    ticket: str
    form: str
    method: str | None = None
    types: list[dict[str, Any]] = field(default_factory=list)
    trades: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    notices: dict[str, bool] = field(default_factory=dict)
    """Categories of announcements, and whether their bodies are wanted."""


class UpbitDialogue:
    """One connection."""

    def __init__(self, socket: Socket, market: Market, *, private: bool = False, known: bool = True) -> None:
        """`private`: the socket that wants a token; `known`: whether that was a good one."""
        self._socket, self._market = socket, market
        self._private, self._known_client = private, known
        self._hub = socket.hub
        self._windows = [Window(limit, seconds) for limit, seconds in LIMITS]
        self._wanted = Wanted("", "DEFAULT")
        self._alive = 0.0
        self._asked = False
        self._refused = False

    # Heartbeat

    def opened(self) -> None:
        self._alive = self._socket.now()
        self._socket.after(IDLE, self._listen)
        if not self._known_client:
            self._refuse("INVALID_AUTH")

    def _listen(self) -> None:
        silent = (self._socket.now() - self._alive) * self._hub.divide_timers
        if silent < IDLE - 0.001:
            self._socket.after(IDLE - silent, self._listen)
            return
        self._hub.violations.note("upbit idle", self._socket.address)
        self._socket.cut("idle")

    def ping(self, data: bytes) -> None:
        self._heartbeat()

    def pong(self, data: bytes) -> None:
        self._alive = self._socket.now()

    def _heartbeat(self) -> bool:
        """No heartbeat is an offence while timers are divided: they come more often then, the limit stays."""
        self._alive = self._socket.now()
        return self._hub.divide_timers > 1 or self._counted()

    def _up(self) -> None:
        self._say('{"status":"UP"}')
        self._socket.after(UP_EVERY, self._up)

    def farewell(self) -> str | None:
        return None

    # Requests

    def binary(self, data: bytes) -> None:
        self.text(data.decode(errors="replace"))

    def text(self, data: str) -> None:
        if self._refused:
            return
        if data == "PING":
            if self._heartbeat():
                self._answer_ping()
            return
        self._alive = self._socket.now()
        if not self._counted():
            return
        try:
            wanted = self._parsed(data)
        except Refused as refused:
            self._refuse(refused.args[0])
            return
        if wanted.method is not None:
            self._list(wanted)
            return
        late = self._hub.switchboard.ack_delay(self._socket.endpoint)
        if late:
            self._socket.after(late * self._hub.divide_timers, partial(self._replace, wanted))
        else:
            self._replace(wanted)

    def _answer_ping(self) -> None:
        """The first one is answered and begins a series; later ones are answered beside it."""
        if self._asked:
            self._say('{"status":"UP"}')
            return
        self._asked = True
        self._up()

    def _counted(self) -> bool:
        now = self._socket.arrived
        if all(window.admit(now) for window in self._windows):
            return True
        self._hub.violations.note("upbit frames", self._socket.address)
        self._refuse("too_many_requests")
        return False

    def _say(self, payload: str) -> None:
        """All frames of the venue have the binary opcode."""
        if self._socket.queue(self._market.wire.frame(payload)):
            self._socket.flush()

    def _refuse(self, name: str) -> None:
        if self._refused:
            return
        self._refused = True
        self._say(compact({"error": {"name": name, "message": MESSAGES[name]}}))
        self._socket.after(LAST_WORD, partial(self._socket.close, 1000, ""))

    # Subscriptions

    def _parsed(self, data: str) -> Wanted:
        try:
            parts = json.loads(data)
        except (json.JSONDecodeError, RecursionError):
            raise Refused("WRONG_FORMAT") from None
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise Refused("WRONG_FORMAT")
        tickets = [part["ticket"] for part in parts if "ticket" in part]
        if not tickets or not isinstance(tickets[0], str) or not tickets[0]:
            raise Refused("NO_TICKET")
        forms = [part["format"] for part in parts if "format" in part] or ["DEFAULT"]
        if forms[0] not in FORMATS:
            raise Refused("WRONG_FORMAT")
        wanted = Wanted(tickets[0], forms[0])
        if any("method" in part for part in parts):
            wanted.method = next(part["method"] for part in parts if "method" in part)
            if wanted.method != "LIST_SUBSCRIPTIONS":
                raise Refused("INVALID_PARAM")
            return wanted
        types = [part for part in parts if "type" in part]
        if not types:
            raise Refused("NO_TYPE")
        for part in types:
            self._take(part, wanted)
        return wanted

    def _take(self, part: Mapping[str, Any], wanted: Wanted) -> None:
        """Codes that are not in the list are left out without a word."""
        kind = part["type"]
        if kind in PRIVATE:
            self._take_private(part, kind, wanted)
            return
        if not isinstance(kind, str) or (kind not in {"trade", *SILENT} and not kind.startswith("candle.")):
            raise Refused("INVALID_PARAM")
        if not part.get("codes"):
            raise Refused("NO_CODES")
        codes = part["codes"]
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise Refused("INVALID_PARAM")
        only_last, only_live = (_flag(part, name) for name in ("snapshot", "realtime"))
        known = [code for code in dict.fromkeys(codes) if self._known(code)]
        wanted.types.append({"type": kind, "codes": known})
        if kind == "trade":
            wanted.trades.update(dict.fromkeys(known, (not only_live, not only_last)))

    def _take_private(self, part: Mapping[str, Any], kind: str, wanted: Wanted) -> None:
        """Announcements of some categories, all without."""
        if not self._private:
            raise Refused("INVALID_AUTH")
        if kind != CHANNEL:
            wanted.types.append({"type": kind})
            return
        categories, with_body = part.get("categories", list(CATEGORIES)), part.get("include_body", False)
        if not isinstance(categories, list) or not categories or not isinstance(with_body, bool):
            raise Refused("INVALID_PARAM")
        if not all(isinstance(each, str) and each in CATEGORIES for each in categories):
            raise Refused("INVALID_PARAM")
        wanted.types.append({"type": kind, "categories": categories})
        wanted.notices.update(dict.fromkeys(categories, with_body))

    def _known(self, code: str) -> bool:
        instrument = self._market.instruments.get(code)
        return self._hub.replaying or (instrument is not None and instrument.open)

    def _replace(self, wanted: Wanted) -> None:
        """The whole subscription is the new one's: what it doesn't name stops."""
        before = {code for code, (_, live) in self._wanted.trades.items() if live}
        for category in self._wanted.notices:
            self._market.unsubscribe(self._socket, CHANNEL, category)
        self._wanted = wanted
        self._read_notices()
        live = [code for code, (_, flows) in wanted.trades.items() if flows]
        gone = [code for code in before.difference(live) if self._unsubscribe(code)]
        if gone:
            self._hub.unsubscribed(self._socket, self._market, sorted(gone))
        for code, (last, _) in wanted.trades.items():
            if last:
                self._snapshot(code)
        for code in live:
            self._market.subscribe(self._socket, self._market.wire.channel, code, wanted.form)
        if live:
            self._hub.subscribed(self._socket, self._market, live)

    def _read_notices(self) -> None:
        for category, with_body in self._wanted.notices.items():
            self._market.subscribe(self._socket, CHANNEL, category, Form(self._wanted.form, with_body))

    def _unsubscribe(self, code: str) -> bool:
        return self._market.unsubscribe(self._socket, self._market.wire.channel, code)

    def _snapshot(self, code: str) -> None:
        """The last trade of a code, if it has one."""
        market, wire = self._market, self._market.wire
        instrument = market.instruments.get(code)
        if instrument is None or self._hub.replaying or self._hub.switchboard.silenced(market, instrument):
            return
        assert isinstance(wire, UpbitWire)
        for trade in market.history(instrument, wire.channel).newest(1):
            payload = wire.body(instrument, trade, self._wanted.form, "SNAPSHOT", self._hub.clock.ns())
            self._socket.queue(wire.frame(payload))

    def _list(self, wanted: Wanted) -> None:
        """Answers what is subscribed to; the stream goes on in the format that this request names, or in DEFAULT."""
        answer = {"method": "LIST_SUBSCRIPTIONS", "result": self._wanted.types, "ticket": wanted.ticket}
        self._say(compact(answer))
        self._wanted.form = wanted.form
        self._read_notices()
        for code, (_, live) in self._wanted.trades.items():
            if live:
                self._market.subscribe(self._socket, self._market.wire.channel, code, wanted.form)


def _flag(part: Mapping[str, Any], name: str) -> bool:
    """`is_only_…`, or as it was spelled in 2021."""
    value = part.get(f"is_only_{name}", part.get(f"isOnly{name.title()}", False))
    if not isinstance(value, bool):
        raise Refused("INVALID_PARAM")
    return value
