"""Faults that break what a client assumes of a venue, each in one respect alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.clients import ask, client, ended, receive
from tests.simulator.testing import Simulated, simulator

SPOT = {"exchange": "binance", "market": "spot"}
UNKNOWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bybit": ("spot", "/v5/public/spot", {"op": "subscribe", "args": ["publicTrade.NOSUCHUSDT"]}),
    "okx": (
        "spot",
        "/ws/v5/business",
        {"op": "subscribe", "args": [{"channel": "trades-all", "instId": "NOSUCH-USDT"}]},
    ),
    "phemex": ("spot", "", {"id": 1, "method": "trade.subscribe", "params": ["sNOSUCHUSDT"]}),
}
"""Of a venue that refuses unknown instruments: a market, its path, and a request for one."""


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["binance.spot"], divide_timers=20) as running:
        yield running


def bitcoin(sim: Simulated) -> str:
    return sim.websocket("binance", "spot") + "/ws/btcusdt@trade"


async def test_skip_ids_uses_an_id_up_without_a_trade(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.trade("binance", "spot", "BTCUSDT")
        await sim.fault("skip_ids", **SPOT, share=1.0, count=1)
        await sim.trade("binance", "spot", "BTCUSDT", 2)
        first, second, third = [(await receive(socket))["t"] for _ in range(3)]
    assert (second - first, third - second) == (2, 1)


async def test_shift_time_moves_the_time_of_trades(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("shift_time", **SPOT, by=60)
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(socket))["T"] / 1000 - time.time() == pytest.approx(60, abs=5)


async def test_old_trades_sends_the_newest_one_after_a_subscription(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT", 2)
    await sim.fault("old_trades", **SPOT)
    async with client(bitcoin(sim)) as socket:
        assert str((await receive(socket))["t"]) == (await sim.records())[-1]["id"]


@pytest.mark.parametrize("exchange", UNKNOWN)
async def test_accept_unknown_acknowledges_what_the_venue_would_refuse(exchange: str) -> None:
    market, path, request = UNKNOWN[exchange]
    async with simulator(only=[exchange]) as sim, client(sim.websocket(exchange, market) + path) as socket:
        refused = json.dumps(await ask(socket, request))
        await sim.fault("accept_unknown", exchange=exchange, market=market)
        accepted = json.dumps(await ask(socket, request))
    assert any(sign in refused for sign in ("60018", "6001", "handler not found"))
    assert any(sign in accepted for sign in ('"event": "subscribe"', '"status": "success"', '"success": true'))


async def test_accept_unknown_holds_for_gate_too() -> None:
    async with simulator(only=["gate"]) as sim, client(sim.websocket("gate", "spot") + "/ws/v4/") as socket:
        request = {"channel": "spot.trades", "event": "subscribe", "payload": ["NOSUCH_USDT"]}
        refused = await ask(socket, {"time": int(time.time()), **request})
        await sim.fault("accept_unknown", exchange="gate")
        accepted = await ask(socket, {"time": int(time.time()), **request})
    assert (refused["result"]["status"], accepted["result"]["status"]) == ("fail", "success")


async def test_deaf_hears_the_first_subscription_and_nothing_after_it(sim: Simulated) -> None:
    await sim.fault("deaf", **SPOT)
    async with client(sim.websocket("binance", "spot") + "/ws") as socket:
        assert (await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}))["id"] == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 2}), 0.3)
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(socket))["s"] == "BTCUSDT"


async def test_own_code_replaces_the_code_of_the_venues_closes() -> None:
    async with simulator(only=["okx"], divide_timers=100) as sim:
        await sim.fault("own_code", exchange="okx", code=1013)
        async with client(sim.websocket("okx", "spot") + "/ws/v5/business") as socket:
            assert await ended(socket) == (1013, "No data received in 30s")


async def rest(sim: Simulated, path: str) -> tuple[Any, set[str]]:
    async with sim.http.get(sim.rest("binance", "spot") + path) as reply:
        return await reply.json(), {name.lower() for name in reply.headers}


async def test_rest_digit_changes_last_digits_and_spares_the_list(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT")
    path = "/api/v3/trades?symbol=BTCUSDT&limit=1"
    listing = (await rest(sim, "/api/v3/exchangeInfo"))[0]
    (before,), _ = await rest(sim, path)
    await sim.fault("rest_digit", **SPOT)
    (after,), _ = await rest(sim, path)
    assert (before["id"], before["time"]) == (after["id"], after["time"])
    assert (before["price"][:-1], before["qty"][:-1]) == (after["price"][:-1], after["qty"][:-1])
    assert (before["price"], before["qty"]) != (after["price"], after["qty"])
    changed = (await rest(sim, "/api/v3/exchangeInfo"))[0]
    assert changed["symbols"] == listing["symbols"]


async def test_no_headers_leaves_out_what_tells_of_limits(sim: Simulated) -> None:
    path = "/api/v3/trades?symbol=BTCUSDT&limit=1"
    assert "x-mbx-used-weight-1m" in (await rest(sim, path))[1]
    await sim.fault("no_headers", **SPOT)
    assert "x-mbx-used-weight-1m" not in (await rest(sim, path))[1]
