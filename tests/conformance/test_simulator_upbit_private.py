"""The simulated Upbit's private WebSocket, announcements on it, against section 9.6 of the reference."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import CEILING, client, ended, receive
from tests.conformance.upbit import private, token, up_to_now, url
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.upbit.endpoint import MOST_PRIVATE

LONG = [
    "type", "event_type", "uuid", "title", "category", "url", "first_listed_at", "listed_at", "timestamp",
    "stream_type",
]  # fmt: skip
SHORT = ["ty", "et", "uid", "tt", "cat", "url", "flat", "lat", "tms", "st"]
TIA = {"base": "TIA", "name": "셀레스티아"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["upbit"]) as running:
        yield running


async def wish(socket: ClientConnection, form: str | None = None, **fields: Any) -> None:
    """Asks for announcements, and waits until that holds."""
    request: list[dict[str, Any]] = [{"ticket": "trade-announcement-monitor"}, {"type": "announcement", **fields}]
    await socket.send(json.dumps([*request, {"format": form}] if form else request))
    assert await up_to_now(socket) == []


# Who comes in


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer abc"])
async def test_without_a_token_the_socket_does_not_open(sim: Simulated, authorization: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with private(sim, authorization):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["error"]["name"] == "INVALID_AUTH"


async def test_with_a_bad_token_there_is_an_error_by_name_and_a_normal_close(sim: Simulated) -> None:
    async with private(sim, f"Bearer {token(secret='another')}") as socket:
        assert (await receive(socket))["error"]["name"] == "INVALID_AUTH"
        assert await ended(socket) == (1000, "")


async def test_the_public_socket_has_no_announcements(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await socket.send('[{"ticket":"t"},{"type":"announcement"}]')
        assert (await receive(socket))["error"]["name"] == "INVALID_AUTH"


async def test_many_private_sockets_of_an_address_are_refused(sim: Simulated) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PRIVATE):
            await stack.enter_async_context(private(sim))
        await asyncio.sleep(1)  # the limit of connects of a second is another one
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(private(sim))
        assert refused.value.response.status_code == 429
    await sim.until(lambda state: not state["connections"])
    async with private(sim) as socket:
        await wish(socket)


# What flows


async def test_an_announcement_has_the_fields_of_the_reference_in_a_binary_frame(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket, categories=["trade"], include_body=False)
        notice = await sim.post("/notice", coins=[TIA])
        text = await asyncio.wait_for(socket.recv(), CEILING)
    assert isinstance(text, bytes)
    frame = json.loads(text)
    assert list(frame) == LONG
    assert (frame["type"], frame["event_type"], frame["uuid"]) == ("announcement", "CREATED", str(notice["id"]))
    assert frame["title"] == "[거래] 셀레스티아(TIA) 신규 거래 지원 안내 (KRW, BTC, USDT 마켓)"
    assert frame["url"] == f"https://www.upbit.com/service_center/notice?id={notice['id']}&view=share"
    assert (frame["category"], frame["stream_type"]) == ("trade", "REALTIME")
    assert frame["first_listed_at"] == frame["listed_at"]
    assert abs(frame["timestamp"] - time.time() * 1000) < 10_000


@pytest.mark.parametrize(
    ("form", "names", "listed"),
    [("DEFAULT", LONG, False), ("SIMPLE", SHORT, False), ("JSON_LIST", LONG, True), ("SIMPLE_LIST", SHORT, True)],
)
async def test_a_client_chooses_its_format(sim: Simulated, form: str, names: list[str], listed: bool) -> None:
    async with private(sim) as socket:
        await wish(socket, form)
        await sim.post("/notice", coins=[TIA])
        frame = await receive(socket)
    assert isinstance(frame, list) == listed
    assert list(frame[0] if listed else frame) == names


async def test_only_the_categories_asked_for_come_and_all_without(sim: Simulated) -> None:
    async with private(sim) as some, private(sim) as every:
        await wish(some, categories=["trade", "event"])
        await wish(every)
        for category in ("wallet", "event"):
            await sim.post("/notice", title=category, category=category)
        assert (await receive(some))["category"] == "event"
        assert [(await receive(every))["category"] for _ in range(2)] == ["wallet", "event"]


async def test_a_body_comes_to_who_wants_it_unless_it_is_large(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket, include_body=True)
        await sim.post("/notice", coins=[TIA], body="one\ntwo")
        await sim.post("/notice", coins=[TIA], body="x" * 10_000)
        assert [(await receive(socket))["body"] for _ in range(2)] == ["one\n\ntwo", None]


async def test_an_edit_is_an_update_of_the_same_id(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket)
        notice = await sim.post("/notice", coins=[TIA], edits=1, every=1.1)
        created, updated = await receive(socket), await receive(socket)
        await sim.post("/notice/edit", id=notice["id"], title="거래지원")
        again = await receive(socket)
    events = [frame["event_type"] for frame in (created, updated, again)]
    assert events == ["CREATED", "UPDATED", "UPDATED"]
    assert {frame["uuid"] for frame in (created, updated, again)} == {notice["uuid"]}
    assert created["listed_at"] == updated["first_listed_at"] < updated["listed_at"]
    assert again["title"] == "[거래] 거래 지원"


async def test_what_was_announced_before_is_not_told(sim: Simulated) -> None:
    async with private(sim) as early, private(sim) as socket:
        await wish(early)
        await sim.post("/notice", coins=[TIA])
        await receive(early)
        await wish(socket)
        second = await sim.post("/notice", coins=[TIA], uuid="562593104")
        assert (await receive(socket))["uuid"] == second["uuid"] == "562593104"


async def test_the_socket_can_be_later_than_the_list(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket)
        notice = await sim.post("/notice", coins=[TIA], socket_late=1.5)
        await receive(socket)
        assert notice["shown"] < notice["told"] <= time.time_ns()


async def test_a_notice_can_come_in_what_is_no_json(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket)
        await sim.post("/notice", coins=[TIA], malformed=1)
        with pytest.raises(json.JSONDecodeError):
            await receive(socket)


async def test_a_second_request_replaces_the_first(sim: Simulated) -> None:
    async with private(sim) as socket:
        await wish(socket, categories=["trade"])
        await wish(socket, categories=["event"])
        for category in ("trade", "event"):
            await sim.post("/notice", title=category, category=category)
        assert (await receive(socket))["category"] == "event"
        await socket.send('[{"method":"LIST_SUBSCRIPTIONS"},{"ticket":"t"}]')
        listed = await receive(socket)
        assert listed["result"] == [{"type": "announcement", "categories": ["event"]}]


@pytest.mark.parametrize(
    "fields",
    [
        {"categories": ["nope"]},
        {"categories": "trade"},
        {"categories": []},
        {"categories": [1]},
        {"include_body": "yes"},
    ],
)
async def test_a_bad_parameter_gets_an_error_by_name_and_a_normal_close(sim: Simulated, fields: dict[str, Any]) -> None:
    async with private(sim) as socket:
        await socket.send(json.dumps([{"ticket": "t"}, {"type": "announcement", **fields}]))
        assert (await receive(socket))["error"]["name"] == "INVALID_PARAM"
        assert await ended(socket) == (1000, "")


async def test_other_private_types_are_taken_and_silent(sim: Simulated) -> None:
    async with private(sim) as socket:
        await socket.send('[{"ticket":"t"},{"type":"myOrder"},{"type":"announcement"}]')
        assert await up_to_now(socket) == []
        await sim.post("/notice", coins=[TIA])
        assert (await receive(socket))["type"] == "announcement"
