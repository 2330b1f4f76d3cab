"""A planted pump reaches clients, REST and ledger as the control port's answer says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.conformance.clients import client
from tests.conformance.upbit import live, url
from tests.simulator.testing import Simulated, simulator

QUICK = {"peak_ms": 300, "decline_ms": 400, "end_ms": 2000, "rate": 20, "volume": 10, "in": 3}
CEILING = 15.0


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["binance.spot", "upbit"]) as running:
        yield running


async def over(sim: Simulated, market: str, fills: int) -> None:
    """Waits until a market has produced so many trades."""
    await sim.until(lambda state: state["markets"][market]["produced"] >= fills, CEILING)


async def ledger(sim: Simulated, exchange: str, instrument: str) -> list[dict[str, Any]]:
    rows = [row for row in await sim.records() if (row["exchange"], row["instrument"]) == (exchange, instrument)]
    return [row for row in rows if "aggregate" not in row and not row["snapshot_only"]]


async def test_a_client_sees_the_first_move_when_the_answer_says(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/suiusdt@trade") as socket:
        order = {"base": "SUI", "markets": {"binance.spot": {"delay_ms": 120}}, **QUICK}
        told = (await sim.post("/pump", **order))["markets"]["binance.spot"]
        frames = [json.loads(await asyncio.wait_for(socket.recv(), CEILING)) for _ in range(told["fills"])]
    floor = Decimal(told["reference"]) * Decimal("1.02")
    moved = [frame for frame in frames if Decimal(frame["p"]) > floor]
    assert (moved[0]["T"] * 10**6, moved[0]["p"]) == (told["first_move"]["time"], told["first_move"]["price"])
    highest = max(frames, key=lambda frame: Decimal(frame["p"]))
    assert (highest["T"] * 10**6, highest["p"]) == (told["peak"]["time"], told["peak"]["price"])
    rows = await ledger(sim, "binance", "SUIUSDT")
    assert [(row["id"], row["price"], row["size"]) for row in rows] == [
        (str(frame["t"]), frame["p"], frame["q"]) for frame in frames
    ]
    assert {row["connections"] for row in rows} == {1}


async def test_rest_has_what_was_planted(sim: Simulated) -> None:
    order = {"base": "SUI", "markets": {"binance.spot": {"delay_ms": 120}}, **QUICK}
    told = (await sim.post("/pump", **order))["markets"]["binance.spot"]
    await over(sim, "binance.spot", told["fills"])
    async with sim.http.get(sim.rest("binance", "spot") + "/api/v3/trades?symbol=SUIUSDT&limit=1000") as reply:
        shown = [row["id"] for row in await reply.json()]
    assert [str(number) for number in shown[-told["fills"] :]] == [
        row["id"] for row in await ledger(sim, "binance", "SUIUSDT")
    ]


async def test_a_coin_that_was_just_listed_in_won_can_be_pumped(sim: Simulated) -> None:
    await sim.post(
        "/universe", exchange="upbit", market="spot", list=[{"base": "NEWC", "quote": "KRW", "price": "512"}]
    )
    async with client(url(sim)) as socket:
        await live(socket, "KRW-NEWC")
        told = await sim.post("/pump", base="NEWC", markets={"upbit.spot": {"delay_ms": 700, "thin": True}}, **QUICK)
        pair = told["markets"]["upbit.spot"]
        frames = [json.loads(await asyncio.wait_for(socket.recv(), CEILING)) for _ in range(5)]
    assert pair["instrument"] == "KRW-NEWC"
    assert frames[1]["trade_timestamp"] * 10**6 == pair["first_move"]["time"]
    assert frames[1]["trade_timestamp"] * 10**6 - told["announced"] == 700_000_000
    assert await sim.records("pump") == [{"type": "pump", **told}]


async def test_an_order_that_could_not_happen_is_refused_in_words(sim: Simulated) -> None:
    with pytest.raises(ValueError, match="too late"):
        await sim.post("/pump", base="SUI", markets={"binance.spot": {"delay_ms": 0}}, **{"in": -5})
    with pytest.raises(ValueError, match="has no NOPE that trades"):
        await sim.post("/pump", base="NOPE", markets={"binance.spot": {"delay_ms": 0}})
