"""What the simulated Upbit does with bad requests, silent clients and too many frames (sections 9.1 and 9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import CEILING, client, ended, receive
from tests.conformance.upbit import UP, up_to_now, url, wish
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.upbit import dialogue


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["upbit"]) as running:
        yield running


# Errors


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("{nonsense", "WRONG_FORMAT"),
        ('{"ticket":"t"}', "WRONG_FORMAT"),
        ('["t"]', "WRONG_FORMAT"),
        ('[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"]},{"format":"XML"}]', "WRONG_FORMAT"),
        ("[]", "NO_TICKET"),
        ('[{"type":"trade","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"t"}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"codes":["KRW-BTC"]}]', "NO_TYPE"),
        ('[{"ticket":"t"},{"type":"trade"}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"trade","codes":[]}]', "NO_CODES"),
        ('[{"ticket":"t"},{"type":"trades","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"trade","codes":"KRW-BTC"}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"is_only_realtime":"true"}]', "INVALID_PARAM"),
        ('[{"ticket":"t"},{"type":"myOrder","codes":["KRW-BTC"]}]', "INVALID_AUTH"),
    ],
)
async def test_a_bad_request_gets_an_error_by_name_and_a_normal_close(
    sim: Simulated, request_text: str, name: str
) -> None:
    async with client(url(sim)) as socket:
        await socket.send(request_text)
        answer = await receive(socket)
        assert list(answer) == ["error"]
        assert (list(answer["error"]), answer["error"]["name"]) == (["name", "message"], name)
        assert await ended(socket) == (1000, "")


async def test_the_text_for_missing_codes_is_that_of_the_documents(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await socket.send('[{"ticket":"t"},{"type":"trade"}]')
        assert await receive(socket) == {"error": {"name": "NO_CODES", "message": "codes field not exists."}}


async def test_the_close_follows_an_error_after_150_ms(sim: Simulated) -> None:
    loop = asyncio.get_running_loop()
    async with client(url(sim)) as socket:
        await socket.send("[]")
        await receive(socket)
        answered = loop.time()
        await ended(socket)
        assert loop.time() - answered > 0.1


# Heartbeat and limits


async def test_a_ping_in_words_is_answered_and_its_answer_repeated() -> None:
    async with simulator(only=["upbit"], divide_timers=100) as sim, client(url(sim)) as socket:
        await socket.send("PING")
        assert [await receive(socket) for _ in range(3)] == [UP] * 3


async def test_a_silent_client_is_cut_without_a_close_frame_though_data_flows() -> None:
    async with simulator(only=["upbit"], divide_timers=60, rate=500) as sim, client(url(sim)) as socket:
        started = asyncio.get_running_loop().time()
        await wish(socket, "KRW-BTC")
        assert await ended(socket) == (1006, "")
        assert 60.0 / 60 <= asyncio.get_running_loop().time() - started <= 120.0 / 60
        assert (await sim.state())["violations"] == {"upbit idle": {"127.0.0.1": 1}}


@pytest.mark.parametrize("kind", ["PING", "protocol ping"])
async def test_heartbeats_keep_a_socket_alive(kind: str) -> None:
    async with simulator(only=["upbit"], divide_timers=40) as sim, client(url(sim)) as socket:
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - started < 2 * dialogue.IDLE / 40:
            if kind == "PING":
                await up_to_now(socket)
            else:
                await asyncio.wait_for(await socket.ping(), CEILING)
            await asyncio.sleep(0.1)
        assert (await sim.state())["violations"] == {}


async def too_many(socket: ClientConnection) -> None:
    """Reads on to the error for too many frames, and to the close after it."""
    while "error" not in (frame := await receive(socket)):
        pass
    assert frame["error"]["name"] == "too_many_requests"
    assert await ended(socket) == (1000, "")


async def test_the_sixth_frame_in_a_second_ends_the_connection(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        for _ in range(6):
            await wish(socket, "KRW-BTC")
        await too_many(socket)


async def test_the_101st_frame_in_a_minute_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    (_, second), minute = dialogue.LIMITS
    monkeypatch.setattr(dialogue, "LIMITS", ((1000, second), minute))  # or it would take twenty seconds
    async with simulator(only=["upbit"]) as sim, client(url(sim)) as socket:
        for _ in range(99):
            await wish(socket, "KRW-NOPE")
        assert await up_to_now(socket) == []
        assert (await sim.state())["violations"] == {}
        await wish(socket, "KRW-NOPE")
        await too_many(socket)


async def test_of_six_connects_of_an_address_in_a_second_one_is_refused(sim: Simulated) -> None:
    async def status() -> tuple[int, str]:
        try:
            async with client(url(sim), address="127.0.0.9"):
                return 101, ""
        except InvalidStatus as refused:
            return refused.response.status_code, json.loads(refused.response.body or b"")["error"]["name"]

    answers = sorted(await asyncio.gather(*(status() for _ in range(6))))
    assert answers == [(101, "")] * 5 + [(429, "too_many_requests")]
    async with client(url(sim)) as other:
        assert await up_to_now(other) == []


async def test_a_second_request_with_an_origin_within_ten_seconds_is_refused(sim: Simulated) -> None:
    async with client(url(sim), origin="https://example.org"):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with client(url(sim), origin="https://example.org"):
            pass
    assert refused.value.response.status_code == 429
    async with client(url(sim)) as socket:
        assert await up_to_now(socket) == []


async def test_another_path_is_refused(sim: Simulated) -> None:
    for path in ("", "/websocket/v2"):
        with pytest.raises(InvalidStatus):
            async with client(sim.websocket("upbit", "spot") + path):
                pass
