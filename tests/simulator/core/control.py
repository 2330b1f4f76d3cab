"""The control API over HTTP: rates, faults, trades and listings on demand, state. The README has the table."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.simulator.core.agenda import moment
from tests.simulator.core.fault_actions import describe
from tests.simulator.core.model import KINDS
from tests.simulator.core.staging import Stage
from tests.simulator.core.venue import compact

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

Json = dict[str, Any]


class Control:
    """Answers the control port."""

    def __init__(self, hub: Hub, stop: asyncio.Event) -> None:
        self._hub, self._stop = hub, stop
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._routes: dict[tuple[str, str], Callable[[Json], object]] = {
            ("GET", "/state"): self._state,
            ("GET", "/faults"): lambda _: describe(),
            ("POST", "/rate"): self._rate,
            ("POST", "/pause"): lambda _: self._pause(paused=True),
            ("POST", "/resume"): lambda _: self._pause(paused=False),
            ("POST", "/mark"): lambda _: {"plans": hub.mark()},
            ("POST", "/fault"): hub.switchboard.put,
            ("POST", "/faults/clear"): lambda order: {"cleared": hub.switchboard.clear(order.get("id"))},
            ("POST", "/trade"): self._trade,
            ("POST", "/universe"): self._universe,
            ("POST", "/pump"): Stage(hub).plant,
            ("POST", "/replay/start"): self._replay,
            ("POST", "/shutdown"): self._shutdown,
            **hub.orders,
        }

    async def start(self, host: str, port: int) -> int:
        """Listens; answers the port."""
        self._server = web.Server(self._handle, access_log=None)
        self._listener = await asyncio.get_running_loop().create_server(self._server, host, port)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stops listening."""
        if self._listener is not None:
            self._listener.close()
        if self._server is not None:
            await self._server.shutdown(0.2)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return _reply({"error": f"no {request.method} {request.path}; there are {known}"}, 404)
        try:
            order = json.loads(await request.read() or b"{}")
            if not isinstance(order, dict):
                raise TypeError("the body must be a JSON object")
            return _reply(route(order))
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            return _reply({"error": str(error.args[0] if error.args else error)}, 400)

    # Routes

    def _state(self, _: Json) -> Json:
        hub = self._hub
        return {
            "markets": {market.key: self._market_state(market) for market in hub.markets()},
            "connections": [
                {
                    "connection": one.number,
                    "exchange": one.endpoint.exchange,
                    "address": one.address,
                    "path": one.path,
                    "subscriptions": len(one.topics),
                    "half_open": one.muted,
                }
                for one in sorted(hub.sockets, key=lambda one: one.number)
            ],
            "pid": os.getpid(),
            "connections_ever": hub.connections,
            "received": {"frames": dict(hub.frames), "requests": dict(hub.requests)},
            "paused": hub.generator.paused,
            "violations": hub.violations.as_json(),
            "faults": hub.switchboard.as_json(),
            "replay": hub.replay.as_json() if hub.replay else None,
        }

    def _market_state(self, market: Market) -> Json:
        plan = self._hub.generator.plans[market.key]
        sockets = [socket for socket in self._hub.sockets if market in socket.markets]
        return {
            "connections": len(sockets),
            "subscriptions": sum(1 for socket in sockets for key, _, _ in socket.topics if key == market.key),
            "instruments": len(market.instruments),
            "tradable": sum(1 for instrument in market.instruments.values() if instrument.busy),
            "rate": plan.rate,
            "planned": int(plan.planned),
            "produced": plan.produced,
            "sent": market.sent,
            "frames": market.frames,
            "serial": market.serial,
        }

    def _rate(self, order: Json) -> Json:
        plans = self._hub.generator.plans
        if "total" in order:
            self._hub.set_rate(float(order["total"]))
        else:
            plans[self._market(order).key].rate = float(order["rate"])
        return {"rates": {key: plan.rate for key, plan in plans.items()}}

    def _pause(self, *, paused: bool) -> Json:
        self._hub.generator.paused = paused
        return {"paused": paused}

    def _market(self, order: Json) -> Market:
        return self._hub.market(order["exchange"], order["market"])

    def _trade(self, order: Json) -> Json:
        market, hub = self._market(order), self._hub
        instrument = market.instruments.get(order["instrument"])
        if instrument is None:
            raise KeyError(f"no such instrument in {market.key}: {order['instrument']}")
        kind = order.get("kind") or ""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS[1:])} or absent")
        plan, count = hub.generator.plans[market.key], int(order.get("count", 1))
        for _ in range(count):
            now = hub.clock.ns()
            market.begin(instrument)
            drawn = hub.generator.draw(market, instrument, now, kind=kind)
            fields: Json = {}
            for field, digits in (("price", instrument.price_digits), ("size", instrument.size_digits)):
                if field in order:
                    fields[field] = _units(str(order[field]), digits)
            if "side" in order:
                fields["buy"] = order["side"] == "buy"
            hub.generator.produce(market, instrument, now, now, trade=drawn._replace(**fields))
        plan.planned += count
        plan.produced += count
        hub.flush()
        return {"produced": count, "serial": market.serial}

    def _universe(self, order: Json) -> Json:
        market, seed = self._market(order), self._hub.seed
        now = self._hub.clock.ns()
        due = moment(order, now)
        if due > now and set(order) - {"exchange", "market", "list", "at", "in"}:
            raise ValueError("only `list` can wait for its moment")
        done: list[str] = []
        for wish in order.get("list", []):
            instrument = market.lister.make(
                wish["base"], wish.get("quote", "USDT"), str(wish.get("price", "1.234")), seed
            )
            instrument.row.update(wish.get("row", {}))
            if due > now:
                self._hub.agenda.put(due, partial(market.place, instrument))
            else:
                market.place(instrument)
            done.append(instrument.name)
        for name in order.get("delist", []):
            market.lister.retire(market.instruments[name])
            market.place(market.instruments[name])
            done.append(name)
        for name, fields in order.get("change", {}).items():
            market.instruments[name].row.update(fields)
            market.place(market.instruments[name])
            done.append(name)
        for name in order.get("remove", []):
            market.remove(name)
            done.append(name)
        for name in order.get("relist", []):
            market.relist(name, seed)
            done.append(name)
        return {"changed": done, "instruments": len(market.instruments), "due": due}

    def _replay(self, _: Json) -> Json:
        if self._hub.replay is None:
            raise ValueError("no recording was named (--replay FILE ...)")
        self._hub.replay.start()
        return self._hub.replay.as_json()

    def _shutdown(self, _: Json) -> Json:
        asyncio.get_running_loop().call_later(0.05, self._stop.set)
        return {"stopping": True}


def _units(text: str, digits: int) -> int:
    """A decimal text in units of its last wire decimal."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > digits:
        raise ValueError(f"{text} has more than {digits} decimals")
    return int(whole + fraction.ljust(digits, "0"))


def _reply(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=compact(value).encode(), headers={"Content-Type": "application/json"})
