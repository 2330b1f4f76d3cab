"""The simulated KuCoin punishes what the reference says is punished: limits and silence (sections 1.5, 6.4, 6.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.conformance.clients import ask, client, ended, receive
from tests.conformance.kucoin_clients import (
    BITCOIN,
    KUCOIN,
    address_of,
    pinged,
    request,
    session,
    subscribe,
    topic,
)
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.kucoin import endpoint

MARKETS = ["spot", "futures"]


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=KUCOIN) as running:
        yield running


@pytest.mark.parametrize("market", MARKETS)
async def test_a_frame_holds_100_topics_and_no_more(sim: Simulated, market: str) -> None:
    names = [f"COIN{number}" for number in range(100)]
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market, *names))
        assert await ask(socket, request(topic(market, BITCOIN[market], *names), number="p29")) == {
            "id": "p29", "type": "error", "code": 509,
            "data": "exceed max subscription count limitation of 100 per time",
        }  # fmt: skip
        await sim.trade("kucoin", market, BITCOIN[market])
        assert (await pinged(socket))["type"] == "pong"


async def test_a_spot_session_holds_400_topics_though_the_error_says_300(sim: Simulated) -> None:
    async with session(sim) as socket:
        for part in range(4):
            await subscribe(socket, topic("spot", *(f"COIN{100 * part + number}" for number in range(100))))
        await subscribe(socket, topic("spot", "COIN0", "COIN399"))
        assert await ask(socket, request(topic("spot"))) == {
            "id": "1", "type": "error", "code": 509,
            "data": "exceed max subscription count limitation of 300 per session",
        }  # fmt: skip
        await ask(socket, request(topic("spot", "COIN7"), verb="unsubscribe"))
        await subscribe(socket, topic("spot"))


async def test_a_futures_session_holds_any_number_of_topics(sim: Simulated) -> None:
    async with session(sim, "futures") as socket:
        for part in range(6):
            await subscribe(socket, topic("futures", *(f"COIN{100 * part + number}" for number in range(100))))


async def test_the_101st_frame_in_ten_seconds_gets_509_and_the_connection_lives(sim: Simulated) -> None:
    async with session(sim) as socket:
        for _ in range(100):
            assert (await pinged(socket))["type"] == "pong"
        error = {"id": "1", "type": "error", "code": 509, "data": "exceed max permits per second"}
        assert await ask(socket, request(topic("spot"))) == error
        await sim.trade("kucoin", "spot", "BTC-USDT")
        assert (await pinged(socket))["code"] == 509
    async with session(sim) as other:
        assert (await pinged(other))["type"] == "pong"


async def test_one_connection_too_many_of_an_address_gets_509_and_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoint.SESSIONS == 800
    monkeypatch.setattr(endpoint, "SESSIONS", 2)
    async with simulator(only=KUCOIN) as sim, session(sim) as first, session(sim):
        async with client(await address_of(sim, "spot")) as third:
            error = {"id": "me", "type": "error", "code": 509, "data": "exceed max session count limitation of 50"}
            assert await receive(third) == error
            assert (await ended(third))[0] == 1000
        async with session(sim, address="127.0.0.8"), session(sim, "futures"):
            assert (await pinged(first))["type"] == "pong"


# Heartbeat


async def test_a_ping_is_answered_with_its_id_and_the_time_in_microseconds(sim: Simulated) -> None:
    async with session(sim) as socket:
        pong = await pinged(socket, "1700000000001")
    assert list(pong) == ["id", "type", "timestamp"]
    assert (pong["id"], pong["type"], len(str(pong["timestamp"]))) == ("1700000000001", "pong", 16)


async def test_a_subscribed_client_that_says_nothing_is_closed_though_data_flows() -> None:
    async with simulator(only=KUCOIN, divide_timers=60, rate=200, symbols=3) as sim, session(sim) as socket:
        started = asyncio.get_running_loop().time()
        await subscribe(socket, topic("spot"))
        assert await ended(socket) == (1000, "Bye")
        assert asyncio.get_running_loop().time() - started >= 59.0 / 60
        frames = [json.loads(text) async for text in socket]
        assert {frame["type"] for frame in frames} == {"message"}
        assert (await sim.state())["violations"] == {"kucoin.spot heartbeat": {"127.0.0.1": 1}}


async def test_an_unsubscribed_client_that_says_nothing_is_told_why() -> None:
    async with simulator(only=KUCOIN, divide_timers=60) as sim, session(sim, "futures") as socket:
        error = await receive(socket)
        assert (error["type"], error["code"], error["data"]) == ("error", 400, "ping timeout")
        assert await ended(socket) == (1000, "Bye")


async def test_pings_keep_a_connection_and_protocol_pings_do_not() -> None:
    async with simulator(only=KUCOIN, divide_timers=30) as sim, session(sim) as good, session(sim) as bad:
        await subscribe(bad, topic("spot"))
        while bad.close_code is None:
            assert (await pinged(good))["type"] == "pong"
            await bad.ping()
            with suppress(TimeoutError):
                await asyncio.wait_for(bad.wait_closed(), 0.3)
        assert (bad.close_code, bad.close_reason) == (1000, "Bye")
        assert (await pinged(good))["type"] == "pong"
