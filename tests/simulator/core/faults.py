"""The fault switchboard: what goes wrong, where, and for how long. Each fault ends after a count or a time."""

from __future__ import annotations

import gzip
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.core.damage import Damage
from tests.simulator.core.fault_actions import ACTIONS, LASTING
from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.venue import Endpoint, HttpReply

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

COMMON = frozenset({"fault", "exchange", "market", "seconds", "count"})
_LAST_DIGIT = re.compile(rb"(?<=[.])(\d*)(\d)")
DEFAULT_SECONDS = 30.0
"""A fault that names neither `seconds` nor `count` lasts this long."""


@dataclass(slots=True, eq=False)
class Fault:
    """One fault that is on. `market` absent: all markets of the exchange; `exchange` absent: all exchanges."""

    number: int
    name: str
    exchange: str | None
    market: str | None
    until: float | None
    left: int | None
    parameters: dict[str, Any]
    hits: int = 0

    def covers(self, market: Market) -> bool:
        """Whether it is about this market."""
        return self.exchange in {None, market.exchange} and self.market in {None, market.name}

    def spend(self, count: int = 1) -> None:
        """Notes that it struck."""
        self.hits += count
        if self.left is not None:
            self.left -= count

    def shown(self, rows: list[Trade], now: int) -> list[Trade]:
        """Of `rest_lag`: the rows without those that are younger than its seconds; `now` in Unix ns."""
        limit = now - int(float(self.parameters["by"]) * 1e9)
        kept = [row for row in rows if row.time <= limit]
        self.spend(len(rows) - len(kept))
        return kept

    def over(self, now: float) -> bool:
        """Whether its count or time has run out."""
        return (self.left is not None and self.left <= 0) or (self.until is not None and now >= self.until)

    def as_json(self, now: float) -> dict[str, Any]:
        """What GET /state shows."""
        return {
            "id": self.number,
            "fault": self.name,
            "exchange": self.exchange,
            "market": self.market,
            "seconds_left": None if self.until is None else round(max(0.0, self.until - now), 3),
            "count_left": self.left,
            "hits": self.hits,
            **self.parameters,
        }


@dataclass(slots=True)
class Disturbance:
    """What becomes of one frame."""

    instrument: Instrument
    kept: list[Trade]
    shown: list[Trade]
    """What the frame would have held: damage is done to this."""
    notes: dict[int, str] = field(default_factory=dict)
    """Why a trade (by its `id()`) did not get out."""
    copies: int = 1
    silent: bool = False
    hold: bool = False
    damage: Damage | None = None


