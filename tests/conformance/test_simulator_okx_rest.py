"""The simulated OKX over REST against sections 5.1 and 5.6 of the reference."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import ask, client
from tests.simulator.testing import Simulated, simulator

BTC = "BTC-USDT"
ROW = ["instId", "side", "sz", "px", "source", "tradeId", "ts"]


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["okx"]) as running:
        yield running


async def get(sim: Simulated, path: str, **query: object) -> tuple[int, Any]:
    """Status and body."""
    words = {key: str(value) for key, value in query.items()}
    async with sim.http.get(f"{sim.rest('okx', 'spot')}/api/v5/{path}", params=words) as reply:
        return reply.status, await reply.json()


async def ids(sim: Simulated, path: str, **query: object) -> list[int]:
    status, body = await get(sim, path, instId=BTC, **query)
    assert (status, body["code"]) == (200, "0")
    return [int(row["tradeId"]) for row in body["data"]]


async def traded(sim: Simulated, count: int) -> list[int]:
    """Makes trades; the ids of all that there are, newest first."""
    await sim.trade("okx", "spot", BTC, count)
    return [int(row["id"]) for row in reversed(await sim.records()) if row["instrument"] == BTC]


async def test_the_newest_trades_are_raw_fills_newest_first(sim: Simulated) -> None:
    every = await traded(sim, 600)
    assert await ids(sim, "market/trades") == every[:100]
    assert await ids(sim, "market/trades", limit=500) == await ids(sim, "market/trades", limit=900) == every[:500]
    _, body = await get(sim, "market/trades", instId=BTC, limit=1)
    assert list(body) == ["code", "msg", "data"]
    assert list(body["data"][0]) == ROW
    assert {type(value) for value in body["data"][0].values()} == {str}


async def test_pages_of_history_go_down_by_id(sim: Simulated) -> None:
    every = await traded(sim, 230)
    assert await ids(sim, "market/history-trades") == every[:100]
    assert await ids(sim, "market/history-trades", after=every[99], limit=500) == every[100:200]
    assert await ids(sim, "market/history-trades", after=every[-1]) == []


async def test_before_alone_gives_the_latest_of_the_newer_rows(sim: Simulated) -> None:
    every = await traded(sim, 230)
    assert await ids(sim, "market/history-trades", type=1, before=every[200]) == every[:100]
    assert await ids(sim, "market/history-trades", before=every[3]) == every[:3]
    assert await ids(sim, "market/history-trades", before=every[60], after=every[50]) == every[51:60]


async def test_pages_of_history_go_down_by_time(sim: Simulated) -> None:
    every = await traded(sim, 1)
    _, body = await get(sim, "market/history-trades", instId=BTC, type=2, after=10**13)
    assert [int(row["tradeId"]) for row in body["data"]] == every
    oldest = body["data"][-1]["ts"]
    assert await ids(sim, "market/history-trades", type=2, after=oldest) == []
    assert (await get(sim, "market/history-trades", instId=BTC, type=2, before=1))[1]["code"] == "51000"


async def test_trades_that_a_fault_kept_back_are_in_the_history(sim: Simulated) -> None:
    await sim.fault("omit", exchange="okx", market="spot", channel="trades-all", count=1)
    every = await traded(sim, 2)
    assert await ids(sim, "market/history-trades", limit=2) == every[:2]
    assert [row for row in await sim.records() if row.get("omitted")]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("public/instruments", {}, 400, "50014"),
        ("public/instruments", {"instType": "spot"}, 400, "51000"),
        ("public/instruments", {"instType": "SPOT", "instId": "NOPE"}, 200, "51001"),
        ("market/trades", {}, 400, "50014"),
        ("market/trades", {"instId": "NOPE-USDT"}, 200, "51001"),
        ("market/trades", {"instId": BTC, "limit": "many"}, 400, "51000"),
        ("market/history-trades", {"instId": BTC, "type": "3"}, 400, "51000"),
        ("market/nope", {}, 404, "404"),
    ],
)
async def test_a_bad_request_gets_its_code(
    sim: Simulated, path: str, query: dict[str, str], status: int, code: str
) -> None:
    assert (await get(sim, path, **query))[0] == status
    body = (await get(sim, path, **query))[1]
    assert (list(body), body["code"], body["data"]) == (["code", "msg", "data"], code, [])


async def test_a_wrong_type_is_told_as_in_the_reference(sim: Simulated) -> None:
    _, body = await get(sim, "public/instruments", instType="NOPE")
    assert body == {"code": "51000", "msg": "Parameter instType error", "data": []}


async def test_one_instrument_may_be_asked_for(sim: Simulated) -> None:
    _, body = await get(sim, "public/instruments", instType="SWAP", instId="BTC-USDT-SWAP")
    assert [row["instId"] for row in body["data"]] == ["BTC-USDT-SWAP"]


@pytest.mark.parametrize(
    ("path", "limit"), [("public/instruments", 20), ("market/trades", 100), ("market/history-trades", 20)]
)
async def test_too_many_requests_get_429_with_their_code(sim: Simulated, path: str, limit: int) -> None:
    seen = []
    for _ in range(20 * limit):  # two seconds may pass in between
        status, body = await get(sim, path, instType="OPTION", instId="NOPE")
        seen.append(status)
        if status == 429:
            assert body == {"code": "50011", "msg": "Too Many Requests", "data": []}
            break
    assert seen[-1] == 429
    assert len(seen) > limit


async def test_instruments_are_counted_for_each_type(sim: Simulated) -> None:
    while (await get(sim, "public/instruments", instType="OPTION"))[0] != 429:
        pass
    assert (await get(sim, "public/instruments", instType="FUTURES"))[0] == 200


# Recordings


def recording(folder: Path) -> Path:
    """A recording with two lists of one path, and two frames."""
    base = "https://www.okx.com/api/v5/public/instruments?instType="
    lines: list[dict[str, Any]] = [
        {"kind": "http", "url": base + "SPOT", "data": '{"spot" : 1}'},
        {"kind": "http", "url": base + "SWAP", "data": '{"swap" : 1}'},
        {"kind": "http", "url": base + "OPTION&uly=BTC-USD", "data": '{"option" : 1}'},
        {"kind": "connect", "url": "wss://ws.okx.com:8443/ws/v5/public"},
        {"kind": "recv", "data": '{"arg":{"channel":"trades","instId":"X-USDT"}, "data":[]}'},
        {"kind": "recv", "data": "pong"},
    ]
    file = folder / "recording.jsonl"
    file.write_text("".join(json.dumps({"t": 1.5, **line}) + "\n" for line in lines))
    return file


async def test_each_recorded_list_is_served_for_its_type(tmp_path: Path) -> None:
    async with simulator(only=["okx"], replay=[recording(tmp_path)]) as sim:
        path = f"{sim.rest('okx', 'spot')}/api/v5/public/instruments?instType="
        for query, expected in (("SPOT", '{"spot" : 1}'), ("SWAP", '{"swap" : 1}'), ("SPOT&x=1", '{"spot" : 1}')):
            async with sim.http.get(path + query) as reply:
                assert await reply.text() == expected
        async with sim.http.get(path + "FUTURES") as reply:
            assert await reply.json() == {"code": "0", "msg": "", "data": []}


async def test_a_recording_is_played_to_whoever_subscribes_to_whatever(tmp_path: Path) -> None:
    async with (
        simulator(only=["okx"], replay=[recording(tmp_path)], divide_timers=10) as sim,
        client(f"{sim.websocket('okx', 'spot')}/ws/v5/business") as socket,
    ):
        arg = {"channel": "trades-all", "instId": "X-USDT"}
        assert (await ask(socket, {"op": "subscribe", "args": [arg]}))["arg"] == arg
        assert await socket.recv() == '{"arg":{"channel":"trades","instId":"X-USDT"}, "data":[]}'
        assert await socket.recv() == "pong"
        await sim.until(lambda state: state["replay"]["done"])
