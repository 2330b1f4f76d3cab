"""The simulated WebSockets of Gate against sections 7.3 to 7.5 of the reference."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import ask, client, ended, receive
from tests.conformance.gate import ping, request, subscribe, url
from tests.simulator.core import socket as core_socket
from tests.simulator.testing import Simulated, simulator

SUCCESS, FAIL = {"status": "success"}, {"status": "fail"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["gate"]) as running:
        yield running


# Addresses


async def test_each_market_has_its_path_and_there_is_no_other(sim: Simulated) -> None:
    base = sim.websocket("gate", "spot")
    for path in ("/ws/v4", "/ws/v4/", "/v4/ws/usdt", "/v4/ws/usdt/"):
        async with client(base + path):
            pass
    for path in ("/", "/v4/ws/btc", "/v4/ws", "/ws/v4/sbe"):
        with pytest.raises(InvalidStatus):
            async with client(base + path):
                pass


async def test_a_channel_of_the_other_market_is_unknown(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        refused = await subscribe(socket, "spot", "BTC_USDT")
    assert refused["error"] == {"code": 2, "message": "Unknown channel spot.trades"}


async def test_compression_is_declined(sim: Simulated) -> None:
    async with client(url(sim, "spot"), compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


# Subscriptions


async def test_a_subscribe_is_acknowledged_with_all_that_newer_acks_have(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        ack = await ask(socket, request("spot.trades", "subscribe", "BTC_USDT", "ETH_USDT", id=101))
        again = await ask(socket, request("spot.trades", "unsubscribe", "ETH_USDT"))
    assert list(ack) == [
        "time", "time_ms", "id", "conn_id", "trace_id", "channel", "event", "payload", "result",
    ]  # fmt: skip
    assert (ack["id"], ack["payload"], ack["result"]) == (101, ["BTC_USDT", "ETH_USDT"], SUCCESS)
    assert ack["time_ms"] // 1000 == ack["time"]
    assert re.fullmatch("[0-9a-f]{16}", ack["conn_id"])
    assert re.fullmatch("[0-9a-f]{32}", ack["trace_id"])
    assert list(again) == ["time", "time_ms", "conn_id", "channel", "event", "payload", "result"]
    assert (again["conn_id"], again["event"], again["payload"]) == (ack["conn_id"], "unsubscribe", ["ETH_USDT"])


@pytest.mark.parametrize(
    ("market", "what"), [("spot", "unknown currency pair NOPE_USDT"), ("futures", "unknown contract NOPE_USDT")]
)
async def test_one_unknown_name_fails_the_whole_request(sim: Simulated, market: str, what: str) -> None:
    async with client(url(sim, market)) as socket:
        refused = await subscribe(socket, market, "BTC_USDT", "NOPE_USDT", "ETH_USDT")
        assert list(refused) == ["time", "time_ms", "conn_id", "channel", "event", "payload", "error", "result"]
        assert (refused["error"], refused["result"]) == ({"code": 2, "message": what}, FAIL)
        await sim.trade("gate", market, "BTC_USDT")
        assert (await subscribe(socket, market, "ETH_USDT"))["result"] == SUCCESS


@pytest.mark.parametrize("text", ["{nonsense", "[]", '"ping"', ""])
async def test_a_body_that_is_no_object_gets_error_1(sim: Simulated, text: str) -> None:
    async with client(url(sim, "spot")) as socket:
        refused = await ask(socket, text)
    assert (refused["error"], refused["result"]) == ({"code": 1, "message": "request message need json scheme"}, FAIL)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"channel": "spot.nope"}, "Unknown channel spot.nope"),
        ({"channel": None}, "Unknown channel None"),
        ({"event": "nope"}, "Unknown event nope"),
        ({"payload": []}, "payload must be a list of strings"),
        ({"payload": "BTC_USDT"}, "payload must be a list of strings"),
        ({"payload": ["btc_usdt"]}, "unknown currency pair btc_usdt"),
    ],
)
async def test_a_bad_argument_gets_error_2(sim: Simulated, fields: dict[str, Any], words: str) -> None:
    async with client(url(sim, "spot")) as socket:
        refused = await ask(socket, request("spot.trades", "subscribe", "BTC_USDT") | fields)
    assert (refused["error"], refused["result"]) == ({"code": 2, "message": words}, FAIL)


@pytest.mark.parametrize("off", [-63, 63, None])
async def test_a_time_that_is_not_within_60_seconds_of_the_server_clock_is_refused(
    sim: Simulated, off: int | None
) -> None:
    at = None if off is None else int(time.time()) + off
    async with client(url(sim, "spot")) as socket:
        refused = await ask(socket, request("spot.trades", "subscribe", "BTC_USDT", time=at))
        assert (refused["error"]["code"], refused["result"]) == (2, FAIL)
        nearly = request("spot.trades", "subscribe", "BTC_USDT", time=int(time.time()) - 50)
        assert (await ask(socket, nearly))["result"] == SUCCESS
    assert (await sim.state())["violations"] == {"gate.spot time": {"127.0.0.1": 1}}


async def test_other_channels_acknowledge_anything_and_stay_silent(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        assert (await ask(socket, request("futures.obu", "subscribe", "ob.NOPE.50")))["result"] == SUCCESS
        await sim.trade("gate", "futures", "BTC_USDT")
        assert (await ping(socket, "futures"))["channel"] == "futures.pong"


async def test_150_subscribe_frames_in_a_burst_pass(sim: Simulated) -> None:
    async with sim.http.get(sim.rest("gate", "spot") + "/api/v4/spot/currency_pairs") as reply:
        names = [row["id"] for row in await reply.json()][:150]
    async with client(url(sim, "spot")) as socket:
        for name in names:
            await socket.send(json.dumps(request("spot.trades", "subscribe", name)))
        assert [(await receive(socket))["result"] for _ in names] == [SUCCESS] * 150


async def test_an_unsubscribed_pair_stops(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "BTC_USDT", "ETH_USDT")
        await ask(socket, request("spot.trades", "unsubscribe", "BTC_USDT"))
        await sim.trade("gate", "spot", "BTC_USDT")
        await sim.trade("gate", "spot", "ETH_USDT")
        assert (await receive(socket))["result"]["currency_pair"] == "ETH_USDT"


async def test_a_repeated_subscription_sends_once(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "BTC_USDT")
        await subscribe(socket, "spot", "BTC_USDT", "ETH_USDT")
        for name in ("BTC_USDT", "ETH_USDT"):
            await sim.trade("gate", "spot", name)
        assert [(await receive(socket))["result"]["currency_pair"] for _ in range(2)] == ["BTC_USDT", "ETH_USDT"]


# Heartbeat and ends


async def test_application_pings_are_answered(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        pong = await ping(socket, "spot")
        assert list(pong) == ["time", "time_ms", "conn_id", "channel", "event", "error", "result"]
        assert (pong["channel"], pong["event"], pong["error"], pong["result"]) == ("spot.pong", "", None, None)
    async with client(url(sim, "futures")) as socket:
        pong = await ping(socket, "futures", id=7)
        assert list(pong) == ["time", "time_ms", "id", "conn_id", "channel", "event", "result"]
        assert (pong["channel"], pong["id"]) == ("futures.pong", 7)


@pytest.mark.parametrize("pings", [False, True])
async def test_a_silent_unsubscribed_socket_is_cut_after_30_seconds_without_a_close_frame(pings: bool) -> None:
    async with simulator(only=["gate"], divide_timers=40) as sim, client(url(sim, "spot")) as socket:
        started = asyncio.get_running_loop().time()
        if pings:  # protocol pings don't count
            for _ in range(3):
                await asyncio.wait_for(await socket.ping(), 5)
                await asyncio.sleep(0.1)
        assert await ended(socket) == (1006, "")
        assert 30.0 / 40 <= asyncio.get_running_loop().time() - started <= 50.0 / 40
        assert (await sim.state())["violations"] == {"gate.spot silence": {"127.0.0.1": 1}}


async def test_a_socket_with_quiet_symbols_alone_is_cut_after_a_minute() -> None:
    async with simulator(only=["gate"], divide_timers=40) as sim, client(url(sim, "futures")) as socket:
        await subscribe(socket, "futures", "BTC_USDT")
        started = asyncio.get_running_loop().time()
        assert await ended(socket) == (1006, "")
        assert 59.0 / 40 <= asyncio.get_running_loop().time() - started <= 80.0 / 40


async def test_a_socket_that_has_unsubscribed_again_is_cut_as_if_it_never_had() -> None:
    async with simulator(only=["gate"], divide_timers=40) as sim, client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "BTC_USDT")
        await ask(socket, request("spot.trades", "unsubscribe", "BTC_USDT"))
        started = asyncio.get_running_loop().time()
        assert await ended(socket) == (1006, "")
        assert 30.0 / 40 <= asyncio.get_running_loop().time() - started <= 50.0 / 40


async def test_pings_keep_a_socket_alive() -> None:
    async with simulator(only=["gate"], divide_timers=40) as sim, client(url(sim, "spot")) as socket:
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - started < 80 / 40:
            assert (await ping(socket, "spot"))["channel"] == "spot.pong"
            await asyncio.sleep(0.2)


async def test_trades_keep_a_subscribed_socket_alive() -> None:
    async with (
        simulator(only=["gate"], divide_timers=40, symbols=1, rate=200) as sim,
        client(url(sim, "spot")) as socket,
    ):
        await subscribe(socket, "spot", "BTC_USDT")
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - started < 80 / 40:
            assert (await receive(socket))["channel"] == "spot.trades"


async def test_a_planned_end_is_announced(sim: Simulated) -> None:
    notice = {
        "type": "upgrade",
        "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
    }
    async with client(url(sim, "spot")) as spot, client(url(sim, "futures")) as futures:
        await sim.until(lambda state: len(state["connections"]) == 2)
        await sim.fault("planned_end", exchange="gate", lead=0.1)
        assert await receive(spot) == notice
        update = await receive(futures)
        assert (update["channel"], update["event"], update["result"]) == ("futures.system", "update", notice)
        assert (await ended(spot))[0] == (await ended(futures))[0] == 1001


async def test_a_slow_reader_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_socket, "SLOW_READER", 2**16)
    async with simulator(only=["gate"]) as sim, client(url(sim, "futures")) as socket:
        await subscribe(socket, "futures", "BTC_USDT")
        socket.transport.pause_reading()
        async with asyncio.timeout(30):
            while "slow reader" not in (await sim.state())["violations"]:
                await sim.trade("gate", "futures", "BTC_USDT", 5000)
        socket.transport.resume_reading()
        assert await ended(socket) == (1006, "")
