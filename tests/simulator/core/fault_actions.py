"""The names of all faults with a sentence each, and those that strike at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulator.core.generator import Burst

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket


@dataclass(frozen=True, slots=True)
class Lasting:
    """A fault that stays on; parameters with their defaults."""

    sentence: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """A fault that strikes at once; `run` answers how many it struck."""

    sentence: str
    parameters: dict[str, Any]
    run: Callable[[Hub, Sequence[Market], dict[str, Any]], int]


LASTING: dict[str, Lasting] = {
    "silent_ack": Lasting(
        "Requests are acknowledged but no data flows, for the named instruments and channel (all without).",
        {"instruments": [], "channel": None},
    ),
    "slow_ack": Lasting("The answer to a subscribe request, and its data, come `by` seconds late.", {"by": 2.0}),
    "refuse_connect": Lasting(
        "WebSocket requests are refused at HTTP level with `status`.",
        {"status": 503, "retry_after": 5, "body": ""},
    ),
    "rest_error": Lasting(
        "REST requests whose path starts with `path` are answered with `status`.",
        {"status": 503, "retry_after": 5, "body": "", "path": "/"},
    ),
    "rest_lag": Lasting(
        "REST replies lack the trades of the last `by` seconds; `hits` counts the trades that replies lacked.",
        {"by": 5.0},
    ),
    "rest_body": Lasting(
        "The instrument list comes with 200 and a body that is `empty`, `not_json`, `gzip` (unasked), `truncated` "
        "or `shrunk` (its lists lose their last `share`).",
        {"mode": "empty", "share": 0.5, "path": "/"},
    ),
    "duplicate_trades": Lasting("Each frame is sent twice.", {"instruments": [], "channel": None}),
    "out_of_order_rows": Lasting(
        "Rows of a frame are shuffled; where a frame holds one trade, it is sent after the next one of its instrument.",
        {"instruments": [], "channel": None},
    ),
    "malformed": Lasting(
        "Seeded damage to frames; `mode`: drop (a key), type, never (NaN, 10^400, …), truncate, binary or any; "
        "`share` of the frames; `beside` true sends the healthy frame as well.",
        {"mode": "any", "share": 1.0, "beside": False, "instruments": [], "channel": None},
    ),
    "omit": Lasting(
        "`share` of the trades is left out of the frames; the ledger marks them `omitted`, the REST history has them.",
        {"share": 1.0, "instruments": [], "channel": None},
    ),
    "skip_ids": Lasting("Before `share` of the trades an id is used up without a trade.", {"share": 0.1}),
    "shift_time": Lasting("Trades have a time `by` seconds later than they happen.", {"by": 60.0}),
    "old_trades": Lasting(
        "Each subscription is followed at once by the newest trade, however old, as if it had just happened.", {}
    ),
    "accept_unknown": Lasting("Instruments that do not exist are acknowledged where the venue refuses them.", {}),
    "deaf": Lasting("What a client says after its first subscription is not heard, its heartbeats neither.", {}),
    "own_code": Lasting("Whenever the venue closes a connection, it does so with `code`.", {"code": 1001}),
    "rest_digit": Lasting(
        "Decimal numbers in REST replies have another last digit; the instrument list is spared.", {"path": "/"}
    ),
    "no_headers": Lasting("REST replies lack the headers that tell of limits.", {}),
    "delay": Lasting("All frames go out `by` seconds late, in order.", {"by": 0.05}),
}


def _clients(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> list[Socket]:
    """The oldest `count` connections (all without) of the markets; of a socket for several markets, any of them."""
    found = [socket for socket in hub.sockets if any(market in markets for market in socket.markets)]
    found.sort(key=lambda socket: socket.number)
    return found[: order.get("count")]


def _reset(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> int:
    clients = _clients(hub, markets, order)
    for socket in clients:
        socket.reset()
    return len(clients)


def _half_open(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> int:
    clients = _clients(hub, markets, order)
    for socket in clients:
        socket.flush()
        socket.muted = True
    return len(clients)


def _close_code(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> int:
    clients = _clients(hub, markets, order)
    for socket in clients:
        socket.close(int(order.get("code", 1001)), str(order.get("reason", "")))
    return len(clients)


def _planned_end(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> int:
    clients = _clients(hub, markets, order)
    for socket in clients:
        socket.announce_end()
        asyncio.get_running_loop().call_later(float(order.get("lead", 10.0)), socket.close, 1001, "")
    return len(clients)


def _burst(hub: Hub, markets: Sequence[Market], order: dict[str, Any]) -> int:
    count, seconds = int(order.get("count", 1000)), float(order.get("seconds", 1.0))
    for market in markets:
        plan = hub.generator.plans[market.key]
        name = order.get("instrument")
        instrument = market.instruments.get(name) if name else next(iter(plan.busiest(1, hub.symbols)), None)
        if instrument is None:
            raise ValueError(f"no such instrument in {market.key}: {name}")
        plan.bursts.append(Burst(instrument, count, count / max(seconds, 0.001) / 1e9))
    return count * len(markets)


ACTIONS: dict[str, Action] = {
    "reset": Action("TCP connections end by RST, without a close frame (`count` oldest, or all).", {}, _reset),
    "half_open": Action(
        "Nothing is written any more, not even pongs; the socket stays (`count` oldest, or all).", {}, _half_open
    ),
    "close_code": Action("Connections are closed with `code` and `reason`.", {"code": 1001, "reason": ""}, _close_code),
    "planned_end": Action(
        "The venue announces its end where it can (Binance: serverShutdown) and closes `lead` seconds later.",
        {"lead": 10.0},
        _planned_end,
    ),
    "burst": Action(
        "`count` extra trades of one `instrument` (the busiest without) within `seconds`, on top of the rate.",
        {"instrument": None},
        _burst,
    ),
}


def describe() -> list[dict[str, Any]]:
    """What GET /faults answers."""
    lasting = [
        {"fault": name, "about": fault.sentence, "parameters": fault.parameters, "bounded_by": ["count", "seconds"]}
        for name, fault in LASTING.items()
    ]
    at_once = [
        {"fault": name, "about": fault.sentence, "parameters": fault.parameters, "bounded_by": ["count"]}
        for name, fault in ACTIONS.items()
    ]
    return sorted([*lasting, *at_once], key=lambda row: str(row["fault"]))
