"""The simulated Bybit punishes what the reference says is punished: silence, connects, requests."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.bybit import MARKETS, url
from tests.conformance.clients import ask, client, ended
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.bybit import endpoint

DIVIDE = 600
"""A second for ten minutes."""


async def ask_rest(sim: Simulated, http: aiohttp.ClientSession) -> tuple[int, Any]:
    async with http.get(sim.rest("bybit", "spot") + "/v5/market/time") as reply:
        return reply.status, await reply.json()


def session(address: str) -> aiohttp.ClientSession:
    """A REST client of another address."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))


# Heartbeat


async def test_a_spot_pong_has_no_request_id() -> None:
    async with simulator(only=["bybit"]) as sim, client(url(sim, "spot")) as socket:
        pong = await ask(socket, {"req_id": "100001", "op": "ping"})
    assert list(pong) == ["success", "ret_msg", "conn_id", "op"]
    assert (pong["success"], pong["ret_msg"], pong["op"]) == (True, "pong", "ping")


@pytest.mark.parametrize(
    ("request_text", "number"), [('{"req_id":"100001","op":"ping"}', "100001"), ('{"op":"ping"}', "")]
)
async def test_a_linear_pong_has_the_request_id(request_text: str, number: str) -> None:
    async with simulator(only=["bybit"]) as sim, client(url(sim, "futures")) as socket:
        pong = await ask(socket, request_text)
    assert list(pong) == ["success", "ret_msg", "conn_id", "req_id", "op"]
    assert (pong["success"], pong["ret_msg"], pong["req_id"], pong["op"]) == (True, "pong", number, "ping")


@pytest.mark.parametrize("market", MARKETS)
async def test_a_socket_without_pings_is_cut_after_ten_minutes_though_data_flows(market: str) -> None:
    async with simulator(only=["bybit"], divide_timers=DIVIDE, rate=200) as sim, client(url(sim, market)) as socket:
        started = asyncio.get_running_loop().time()
        await ask(socket, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})
        await socket.ping()
        assert await ended(socket) == (1006, "")
        assert 0.99 <= asyncio.get_running_loop().time() - started <= 2.0
        assert (await sim.state())["violations"] == {f"bybit.{market} heartbeat": {"127.0.0.1": 1}}


async def test_pings_keep_a_socket_alive() -> None:
    async with simulator(only=["bybit"], divide_timers=DIVIDE) as sim, client(url(sim, "spot")) as socket:
        end = asyncio.get_running_loop().time() + 1.5
        while asyncio.get_running_loop().time() < end:
            assert (await ask(socket, {"op": "ping"}))["ret_msg"] == "pong"
            await asyncio.sleep(0.1)
        assert (await sim.state())["violations"] == {}


async def test_a_planned_end_comes_without_notice() -> None:
    async with simulator(only=["bybit"]) as sim, client(url(sim, "spot")) as socket:
        assert (await sim.fault("planned_end", exchange="bybit", market="futures", lead=0.01))["struck"] == 0
        assert (await sim.fault("planned_end", exchange="bybit", market="spot", lead=0.01))["struck"] == 1
        assert (await ended(socket))[0] == 1001


# Limits


async def test_the_501st_connect_of_an_address_in_five_minutes_is_refused_on_both_markets() -> None:
    async with simulator(only=["bybit"]) as sim:
        for count in range(500):
            async with client(url(sim, "spot" if count % 2 else "futures"), address="127.0.0.9"):
                pass
        for market in MARKETS:
            with pytest.raises(InvalidStatus) as refused:
                async with client(url(sim, market), address="127.0.0.9"):
                    pass
            assert refused.value.response.status_code == 403
        async with client(url(sim, "spot"), address="127.0.0.10"):
            pass


async def test_the_open_connections_of_an_address_and_market_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "OPEN", 5)
    async with simulator(only=["bybit"]) as sim, AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(client(url(sim, "spot")))
        with pytest.raises(InvalidStatus):
            await stack.enter_async_context(client(url(sim, "spot")))
        await stack.enter_async_context(client(url(sim, "futures")))
        await stack.enter_async_context(client(url(sim, "spot"), address="127.0.0.11"))


async def test_more_than_600_requests_in_five_seconds_shut_an_address_out_for_ten_minutes() -> None:
    async with simulator(only=["bybit"], divide_timers=DIVIDE) as sim, session("127.0.0.12") as http:
        answered = 0
        while (refused := await ask_rest(sim, http))[0] == 200:
            answered += 1
            assert answered < 3000
        assert answered >= 600  # more where these took longer than five seconds
        assert refused[0] == 403
        assert (refused[1]["retCode"], refused[1]["retMsg"]) == (10006, "access too frequent")
        async with session("127.0.0.13") as other:
            assert (await ask_rest(sim, other))[0] == 200
        assert (await sim.state())["violations"] == {"bybit requests": {"127.0.0.12": 1}}
        async with asyncio.timeout(10):
            while (await ask_rest(sim, http))[0] == 403:  # noqa: ASYNC110 - the block lies across HTTP
                await asyncio.sleep(0.1)
