"""A well-behaved client gets what the ledger says, in order and complete; the control API does what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import ask, client, receive
from tests.simulator.app import Options, Simulator
from tests.simulator.testing import Simulated, simulator

Row = tuple[str, str, str, str, int]

FEW = ["binance.spot", "binance.futures", "phemex"]
"""Enough venues for what all of them share."""


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(symbols=5, only=FEW) as running:
        yield running


def owed(records: list[dict[str, Any]], market: str) -> list[Row]:
    """Live trades of a market that were written to somebody, in the ledger's order."""
    exchange, name = market.split(".")
    rows = [row for row in records if (row["exchange"], row["market"]) == (exchange, name) and row["connections"]]
    assert [row["serial"] for row in rows] == sorted(row["serial"] for row in rows)
    return [(row["instrument"], row["price"], row["size"], row["side"], row["time"]) for row in rows]


async def gather(socket: ClientConnection, rows: list[Row]) -> None:
    """Reads trades of any of the four markets for ever."""
    while True:
        frame = json.loads(await socket.recv())
        if "data" in frame:
            trade = frame["data"]
            side = "sell" if trade["m"] else "buy"
            rows.append((trade["s"], trade["p"], trade["q"], side, trade["T"] * 10**6))
        elif frame.get("type") == "incremental":
            for time, side, price, size in reversed(frame.get("trades") or frame["trades_p"]):
                rows.append((frame["symbol"], str(price), str(size), side.lower(), time))


def by_symbol(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows of each symbol in their order."""
    return {symbol: [row for row in rows if row[0] == symbol] for symbol in sorted({row[0] for row in rows})}


async def busy(sim: Simulated, exchange: str, market: str) -> list[str]:
    """The five busiest symbols, from the ledger's list."""
    records = await sim.records("instrument")
    return [row["instrument"] for row in records if (row["exchange"], row["market"]) == (exchange, market)][:5]


@pytest.mark.parametrize(
    ("market", "path"),
    [("binance.spot", "/stream"), ("binance.futures", "/public/stream"), ("phemex.spot", ""), ("phemex.futures", "")],
)
async def test_a_client_gets_the_ledgers_trades_in_order_and_complete(sim: Simulated, market: str, path: str) -> None:
    exchange, name = market.split(".")
    symbols = await busy(sim, exchange, name)
    rows: list[Row] = []
    async with client(sim.websocket(exchange, name) + path) as socket:
        if exchange == "binance":
            streams = [f"{symbol.lower()}@trade" for symbol in symbols]
            await ask(socket, {"method": "SUBSCRIBE", "params": streams, "id": 1})
        else:
            method = "trade.subscribe" if name == "spot" else "trade_p.subscribe"
            for symbol in symbols:
                await ask(socket, {"id": 1, "method": method, "params": [symbol]})
                await receive(socket)
        reader = asyncio.create_task(gather(socket, rows))
        await sim.post("/rate", exchange=exchange, market=name, rate=2000)
        await sim.until(lambda state: state["markets"][market]["sent"] >= 1500)
        await sim.post("/pause")
        await sim.until(lambda state: len(rows) >= state["markets"][market]["sent"])
        expected = owed(await sim.records(), market)
        reader.cancel()
    assert by_symbol(rows) == by_symbol(expected)
    assert len(by_symbol(rows)) == 5


async def test_the_plan_is_kept_and_written_down(sim: Simulated) -> None:
    await sim.post("/rate", total=2000)
    await sim.post("/mark")
    await asyncio.sleep(0.5)
    answer = await sim.post("/mark")
    plans = {f"{plan['exchange']}.{plan['market']}": plan for plan in answer["plans"]}
    seconds = (plans["binance.spot"]["to"] - plans["binance.spot"]["from"]) / 1e9
    planned = sum(plan["planned"] for plan in plans.values())
    assert abs(planned - 2000 * seconds) < 100
    assert all(abs(plan["planned"] - plan["sent"]) <= 50 for plan in plans.values())
    assert plans["binance.spot"] in await sim.records("plan")


async def test_trades_without_a_subscriber_have_no_connections(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT")
    last = [row for row in await sim.records() if "aggregate" not in row][-1]
    assert (last["instrument"], last["connections"], last["snapshot_only"]) == ("BTCUSDT", 0, False)


async def test_two_subscribers_are_counted(sim: Simulated) -> None:
    url = sim.websocket("binance", "spot") + "/ws/btcusdt@trade"
    async with client(url) as one, client(url) as two:
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(one))["t"] == (await receive(two))["t"]
    last = [row for row in await sim.records() if "aggregate" not in row][-1]
    assert last["connections"] == 2


async def test_snapshot_rows_are_in_the_ledger_before_the_live_ones(sim: Simulated) -> None:
    async with client(sim.websocket("phemex", "spot")) as socket:
        await ask(socket, {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]})
        snapshot = await receive(socket)
        await sim.trade("phemex", "spot", "sBTCUSDT")
        await receive(socket)
    rows = [row for row in await sim.records() if row["instrument"] == "sBTCUSDT"]
    assert [row["snapshot_only"] for row in rows] == [True] * 50 + [False]
    assert [row["time"] for row in rows[:50]] == [row[0] for row in reversed(snapshot["trades"])]


