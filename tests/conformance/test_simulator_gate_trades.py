"""The simulated trades of Gate against sections 7.6 and 7.7 of the reference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import client, receive
from tests.conformance.gate import ping, subscribe, url
from tests.simulator.testing import Simulated, simulator

DECIMAL = {"X-Gate-Size-Decimal": "1"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["gate"]) as running:
        yield running


async def test_a_spot_frame_holds_one_trade_with_the_fields_and_types_of_the_reference(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "DOGE_USDT")
        await sim.trade("gate", "spot", "DOGE_USDT", price="0.4705", size="16.47", side="sell")
        frame = await receive(socket)
    assert list(frame) == ["time", "time_ms", "channel", "event", "result"]
    assert (frame["channel"], frame["event"]) == ("spot.trades", "update")
    trade = frame["result"]
    assert {key: type(value) for key, value in trade.items()} == {
        "id": int, "create_time": int, "create_time_ms": str, "side": str, "currency_pair": str, "amount": str,
        "price": str, "range": str, "id_market": int,
    }  # fmt: skip
    assert (trade["side"], trade["amount"], trade["price"]) == ("sell", "16.4700000000", "0.4705000000")
    assert trade["range"] == f"{trade['id_market']}-{trade['id_market']}"
    assert int(trade["create_time_ms"].partition(".")[0]) // 1000 == trade["create_time"]


async def test_ids_of_spot_have_gaps_and_market_ids_are_consecutive_in_each_pair(sim: Simulated) -> None:
    names = ["BTC_USDT", "ETH_USDT"]
    trades = []
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", *names)
        for name in names * 20:
            await sim.trade("gate", "spot", name)
            trades.append((await receive(socket))["result"])
    ids = [trade["id"] for trade in trades]
    assert ids == sorted(set(ids))
    assert ids[-1] - ids[0] > len(ids)
    for name in names:
        orders = [trade["id_market"] for trade in trades if trade["currency_pair"] == name]
        assert orders == list(range(orders[0], orders[0] + 20))


async def test_the_decimals_of_spot_times_vary_in_number(sim: Simulated) -> None:
    digits: set[int] = set()
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "BTC_USDT")
        async with asyncio.timeout(10):
            while len(digits) < 2:
                await sim.trade("gate", "spot", "BTC_USDT", 20)
                for _ in range(20):
                    at = (await receive(socket))["result"]["create_time_ms"]
                    digits.add(len(at.partition(".")[2]))
    assert max(digits) == 4


async def test_futures_rows_come_in_arrays_with_the_fields_and_types_of_the_reference(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "futures", "BTC_USDT")
        await sim.trade("gate", "futures", "BTC_USDT", 3, price="80227.1", size="108", side="sell")
        frame = await receive(socket)
    assert list(frame) == ["time", "time_ms", "channel", "event", "result"]
    assert (frame["channel"], frame["event"]) == ("futures.trades", "update")
    rows = frame["result"]
    assert [(row["size"], row["price"], row["contract"]) for row in rows] == [(-108, "80227.1", "BTC_USDT")] * 3
    assert list(rows[0]) == ["id", "size", "create_time", "create_time_ms", "price", "contract"]
    assert all(type(row[key]) is int for row in rows for key in ("id", "size", "create_time", "create_time_ms"))
    assert rows[0]["create_time_ms"] // 1000 == rows[0]["create_time"]
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("size", "side", "whole", "text"),
    [("10.5", "sell", -10, "-10.5"), ("0.3", "sell", 0, "-0.3"), ("12.0", "buy", 12, "12")],
)
async def test_the_size_header_turns_numbers_into_decimal_text(
    sim: Simulated, size: str, side: str, whole: int, text: str
) -> None:
    address = url(sim, "futures")
    async with client(address) as plain, client(address, additional_headers=DECIMAL) as decimal:
        for socket in (plain, decimal):
            await subscribe(socket, "futures", "ETH_USDT")
        await sim.trade("gate", "futures", "ETH_USDT", size=size, side=side)
        assert (await receive(plain))["result"][0]["size"] == whole
        assert (await receive(decimal))["result"][0]["size"] == text
    assert (await sim.records())[-1]["size"] == text.removeprefix("-")


async def test_internal_trades_are_marked_and_lie_off_the_market(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "futures", "BTC_USDT")
        await sim.trade("gate", "futures", "BTC_USDT", price="80000")
        assert "is_internal" not in (await receive(socket))["result"][0]
        await sim.trade("gate", "futures", "BTC_USDT", kind="internal")
        (row,) = (await receive(socket))["result"]
    assert row["is_internal"] is True
    assert not 76000 < Decimal(row["price"]) < 84000
    assert (await sim.records())[-1]["kind"] == "internal"


async def test_a_small_share_of_futures_trades_is_internal() -> None:
    async with simulator(only=["gate"], symbols=3) as sim:
        await sim.post("/rate", exchange="gate", market="futures", rate=3000)
        await sim.until(lambda state: state["markets"]["gate.futures"]["produced"] > 4000)
        kinds = [row["kind"] for row in await sim.records() if row["market"] == "futures"]
    assert 0 < kinds.count("internal") < len(kinds) / 50


async def test_the_ledger_names_ids_orders_and_multipliers(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as spot, client(url(sim, "futures")) as futures:
        await subscribe(spot, "spot", "BTC_USDT")
        await subscribe(futures, "futures", "BTC_USDT")
        await sim.trade("gate", "spot", "BTC_USDT")
        await sim.trade("gate", "futures", "BTC_USDT")
        trade, (row,) = (await receive(spot))["result"], (await receive(futures))["result"]
    live = [record for record in await sim.records() if record["connections"]]
    assert [(record["id"], record["seq"]) for record in live] == [
        (str(trade["id"]), str(trade["id_market"])), (str(row["id"]), str(row["id"])),
    ]  # fmt: skip
    milliseconds, _, fraction = trade["create_time_ms"].partition(".")
    assert live[0]["time"] == int(milliseconds + fraction.ljust(6, "0"))
    assert live[1]["time"] == row["create_time_ms"] * 10**6
    listed = [one for one in await sim.records("instrument") if one["instrument"] == "BTC_USDT"]
    assert [one["multiplier"] for one in listed] == [None, "0.0001"]


@pytest.mark.parametrize("market", ["spot", "futures"])
async def test_a_client_gets_the_trades_of_the_ledger_in_order_and_complete(market: str) -> None:
    names = ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    async with simulator(only=["gate"], symbols=3) as sim:
        async with client(url(sim, market), additional_headers=DECIMAL) as socket:
            await subscribe(socket, market, *names)
            await sim.post("/rate", exchange="gate", market=market, rate=1000)
            await sim.until(lambda state: state["markets"][f"gate.{market}"]["produced"] > 500)
            await sim.post("/pause")
            seen = await drained(socket, market)
        live = [record for record in await sim.records() if record["connections"]]
    assert seen == [(record["instrument"], record["id"], record["price"], record["size"]) for record in live]
    assert len(seen) > 500


async def drained(socket: ClientConnection, market: str) -> list[tuple[str, ...]]:
    """The trades before a pong, until none lies between two pongs."""
    seen: list[tuple[str, ...]] = []
    fresh = True
    while fresh:
        fresh = False
        frame = await ping(socket, market)
        while frame["channel"] != f"{market}.pong":
            fresh = True
            for row in frame["result"] if market == "futures" else [frame["result"]]:
                name, size = (row.get("contract") or row["currency_pair"]), (row.get("size") or row["amount"])
                seen.append((name, str(row["id"]), row["price"], size.removeprefix("-")))
            frame = await receive(socket)
        await asyncio.sleep(0.05)  # frames of futures are held for 10 ms
    return seen
