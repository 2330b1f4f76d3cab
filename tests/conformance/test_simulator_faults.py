"""Each fault of the switchboard does what its sentence says, and ends."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import RawClient, ask, client, ended, receive
from tests.simulator.core.damage import Damage
from tests.simulator.core.fault_actions import ACTIONS, LASTING
from tests.simulator.testing import Simulated, simulator

SPOT = {"exchange": "binance", "market": "spot"}
PHEMEX = {"exchange": "phemex", "market": "spot"}

FEW = ["binance.spot", "binance.futures", "phemex"]
"""Enough venues for what all of them share."""


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=FEW) as running:
        yield running


def bitcoin(sim: Simulated) -> str:
    return sim.websocket("binance", "spot") + "/ws/btcusdt@trade"


async def fills(sim: Simulated) -> list[dict[str, Any]]:
    """Live Bitcoin fills of the ledger."""
    rows = await sim.records()
    names = {"BTCUSDT", "sBTCUSDT"}
    return [row for row in rows if row["instrument"] in names and "aggregate" not in row and not row["snapshot_only"]]


async def test_every_fault_is_listed_with_a_sentence(sim: Simulated) -> None:
    listed = {row["fault"]: row["about"] for row in await sim.get("/faults")}
    assert set(listed) == {*LASTING, *ACTIONS}
    assert all(about.endswith(".") for about in listed.values())


async def test_a_fault_is_in_the_state_until_it_ends(sim: Simulated) -> None:
    await sim.fault("delay", **SPOT, by=0.01, seconds=0.3)
    assert [fault["fault"] for fault in (await sim.state())["faults"]] == ["delay"]
    await sim.until(lambda state: not state["faults"], 2)


async def test_faults_can_be_switched_off(sim: Simulated) -> None:
    fault = await sim.fault("delay", **SPOT)
    assert await sim.post("/faults/clear", id=fault["id"]) == {"cleared": 1}
    assert (await sim.state())["faults"] == []


async def test_reset_ends_connections_without_a_close_frame(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        assert (await sim.fault("reset", **SPOT))["struck"] == 1
        assert await ended(socket) == (1006, "")


async def test_reset_is_a_tcp_reset(sim: Simulated) -> None:
    raw = RawClient(bitcoin(sim), None)
    ending = asyncio.create_task(raw.run())
    await sim.until(lambda state: state["connections"])
    await sim.fault("reset", **SPOT)
    with pytest.raises(ConnectionResetError):
        await ending


async def test_half_open_writes_nothing_more_not_even_pongs(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("half_open", **SPOT)
        await sim.trade("binance", "spot", "BTCUSDT")
        pong = await socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.3)
        assert (await sim.state())["connections"][0]["half_open"] is True
        assert (await fills(sim))[-1]["connections"] == 0
        await sim.fault("reset", **SPOT)


async def test_a_half_open_socket_is_not_closed_for_want_of_answers_to_pings_that_it_swallows() -> None:
    async with simulator(only=["binance.spot"], divide_timers=200) as sim, client(bitcoin(sim)) as socket:
        await sim.fault("half_open", **SPOT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ended(socket), 3)  # pongs are waited for 0.3 s here, a client's goodbye 2 s
        assert (await sim.state())["violations"] == {}
        await sim.fault("reset", **SPOT)


async def test_close_code_closes_with_code_and_reason(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("close_code", **SPOT, code=1013, reason="try later")
        assert await ended(socket) == (1013, "try later")


async def test_a_count_bounds_how_many_connections_are_struck(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as one, client(bitcoin(sim)) as two:
        assert (await sim.fault("close_code", **SPOT, count=1))["struck"] == 1
        assert (await ended(one))[0] == 1001
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(two))["s"] == "BTCUSDT"


async def test_silent_ack_acks_and_sends_nothing_for_its_channel(sim: Simulated) -> None:
    await sim.fault("silent_ack", exchange="binance", market="futures", channel="trade")
    async with client(sim.websocket("binance", "futures") + "/public/ws") as socket:
        ack = await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
        await sim.trade("binance", "futures", "BTCUSDT")
        assert ack == {"result": None, "id": 1}
        silent = (await fills(sim))[-1]
        await sim.post("/faults/clear")
        await sim.trade("binance", "futures", "BTCUSDT")
        assert (await receive(socket))["t"] == int(silent["id"]) + 1
    assert (silent["connections"], silent["silent"]) == (0, True)


async def test_silent_ack_can_be_for_single_instruments(sim: Simulated) -> None:
    await sim.fault("silent_ack", **PHEMEX, instruments=["sBTCUSDT"])
    async with client(sim.websocket("phemex", "spot")) as socket:
        for name in ("sBTCUSDT", "sETHUSDT"):
            await ask(socket, {"id": 1, "method": "trade.subscribe", "params": [name]})
        assert (await receive(socket))["symbol"] == "sETHUSDT"


@pytest.mark.parametrize("market", ["binance", "phemex"])
async def test_slow_ack_delays_the_answer_and_the_data(sim: Simulated, market: str) -> None:
    await sim.fault("slow_ack", exchange=market, market="spot", by=1.5)  # the trade has to come before
    path, request, name = (
        ("/ws", {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, "BTCUSDT")
        if market == "binance"
        else ("", {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]}, "sBTCUSDT")
    )
    async with client(sim.websocket(market, "spot") + path) as socket:
        started = asyncio.get_running_loop().time()
        await socket.send(json.dumps(request))
        await sim.trade(market, "spot", name)
        assert "result" in await receive(socket)
        assert asyncio.get_running_loop().time() - started >= 1.49
    assert (await fills(sim))[-1]["connections"] == 0


@pytest.mark.parametrize("status", [403, 429, 451, 503])
async def test_refuse_connect_answers_the_upgrade_with_its_status(sim: Simulated, status: int) -> None:
    await sim.fault("refuse_connect", **SPOT, status=status, count=1)
    with pytest.raises(InvalidStatus) as refused:
        async with client(bitcoin(sim)):
            pass
    assert refused.value.response.status_code == status
    async with client(bitcoin(sim)):
        pass


async def test_rest_error_answers_with_its_status(sim: Simulated) -> None:
    await sim.fault("rest_error", **SPOT, status=429, retry_after=7, count=1)
    url = sim.rest("binance", "spot") + "/api/v3/ping"
    async with sim.http.get(url) as first, sim.http.get(url) as second:
        assert (first.status, first.headers["Retry-After"], second.status) == (429, "7", 200)


async def listing(sim: Simulated) -> tuple[dict[str, str], bytes]:
    """Headers and raw body of Phemex's list."""
    url = sim.rest("phemex", "spot") + "/public/products"
    async with sim.http.get(url, headers={"Accept-Encoding": "identity"}, auto_decompress=False) as reply:
        assert reply.status == 200
        return dict(reply.headers), await reply.read()


