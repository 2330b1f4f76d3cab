"""The simulated OKX punishes what the reference says is punished: silence, requests, args, connects; planned ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conformance.clients import ask, client, ended, receive
from tests.simulator.testing import Simulated, simulator

BTC = {"op": "subscribe", "args": [{"channel": "trades-all", "instId": "BTC-USDT"}]}
QUIET = {"op": "subscribe", "args": [{"channel": "candle1m", "instId": "BTC-USDT"}]}
SILENT = (4004, "No data received in 30s")


def url(sim: Simulated, path: str = "business") -> str:
    return f"{sim.websocket('okx', 'spot')}/ws/v5/{path}"


async def ping(socket: ClientConnection) -> None:
    await socket.send("ping")
    assert await asyncio.wait_for(socket.recv(), 5) == "pong"


# Silence


async def test_a_fresh_socket_that_subscribes_to_nothing_is_closed() -> None:
    async with simulator(only=["okx"], divide_timers=60) as sim, client(url(sim)) as socket:
        assert await ended(socket) == SILENT
        assert (await sim.state())["violations"] == {"okx silence": {"127.0.0.1": 1}}


async def test_a_socket_of_quiet_instruments_is_closed_too() -> None:
    async with simulator(only=["okx"], divide_timers=60) as sim, client(url(sim)) as socket:
        started = asyncio.get_running_loop().time()
        await ask(socket, BTC)
        assert await ended(socket) == SILENT
        assert asyncio.get_running_loop().time() - started >= 29.9 / 60


async def test_protocol_pings_are_answered_and_do_not_help() -> None:
    async with simulator(only=["okx"], divide_timers=40) as sim, client(url(sim)) as socket:
        await ask(socket, BTC)
        closed = asyncio.create_task(ended(socket))
        while not closed.done():
            with suppress(ConnectionClosed):
                await (await socket.ping())
            await asyncio.wait({closed}, timeout=0.05)
        assert await closed == SILENT


async def test_a_client_ping_is_answered_and_keeps_a_socket_alive() -> None:
    async with simulator(only=["okx"], divide_timers=30) as sim, client(url(sim)) as socket:
        for _ in range(6):
            await ping(socket)
            await asyncio.sleep(0.3)
        assert (await ask(socket, BTC))["event"] == "subscribe"


async def test_data_keeps_a_socket_alive_without_pings() -> None:
    async with simulator(only=["okx"], divide_timers=30, symbols=1) as sim, client(url(sim)) as socket:
        await ask(socket, BTC)
        await sim.post("/rate", exchange="okx", market="spot", rate=50)
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - started < 2 * 30 / 30:
            assert (await receive(socket))["arg"]["channel"] == "trades-all"
        await sim.post("/pause")
        assert await ended(socket) == SILENT


# Requests and args


async def test_the_481st_request_of_a_connection_in_an_hour_is_refused() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim)) as socket, client(url(sim)) as other:
        for number in range(480):
            verb = "unsubscribe" if number % 2 else "subscribe"
            assert (await ask(socket, QUIET | {"op": verb}))["event"] == verb
        error = await ask(socket, BTC | {"id": "x1"})
        assert list(error) == ["id", "event", "code", "msg", "connId"]
        assert (error["id"], error["code"]) == ("x1", "60014")
        await ping(socket)
        assert (await ask(other, QUIET))["event"] == "subscribe"


async def test_a_message_beyond_64_kib_ends_the_connection() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim)) as socket:
        await socket.send(json.dumps({"op": "subscribe", "args": [BTC["args"][0]] * 2000}))
        assert await ended(socket) == (1009, "Request message exceeds the maximum frame length")


async def test_args_of_a_connection_beyond_64_kib_end_it() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim)) as socket:
        for start in range(0, 2000, 500):
            args = [{"channel": f"candle{number}m", "instId": "BTC-USDT"} for number in range(start, start + 500)]
            await socket.send(json.dumps({"op": "subscribe", "args": args}))
        assert await ended(socket) == (4008, "The number of subscribed channels exceeds the maximum limit.")
        assert (await sim.state())["violations"] == {"okx arguments": {"127.0.0.1": 1}}


async def test_args_that_were_unsubscribed_count_no_more() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim)) as socket:
        for start in range(0, 4000, 500):
            args = [{"channel": f"candle{number}m", "instId": "BTC-USDT"} for number in range(start, start + 500)]
            for verb in ("subscribe", "unsubscribe"):
                await socket.send(json.dumps({"op": verb, "args": args}))
                for _ in args:
                    assert (await receive(socket))["event"] == verb


async def test_a_login_fails() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim, "private")) as socket:
        await socket.send('{"op":"login","args":[{"apiKey":"x"}]}')
        assert await ended(socket) == (4001, "Login Failed")


# Connects and ends


async def test_the_fourth_connect_of_an_address_in_a_second_is_refused() -> None:
    async with simulator(only=["okx"]) as sim:

        async def attempt(address: str) -> int:
            try:
                async with client(url(sim), address=address):
                    return 101
            except InvalidStatus as refused:
                return refused.response.status_code

        found = await asyncio.gather(*(attempt("127.0.0.7") for _ in range(30)))
        assert 429 in found
        assert await attempt("127.0.0.8") == 101
        assert (await sim.state())["violations"]["okx connects"]["127.0.0.7"] == found.count(429)


async def test_a_planned_end_is_announced() -> None:
    async with simulator(only=["okx"]) as sim, client(url(sim)) as socket:
        await ask(socket, QUIET)
        await sim.fault("planned_end", exchange="okx", lead=0.1)
        notice = await receive(socket)
        assert list(notice) == ["event", "code", "msg", "connId"]
        assert (notice["event"], notice["code"]) == ("notice", "64008")
        assert notice["msg"] == "The connection will soon be closed for a service upgrade. Please reconnect."
        assert (await ended(socket))[0] == 1001


@pytest.mark.parametrize("channel", ["trades-all", "trades"])
async def test_a_silent_ack_holds_the_last_trade_back_too(channel: str) -> None:
    path = "business" if channel == "trades-all" else "public"
    async with simulator(only=["okx"]) as sim, client(url(sim, path)) as socket:
        await sim.fault("silent_ack", exchange="okx")
        await ask(socket, {"op": "subscribe", "args": [{"channel": channel, "instId": "BTC-USDT"}]})
        await ping(socket)