async def test_connections_leave_their_marks(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        await ask(socket, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
    await sim.until(lambda state: not state["connections"])
    lines = [row for row in await sim.records("connection") if row["market"] == "spot" and row["exchange"] == "binance"]
    assert [row["event"] for row in lines] == ["open", "subscribed", "unsubscribed", "close"]
    assert lines[1]["instruments"] == lines[2]["instruments"] == ["BTCUSDT"]
    assert len({row["connection"] for row in lines}) == 1


async def test_instruments_are_in_the_ledger_with_scales_and_changes(sim: Simulated) -> None:
    await sim.post("/universe", exchange="binance", market="spot", list=[{"base": "NEWC", "price": "1.25"}])
    await sim.post("/universe", exchange="binance", market="spot", delist=["ETHUSDT"])
    rows = await sim.records("instrument")
    bitcoin = next(row for row in rows if row["instrument"] == "sBTCUSDT")
    assert (bitcoin["price_scale"], bitcoin["quantity_scale"], bitcoin["multiplier"]) == (8, 8, None)
    assert [row["instrument"] for row in rows[-2:]] == ["NEWCUSDT", "ETHUSDT"]
    assert rows[-1]["row"]["status"] == "BREAK"


async def test_a_listed_instrument_trades_at_once_and_a_delisted_one_no_more(sim: Simulated) -> None:
    await sim.post("/universe", exchange="binance", market="spot", list=[{"base": "NEWC", "price": "1.25"}])
    async with client(sim.websocket("binance", "spot") + "/ws/newcusdt@trade") as socket:
        await sim.trade("binance", "spot", "NEWCUSDT")
        assert (await receive(socket))["s"] == "NEWCUSDT"
    await sim.post("/universe", exchange="binance", market="spot", delist=["BTCUSDT"])
    await sim.post("/rate", exchange="binance", market="spot", rate=2000)
    await sim.until(lambda state: state["markets"]["binance.spot"]["produced"] > 300)
    traded = {row["instrument"] for row in await sim.records() if row["market"] == "spot" and not row["snapshot_only"]}
    assert "BTCUSDT" not in traded
    assert "ETHUSDT" in traded


async def test_an_instrument_that_is_listed_anew_counts_anew_and_has_no_past(sim: Simulated) -> None:
    spot = {"exchange": "binance", "market": "spot"}
    with pytest.raises(ValueError, match="BTCUSDT still trades"):
        await sim.post("/universe", **spot, relist=["BTCUSDT"])
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        await sim.trade("binance", "spot", "BTCUSDT")
        old = await receive(socket)
        await sim.post("/universe", **spot, delist=["BTCUSDT"])
        await sim.post("/universe", **spot, relist=["BTCUSDT"])
        await sim.trade("binance", "spot", "BTCUSDT", count=2)
        first, second = await receive(socket), await receive(socket)
    assert (first["t"], second["t"], first["T"] >= old["T"]) == (1, 2, True)
    async with sim.http.get(sim.rest("binance", "spot") + "/api/v3/trades?symbol=BTCUSDT") as reply:
        assert [row["id"] for row in await reply.json()] == [1, 2]
    listed = [row for row in await sim.records("instrument") if row["instrument"] == "BTCUSDT"]
    assert [row["row"]["status"] for row in listed[-2:]] == ["BREAK", "TRADING"]


async def test_a_subscription_ahead_of_the_listing_begins_to_flow(sim: Simulated) -> None:
    records = [row for row in await sim.records("instrument") if row["market"] == "futures"]
    pending = next(row["instrument"] for row in records if row["row"].get("status") == "PENDING_TRADING")
    async with client(sim.websocket("binance", "futures") + f"/public/ws/{pending.lower()}@trade") as socket:
        change = {pending: {"status": "TRADING", "contractType": "PERPETUAL"}}
        await sim.post("/universe", exchange="binance", market="futures", change=change)
        await sim.trade("binance", "futures", pending)
        assert (await receive(socket))["s"] == pending


async def test_only_the_busiest_symbols_trade_when_told_so(sim: Simulated) -> None:
    await sim.post("/rate", total=4000)
    await sim.until(lambda state: all(market["produced"] > 200 for market in state["markets"].values()))
    live = [row for row in await sim.records() if not row["snapshot_only"]]
    for exchange, market in (("binance", "futures"), ("phemex", "spot")):
        names = {row["instrument"] for row in live if (row["exchange"], row["market"]) == (exchange, market)}
        assert names == set(await busy(sim, exchange, market))


@pytest.mark.parametrize(
    ("path", "order", "words"),
    [
        ("/rate", {"exchange": "nope", "market": "spot", "rate": 1}, "nope.spot is not simulated"),
        ("/trade", {"exchange": "binance", "market": "spot", "instrument": "NOPE"}, "no such instrument"),
        ("/fault", {"fault": "nope"}, "no such fault"),
        ("/fault", {"fault": "omit", "colour": "red"}, "does not take colour"),
        ("/nope", {}, "there are"),
        ("/replay/start", {}, "no recording"),
    ],
)
async def test_a_wrong_order_is_refused_in_words(sim: Simulated, path: str, order: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await sim.post(path, **order)


async def test_a_venue_can_be_simulated_alone() -> None:
    async with simulator(only=["phemex"]) as sim:
        assert list((await sim.state())["markets"]) == ["phemex.spot", "phemex.futures"]
    with pytest.raises(ValueError, match=r"not simulated: nope; there are binance\.spot"):
        async with simulator(only=["nope"]):
            pass


async def test_it_runs_as_a_process_and_ends_when_told(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with simulator(subprocess=True, rate=500, ledger=ledger) as sim:
        async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
            assert (await receive(socket))["e"] == "trade"
        await sim.post("/shutdown")
    lines = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    plans = [f"{line['exchange']}.{line['market']}" for line in lines if line["type"] == "plan"]
    venues = sim.addresses["venues"]
    assert plans == [f"{exchange}.{market}" for exchange, markets in venues.items() for market in markets]
    assert lines[-1]["type"] == "plan"


async def test_every_instrument_of_every_list_can_trade() -> None:
    hub = Simulator(Options(history=1)).hub
    hub.generator.start(hub.markets())
    now = hub.clock.ns()
    for market in hub.markets():
        for instrument in market.instruments.values():
            trade = hub.generator.produce(market, instrument, now, now)
            assert trade.price > 0, instrument.name
            assert trade.price % instrument.tick == trade.size % instrument.lot == 0, instrument.name
        market.settle(now + 10**9)
        assert market.serial > len(market.instruments)
