"""A recording is played byte for byte, and the socket lives on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import ask, client, receive
from tests.simulator.testing import simulator

FRAMES = ['{"stream":"btcusdt@aggTrade", "data":{"e":"aggTrade","p":"1.10"}}', "not even json", '{"stream":"币"}']

FEW = ["binance.spot", "binance.futures", "phemex"]
"""Enough venues for what all of them share."""


def recording(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes a recording."""
    file = folder / "recording.jsonl"
    file.write_text("".join(json.dumps({"t": 1.5, **row}) + "\n" for row in rows), "utf-8")
    return file


def binance(folder: Path, *, listing: bool = True) -> Path:
    """A recording of Binance spot."""
    rows: list[dict[str, Any]] = []
    if listing:
        rows.append({"kind": "http", "url": "https://api.binance.com/api/v3/exchangeInfo", "data": '{"symbols" : []}'})
    rows.append({"kind": "connect", "url": "wss://stream.binance.com:9443/stream?streams=btcusdt@aggTrade"})
    rows += [{"kind": "recv", "data": frame} for frame in FRAMES]
    rows.append({"kind": "recv", "data": "in binary", "binary": True})
    return recording(folder, rows)


async def test_the_recorded_list_is_served_byte_for_byte(tmp_path: Path) -> None:
    async with simulator(only=FEW, replay=[binance(tmp_path)]) as sim:
        async with sim.http.get(sim.rest("binance", "spot") + "/api/v3/exchangeInfo") as reply:
            assert await reply.text() == '{"symbols" : []}'
        async with sim.http.get(sim.rest("binance", "futures") + "/fapi/v1/exchangeInfo") as reply:
            assert len((await reply.json())["symbols"]) > 500


async def test_the_own_list_is_served_where_the_recording_has_none(tmp_path: Path) -> None:
    async with (
        simulator(only=FEW, replay=[binance(tmp_path, listing=False)]) as sim,
        sim.http.get(sim.rest("binance", "spot") + "/api/v3/exchangeInfo") as reply,
    ):
        assert len((await reply.json())["symbols"]) > 2900


async def test_the_frames_come_in_order_and_byte_for_byte_after_a_subscription(tmp_path: Path) -> None:
    async with (
        simulator(only=FEW, replay=[binance(tmp_path)], divide_timers=10) as sim,
        client(sim.websocket("binance", "spot") + "/stream") as socket,
    ):
        await ask(socket, {"method": "SUBSCRIBE", "params": ["whatever@aggTrade"], "id": 1})
        got = [await asyncio.wait_for(socket.recv(), 5) for _ in range(4)]
        assert got == [*FRAMES, b"in binary"]
        state = await sim.until(lambda state: state["replay"]["done"])
        assert state["replay"]["files"][0]["sent"] == 4
        assert await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 2}) == {
            "result": ["whatever@aggTrade"],
            "id": 2,
        }


async def test_only_the_first_subscriber_gets_the_frames(tmp_path: Path) -> None:
    async with simulator(only=FEW, replay=[binance(tmp_path)], divide_timers=10) as sim:
        url = sim.websocket("binance", "spot") + "/stream"
        async with client(url) as first, client(url) as second:
            await ask(first, {"method": "SUBSCRIBE", "params": ["a@aggTrade"], "id": 1})
            await sim.until(lambda state: state["replay"]["done"])
            assert await ask(second, {"method": "SUBSCRIBE", "params": ["b@aggTrade"], "id": 1}) == {
                "result": None,
                "id": 1,
            }
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(second.recv(), 0.4)


async def test_the_next_subscriber_gets_them_when_the_first_went_away_too_early(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"kind": "connect", "url": "wss://phemex.com/ws"}]
    rows += [{"kind": "recv", "data": f"frame {number}"} for number in range(20_000)]
    async with simulator(only=FEW, replay=[recording(tmp_path, rows)], divide_timers=10) as sim:
        url = sim.websocket("phemex", "spot")
        async with client(url) as first:
            await ask(first, {"id": 1, "method": "trade.subscribe", "params": ["sWHATEVER"]})
            assert await first.recv() == "frame 0"
        await sim.until(lambda state: not state["connections"])
        async with client(url) as second:
            await ask(second, {"id": 1, "method": "trade.subscribe", "params": ["sWHATEVER"]})
            assert await second.recv() == "frame 0"


async def test_a_start_by_hand_needs_no_subscription(tmp_path: Path) -> None:
    async with (
        simulator(only=FEW, replay=[binance(tmp_path)]) as sim,
        client(sim.websocket("binance", "spot") + "/stream") as socket,
    ):
        await sim.until(lambda state: len(state["connections"]) == 1)
        await sim.post("/replay/start")
        assert await socket.recv() == FRAMES[0]


async def test_no_trades_and_no_snapshots_are_made_beside_a_recording(tmp_path: Path) -> None:
    async with (
        simulator(only=FEW, replay=[binance(tmp_path)], rate=1000) as sim,
        client(sim.websocket("phemex", "spot")) as socket,
    ):
        await ask(socket, {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]})
        await socket.send('{"id":2,"method":"server.ping","params":[]}')
        assert (await receive(socket))["result"] == "pong"
        assert await sim.records() == []


async def test_a_recording_of_no_simulated_exchange_is_refused_by_name(tmp_path: Path) -> None:
    file = recording(tmp_path, [{"kind": "connect", "url": "wss://example.org/ws"}, {"kind": "recv", "data": "x"}])
    with pytest.raises(ValueError, match=r"recording\.jsonl: no frame of a simulated exchange"):
        async with simulator(only=FEW, replay=[file]):
            pass
