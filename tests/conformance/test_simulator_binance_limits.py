"""The simulated Binance punishes what the reference says is punished: limits, heartbeats, ends."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import RawClient, ask, client, ended, receive
from tests.simulator.testing import simulator
from tests.simulator.venues.binance import dialogue

BINANCE = ["binance.spot", "binance.futures"]
LIST = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1})


@pytest.mark.parametrize(("market", "path", "allowed"), [("spot", "/ws", 5), ("futures", "/public/ws", 10)])
async def test_one_frame_too_many_in_a_second_ends_the_connection(market: str, path: str, allowed: int) -> None:
    async with simulator(only=BINANCE) as sim, client(sim.websocket("binance", market) + path) as socket:
        for _ in range(allowed):
            assert (await ask(socket, LIST))["result"] == []
        await socket.send(LIST)
        assert await ended(socket) == (1008, "Too many requests")
        assert (await sim.state())["violations"] == {f"binance.{market} frames": {"127.0.0.1": 1}}


async def test_pings_and_pongs_of_the_client_count_as_frames() -> None:
    async with simulator(only=BINANCE) as sim, client(sim.websocket("binance", "spot") + "/ws") as socket:
        for _ in range(3):
            await socket.ping()
            await socket.pong()
        assert await ended(socket) == (1008, "Too many requests")


async def test_an_address_that_offends_again_and_again_is_banned() -> None:
    async with simulator(only=BINANCE) as sim:
        url = sim.websocket("binance", "spot") + "/ws"
        for _ in range(5):
            async with client(url, address="127.0.0.3") as socket:
                for _ in range(6):
                    await socket.send(LIST)
                assert (await ended(socket))[0] == 1008
        with pytest.raises(InvalidStatus) as refused:
            async with client(url, address="127.0.0.3"):
                pass
        assert refused.value.response.status_code == 418
        async with client(url, address="127.0.0.4") as other:
            assert (await ask(other, LIST))["result"] == []


async def test_a_connection_holds_1024_streams_and_no_more() -> None:
    names = [f"coin{number}usdt@trade" for number in range(1024)]
    async with simulator(only=BINANCE) as sim, client(sim.websocket("binance", "spot") + "/ws") as socket:
        assert await ask(socket, {"method": "SUBSCRIBE", "params": names, "id": 1}) == {"result": None, "id": 1}
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}))
        assert (await ended(socket))[0] == 1008


@pytest.mark.parametrize(("market", "path"), [("spot", "/ws"), ("futures", "/public/ws")])
async def test_the_301st_connect_of_an_address_in_five_minutes_is_refused(market: str, path: str) -> None:
    async with simulator(only=BINANCE) as sim:
        url = sim.websocket("binance", market) + path
        for _ in range(300):
            async with client(url, address="127.0.0.5"):
                pass
        with pytest.raises(InvalidStatus) as refused:
            async with client(url, address="127.0.0.5"):
                pass
        assert refused.value.response.status_code == 429
        async with client(url, address="127.0.0.6"):
            pass


@pytest.mark.parametrize(("market", "path", "divide"), [("spot", "/ws", 60), ("futures", "/public/ws", 500)])
async def test_the_server_pings_with_a_payload_and_is_content_with_its_echo(
    market: str, path: str, divide: int
) -> None:
    async with (
        simulator(only=BINANCE, divide_timers=divide) as sim,
        client(sim.websocket("binance", market) + path) as socket,
    ):
        await sim.until(lambda state: state["markets"][f"binance.{market}"]["connections"] == 1)
        rules = dialogue.SPOT if market == "spot" else dialogue.FUTURES
        with pytest.raises(TimeoutError):  # longer than the server waits for a pong
            await sim.until(lambda state: not state["connections"], 1.3 * rules.pong_within / divide)
        assert (await ask(socket, LIST))["result"] == []


@pytest.mark.parametrize("pong", [None, b"something else", b""])
async def test_a_missing_or_different_pong_ends_the_connection(pong: bytes | None) -> None:
    async with simulator(only=BINANCE, divide_timers=60) as sim:
        raw = RawClient(sim.websocket("binance", "spot") + "/ws", pong)
        assert await raw.run() == (1008, "Pong timeout")
        assert raw.pings
        assert all(raw.pings)


async def test_a_connection_ends_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "DAY", 4.0)
    async with (
        simulator(only=BINANCE, divide_timers=20) as sim,
        client(sim.websocket("binance", "spot") + "/ws") as socket,
    ):
        assert (await ended(socket))[0] == 1001


@pytest.mark.parametrize(("path", "wrapped"), [("/ws/btcusdt@trade", False), ("/stream?streams=btcusdt@trade", True)])
async def test_a_planned_end_is_announced(path: str, wrapped: bool) -> None:
    async with simulator(only=BINANCE) as sim, client(sim.websocket("binance", "spot") + path) as socket:
        await sim.fault("planned_end", exchange="binance", market="spot", lead=0.1)
        notice = await receive(socket)
        if wrapped:
            assert notice["stream"] == "!serverShutdown"
        body = notice["data"] if wrapped else notice
        assert (body["e"], len(str(body["E"]))) == ("serverShutdown", 13)
        assert (await ended(socket))[0] == 1001


async def test_many_connections_of_one_address_may_be_open_together() -> None:
    async with simulator(only=BINANCE) as sim, AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(client(sim.websocket("binance", "spot") + "/ws"))
        state = await sim.until(lambda state: state["markets"]["binance.spot"]["connections"] == 20)
        assert state["violations"] == {}