@pytest.mark.parametrize("mode", ["empty", "not_json", "truncated"])
async def test_rest_body_spoils_the_list(sim: Simulated, mode: str) -> None:
    await sim.fault("rest_body", **PHEMEX, mode=mode, count=1)
    _, body = await listing(sim)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
        json.loads(body)
    assert json.loads((await listing(sim))[1])["code"] == 0


async def test_rest_body_packs_unasked_or_shrinks(sim: Simulated) -> None:
    whole = json.loads((await listing(sim))[1])["data"]["perpProductsV2"]
    await sim.fault("rest_body", **PHEMEX, mode="gzip", count=1)
    headers, body = await listing(sim)
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["data"]["perpProductsV2"] == whole
    await sim.fault("rest_body", **PHEMEX, mode="shrunk", share=0.3, count=1)
    _, body = await listing(sim)
    assert len(json.loads(body)["data"]["perpProductsV2"]) == int(len(whole) * 0.7)


async def test_duplicate_trades_sends_a_frame_twice(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("duplicate_trades", **SPOT, channel="trade", count=1)
        await sim.trade("binance", "spot", "BTCUSDT", 2)
        ids = [(await receive(socket))["t"] for _ in range(3)]
    assert ids == [ids[0], ids[0], ids[0] + 1]
    assert [row["connections"] for row in await fills(sim)] == [1, 1]


async def test_out_of_order_swaps_frames_that_hold_one_trade(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("out_of_order_rows", **SPOT, channel="trade", count=2)
        await sim.trade("binance", "spot", "BTCUSDT", 3)
        ids = [(await receive(socket))["t"] for _ in range(3)]
    assert ids == [ids[1] + 1, ids[1], ids[1] + 2]
    assert [int(row["id"]) for row in await fills(sim)] == sorted(ids)


async def test_a_frame_that_waits_to_be_swapped_is_sent_when_the_fault_ends(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("out_of_order_rows", **SPOT, channel="trade", count=1)
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(socket))["s"] == "BTCUSDT"


async def test_out_of_order_shuffles_rows_of_a_frame(sim: Simulated) -> None:
    async with client(sim.websocket("phemex", "spot")) as socket:
        await ask(socket, {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]})
        await receive(socket)
        await sim.fault("out_of_order_rows", **PHEMEX, count=1)
        await sim.trade("phemex", "spot", "sBTCUSDT", 12)
        times = [row[0] for row in (await receive(socket))["trades"]]
    assert len(times) == 12
    assert times != sorted(times, reverse=True)


async def test_omit_leaves_a_trade_out_of_the_stream_but_not_of_the_history(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.trade("binance", "spot", "BTCUSDT")
        await sim.fault("omit", **SPOT, channel="trade", count=1)
        await sim.trade("binance", "spot", "BTCUSDT", 2)
        ids = [(await receive(socket))["t"] for _ in range(2)]
    assert ids[1] == ids[0] + 2
    lost = (await fills(sim))[1]
    assert (int(lost["id"]), lost["connections"], lost["omitted"]) == (ids[0] + 1, 0, True)
    async with sim.http.get(sim.rest("binance", "spot") + "/api/v3/trades?symbol=BTCUSDT&limit=3") as reply:
        assert [row["id"] for row in await reply.json()] == [ids[0], ids[0] + 1, ids[1]]


@pytest.mark.parametrize("mode", ["drop", "type", "never", "truncate", "binary"])
@pytest.mark.parametrize("market", ["binance", "phemex"])
async def test_malformed_frames_stand_in_place_of_healthy_ones(sim: Simulated, mode: str, market: str) -> None:
    path, name = ("/ws/btcusdt@trade", "BTCUSDT") if market == "binance" else ("", "sBTCUSDT")
    async with client(sim.websocket(market, "spot") + path) as socket:
        if market == "phemex":
            await ask(socket, {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]})
            await receive(socket)
        channel = "trade"
        await sim.fault("malformed", exchange=market, market="spot", mode=mode, channel=channel, count=1)
        await sim.trade(market, "spot", name)
        damaged = await asyncio.wait_for(socket.recv(), 5)
        await sim.trade(market, "spot", name)
        healthy = await receive(socket)
    row, later = (await fills(sim))[-2:]
    assert (row["connections"], row["damaged"], later["connections"]) == (0, True, 1)
    assert set(healthy) >= {"symbol", "trades"} or {"t", "p", "q"} <= set(healthy)
    assert isinstance(damaged, bytes) is (mode == "binary")
    if mode == "truncate":
        with pytest.raises(ValueError, match=r"."):
            json.loads(damaged)


@pytest.mark.parametrize("size", [5, "5", "-5"])
def test_damage_makes_no_valid_number_of_one_that_may_be_negative(size: int | str) -> None:
    def made(negative: list[str]) -> set[bytes]:
        damages = [Damage(random.Random(seed), "never", lambda path: True, negative) for seed in range(200)]
        return {damage(json.dumps({"size": size}), str.encode) for damage in damages}

    assert made([]) - made(["size"]) == {b'{"size":-1}'}


async def test_a_malformed_frame_may_come_beside_the_healthy_one(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("malformed", **SPOT, mode="binary", beside=True, channel="trade", count=1)
        await sim.trade("binance", "spot", "BTCUSDT")
        assert isinstance(await socket.recv(), bytes)
        assert (await receive(socket))["s"] == "BTCUSDT"
    assert (await fills(sim))[-1]["connections"] == 1


async def test_delay_holds_frames_back_in_order(sim: Simulated) -> None:
    async with client(bitcoin(sim)) as socket:
        await sim.fault("delay", **SPOT, by=0.3, seconds=5)
        started = asyncio.get_running_loop().time()
        await sim.trade("binance", "spot", "BTCUSDT", 3)
        ids = [(await receive(socket))["t"] for _ in range(3)]
        assert asyncio.get_running_loop().time() - started >= 0.29
    assert ids == sorted(ids)


async def test_burst_adds_trades_of_one_instrument(sim: Simulated) -> None:
    await sim.fault("burst", **SPOT, instrument="ETHUSDT", count=500, seconds=0.2)
    await sim.until(lambda state: state["markets"]["binance.spot"]["produced"] == 500)
    rows = [row for row in await sim.records() if row["instrument"] == "ETHUSDT" and not row["snapshot_only"]]
    assert sum("aggregate" not in row for row in rows) == 500


async def test_a_venue_without_a_notice_ends_as_planned_all_the_same(sim: Simulated) -> None:
    async with client(sim.websocket("phemex", "spot")) as socket:
        await sim.fault("planned_end", exchange="phemex", lead=0.1)
        assert (await ended(socket))[0] == 1001