class Switchboard:
    """All faults that are on."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._faults: list[Fault] = []
        self._numbers = 0
        self._rng = random.Random(f"{hub.seed}:faults")

    # From the control API

    def put(self, order: dict[str, Any]) -> dict[str, Any]:
        """Switches a fault on (or does it at once) and answers what it is; ValueError says what is wrong."""
        name = order.get("fault")
        if name not in LASTING and name not in ACTIONS:
            raise ValueError(f"no such fault: {name!r}; known: {', '.join(sorted([*LASTING, *ACTIONS]))}")
        allowed = (LASTING.get(name) or ACTIONS[name]).parameters
        if unknown := set(order) - COMMON - set(allowed):
            raise ValueError(
                f"{name} does not take {', '.join(sorted(unknown))}; it takes {', '.join(sorted(allowed))}"
            )
        markets = [market for market in self._hub.markets() if self._named(order, market)]
        if not markets:
            raise ValueError(f"no such market: {order.get('exchange')}.{order.get('market')}")
        if name in ACTIONS:
            return {"fault": name, "struck": ACTIONS[name].run(self._hub, markets, order)}
        return self._switch_on(str(name), order)

    @staticmethod
    def _named(order: dict[str, Any], market: Market) -> bool:
        return order.get("exchange") in {None, market.exchange} and order.get("market") in {None, market.name}

    def _switch_on(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        seconds, count = order.get("seconds"), order.get("count")
        if seconds is None and count is None:
            seconds = DEFAULT_SECONDS
        self._numbers += 1
        fault = Fault(
            number=self._numbers,
            name=name,
            exchange=order.get("exchange"),
            market=order.get("market"),
            until=None if seconds is None else time.monotonic() + float(seconds),
            left=None if count is None else int(count),
            parameters={**LASTING[name].parameters, **{key: order[key] for key in order if key not in COMMON}},
        )
        self._faults.append(fault)
        return fault.as_json(time.monotonic())

    def clear(self, number: int | None = None) -> int:
        """Switches one fault off, or all; answers how many were on."""
        gone = [fault for fault in self._faults if number in {None, fault.number}]
        self._faults = [fault for fault in self._faults if fault not in gone]
        return len(gone)

    def as_json(self) -> list[dict[str, Any]]:
        """The faults that are on."""
        self._purge()
        return [fault.as_json(time.monotonic()) for fault in self._faults]

    # From the parts that faults disturb

    def _purge(self) -> None:
        now = time.monotonic()
        if any(fault.over(now) for fault in self._faults):
            self._faults = [fault for fault in self._faults if not fault.over(now)]

    def active(self, name: str, market: Market) -> Fault | None:
        """The first fault of this name that is on for a market."""
        if not self._faults:
            return None
        self._purge()
        return next((fault for fault in self._faults if fault.name == name and fault.covers(market)), None)

    def _of(self, name: str, endpoint: Endpoint) -> Fault | None:
        if not self._faults:
            return None
        return next((fault for market in endpoint.markets if (fault := self.active(name, market))), None)

    def delay(self, endpoint: Endpoint) -> float:
        """Seconds by which frames are late."""
        fault = self._of("delay", endpoint)
        if fault is None:
            return 0.0
        fault.spend()
        return float(fault.parameters["by"])

    def lag(self, market: Market) -> Fault | None:
        """The fault that hides young trades from REST."""
        return self.active("rest_lag", market)

    def ack_delay(self, endpoint: Endpoint) -> float:
        """Seconds by which the answer to a subscribe request, and its data, are late."""
        fault = self._of("slow_ack", endpoint)
        if fault is None:
            return 0.0
        fault.spend()
        return float(fault.parameters["by"])

    def strikes(self, name: str, market: Market) -> Fault | None:
        """The fault of this name, when it strikes a market now, by its share."""
        fault = self.active(name, market)
        if fault is None or self._rng.random() >= float(fault.parameters.get("share", 1.0)):
            return None
        fault.spend()
        return fault

    def accepts_unknown(self, market: Market) -> bool:
        """Whether instruments that do not exist are acknowledged."""
        return self.active("accept_unknown", market) is not None

    def deaf(self, endpoint: Endpoint) -> bool:
        """Whether what a client says after its first subscription is not heard."""
        fault = self._of("deaf", endpoint)
        if fault is not None:
            fault.spend()
        return fault is not None

    def code(self, endpoint: Endpoint, code: int) -> int:
        """The code with which a connection is closed in place of this one."""
        fault = self._of("own_code", endpoint)
        if fault is None:
            return code
        fault.spend()
        return int(fault.parameters["code"])

    def refusal(self, endpoint: Endpoint) -> HttpReply | None:
        """How a WebSocket request is refused, if it is."""
        fault = self._of("refuse_connect", endpoint)
        if fault is None:
            return None
        fault.spend()
        status = int(fault.parameters["status"])
        headers = {"Retry-After": str(fault.parameters["retry_after"])} if status in {418, 429, 503} else {}
        return HttpReply(status, str(fault.parameters["body"]).encode(), headers)

    def rest(self, endpoint: Endpoint, path: str, answer: Callable[[], HttpReply]) -> HttpReply:
        """A REST answer as the faults leave it."""
        fault = self._of("rest_error", endpoint)
        if fault is not None and path.startswith(str(fault.parameters["path"])):
            fault.spend()
            status = int(fault.parameters["status"])
            headers = {"Retry-After": str(fault.parameters["retry_after"])} if status in {418, 429, 503} else {}
            return HttpReply(status, str(fault.parameters["body"]).encode(), headers)
        reply = self._altered(endpoint, path, answer())
        fault = self._of("rest_body", endpoint)
        if fault is None or not path.startswith(str(fault.parameters["path"])) or not reply.listing:
            return reply
        fault.spend()
        if fault.parameters["mode"] == "gzip":
            packed = {**reply.headers, "Content-Encoding": "gzip"}
            return HttpReply(reply.status, gzip.compress(reply.body, 1), packed, listing=True)
        return HttpReply(reply.status, self._spoil(fault, reply.body), reply.headers, listing=True)

    def _altered(self, endpoint: Endpoint, path: str, reply: HttpReply) -> HttpReply:
        """The reply with another last digit of its decimals, without its headers, or as it is."""
        body, headers = reply.body, reply.headers
        fault = self._of("rest_digit", endpoint)
        if fault is not None and path.startswith(str(fault.parameters["path"])) and not reply.listing:
            fault.spend()
            body = _LAST_DIGIT.sub(lambda found: found[1] + b"%d" % ((int(found[2]) + 1) % 10), body)
        if (fault := self._of("no_headers", endpoint)) is not None:
            fault.spend()
            headers = {}
        return HttpReply(reply.status, body, headers, listing=reply.listing)

    def _spoil(self, fault: Fault, body: bytes) -> bytes:
        mode = fault.parameters["mode"]
        if mode == "empty":
            return b""
        if mode == "not_json":
            return b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        if mode == "truncated":
            return body[: len(body) // 2]
        return json.dumps(shrink(json.loads(body), float(fault.parameters["share"]))).encode()

    def silenced(self, market: Market, instrument: Instrument) -> bool:
        """Whether `silent_ack` keeps an instrument's data back."""
        return any(
            fault.name == "silent_ack" and fault.covers(market) and self._about(fault, instrument, market.wire.channel)
            for fault in self._faults
        )

    def disturb(
        self, market: Market, instrument: Instrument, channel: str, trades: Sequence[Trade]
    ) -> Disturbance | None:
        """What becomes of a frame with these trades; None, the common case, when nothing does."""
        if not self._faults:
            return None
        self._purge()
        faults = [fault for fault in self._faults if fault.covers(market) and self._about(fault, instrument, channel)]
        if not faults:
            return None
        disturbance = Disturbance(instrument, list(trades), list(trades))
        for fault in faults:
            apply = getattr(self, f"_{fault.name}", None)
            if apply is not None:
                apply(fault, market, disturbance)
        return disturbance

    @staticmethod
    def _about(fault: Fault, instrument: Instrument, channel: str) -> bool:
        names, only = fault.parameters.get("instruments"), fault.parameters.get("channel")
        return (not names or instrument.name in names) and only in {None, channel}

    def _silent_ack(self, fault: Fault, _: Market, frame: Disturbance) -> None:
        fault.spend()
        frame.silent = True
        frame.notes.update({id(trade): "silent" for trade in frame.shown})

    def _omit(self, fault: Fault, _: Market, frame: Disturbance) -> None:
        for trade in list(frame.kept):
            if not fault.over(time.monotonic()) and self._rng.random() < float(fault.parameters["share"]):
                fault.spend()
                frame.kept.remove(trade)
                frame.notes[id(trade)] = "omitted"

    def _duplicate_trades(self, fault: Fault, _: Market, frame: Disturbance) -> None:
        fault.spend()
        frame.copies = 2

    def _out_of_order_rows(self, fault: Fault, market: Market, frame: Disturbance) -> None:
        fault.spend()
        if market.wire.frame_ns:
            self._rng.shuffle(frame.kept)
        else:
            frame.hold = not market.holds(frame.instrument)

    def _malformed(self, fault: Fault, market: Market, frame: Disturbance) -> None:
        if self._rng.random() >= float(fault.parameters["share"]):
            return
        fault.spend()
        frame.damage = Damage(self._rng, str(fault.parameters["mode"]), market.wire.vital, market.wire.negative)
        if not fault.parameters["beside"]:
            frame.notes.update({id(trade): "damaged" for trade in frame.kept})
            frame.kept = []


def shrink(value: Any, share: float) -> Any:
    """A list body whose long lists have lost their last `share`."""
    if isinstance(value, dict):
        return {key: shrink(inner, share) for key, inner in value.items()}
    if isinstance(value, list) and len(value) > 10:
        return value[: int(len(value) * (1 - share))]
    return value
