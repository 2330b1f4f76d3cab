"""The simulated Bybit over REST against section 4 of the reference: lists and back-fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.conformance.bybit import get, linear_rows, subscribe, url
from tests.conformance.clients import client, receive
from tests.simulator.testing import Simulated, simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["bybit"]) as running:
        yield running


# The lists


async def test_spot_comes_whole_in_many_quotes_whatever_limit_is_asked(sim: Simulated) -> None:
    body = await get(sim, "instruments-info", category="spot", limit=10, cursor="x")
    assert list(body) == ["retCode", "retMsg", "result", "retExtInfo", "time"]
    assert (body["retCode"], body["retMsg"], list(body["result"])) == (0, "OK", ["category", "list"])
    rows = body["result"]["list"]
    assert len(rows) > 600
    assert len({row["symbol"] for row in rows}) == len(rows)
    assert {row["quoteCoin"] for row in rows} >= {"USDT", "USDC", "EUR", "BTC"}
    assert {row["symbolType"] for row in rows} >= {"", "innovation", "adventure", "xstocks"}
    assert {row["status"] for row in rows} == {"Trading"}
    bitcoin = next(row for row in rows if row["symbol"] == "BTCUSDT")
    assert bitcoin == {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "innovation": "0", "status": "Trading",
        "marginTrading": "utaOnly", "stTag": "0", "symbolType": "",
        "lotSizeFilter": {
            "basePrecision": "0.000001", "quotePrecision": "0.00000001", "minOrderQty": "0.000001", "minOrderAmt": "5",
        },
        "priceFilter": {"tickSize": "0.01"},
    }  # fmt: skip


async def test_a_linear_row_reads_as_the_reference_shows_it(sim: Simulated) -> None:
    (row,) = (await get(sim, "instruments-info", category="linear", symbol="BTCUSDT"))["result"]["list"]
    assert row == {
        "symbol": "BTCUSDT", "symbolId": 5, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
        "quoteCoin": "USDT", "settleCoin": "USDT", "symbolType": "", "launchTime": "1584230400000",
        "deliveryTime": "0", "priceScale": "2", "isPreListing": False, "preListingInfo": None, "fundingInterval": 480,
        "displayName": "",
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "minOrderQty": "0.001", "maxOrderQty": "1190.000", "qtyStep": "0.001", "minNotionalValue": "5",
        },
    }  # fmt: skip


async def test_linear_holds_all_kinds_of_contracts(sim: Simulated) -> None:
    rows = await linear_rows(sim)
    kinds = Counter((row["contractType"], row["settleCoin"], row["symbolType"]) for row in rows)
    assert sum(kinds["LinearPerpetual", "USDT", kind] for kind in ("", "innovation", "adventure")) == 650
    assert all(kinds["LinearPerpetual", "USDT", kind] for kind in ("stock", "xstocks", "commodity", "forex"))
    assert kinds["LinearPerpetual", "USDC", ""] == 40
    assert kinds["LinearFutures", "USDT", ""] == kinds["LinearFutures", "USDC", ""] == 12
    bases = {row["symbol"]: row["baseCoin"] for row in rows}
    assert bases["1000PEPEUSDT"] == "1000PEPE"
    assert bases["SHIB1000USDT"] == "SHIB1000"
    assert (bases["BTCPERP"], bases["BTCUSDT-25DEC26"], bases["BTC-25DEC26"]) == ("BTC", "BTC", "BTC")


@pytest.mark.parametrize(("query", "first"), [({}, 500), ({"limit": 100}, 100), ({"limit": 1000}, 724)])
async def test_linear_comes_by_pages_of_500_or_of_what_is_asked(
    sim: Simulated, query: dict[str, int], first: int
) -> None:
    result = (await get(sim, "instruments-info", category="linear", **query))["result"]
    assert len(result["list"]) == first
    assert bool(result["nextPageCursor"]) == (first < 724)
    names = [row["symbol"] for row in await linear_rows(sim, **query)]
    assert len(names) == len(set(names)) == 724


async def test_what_does_not_trade_is_listed_only_when_asked_for(sim: Simulated) -> None:
    assert {row["status"] for row in await linear_rows(sim)} == {"Trading"}
    early = await linear_rows(sim, status="PreLaunch")
    assert [(row["status"], row["isPreListing"]) for row in early] == [("PreLaunch", True)] * 3
    assert len(await linear_rows(sim, status="Closed")) == 200
    assert len(await linear_rows(sim, status="Delivering")) == 2


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("instruments-info", {"category": "nope"}),
        ("instruments-info", {}),
        ("instruments-info", {"category": "linear", "limit": "x"}),
        ("instruments-info", {"category": "linear", "cursor": "nope"}),
        ("instruments-info", {"category": "spot", "symbol": "NOPEUSDT"}),
        ("recent-trade", {"category": "spot", "symbol": "NOPEUSDT"}),
        ("recent-trade", {"category": "linear", "symbol": "BTCUSDT", "limit": "0"}),
        ("recent-trade", {"symbol": "BTCUSDT"}),
    ],
)
async def test_a_bad_query_is_answered_with_200_and_a_code(sim: Simulated, path: str, query: dict[str, str]) -> None:
    body = await get(sim, path, **query)
    assert (body["retCode"], body["result"]) == (10001, {})


async def test_a_listing_and_a_delisting_show_in_the_list(sim: Simulated) -> None:
    await sim.post("/universe", exchange="bybit", market="futures", list=[{"base": "FRESH"}], delist=["ETHUSDT"])
    names = {row["symbol"] for row in await linear_rows(sim)}
    assert "FRESHUSDT" in names
    assert "ETHUSDT" not in names


# Back-fill


async def test_the_newest_trades_over_rest_are_those_of_the_socket_with_texts_for_numbers(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", "futures", "BTCUSDT", 5)
        rows = (await receive(socket))["data"]
    result = (await get(sim, "recent-trade", category="linear", symbol="BTCUSDT", limit=5))["result"]
    assert result["category"] == "linear"
    assert result["list"] == [
        {
            "execId": row["i"], "symbol": "BTCUSDT", "price": row["p"], "size": row["v"], "side": row["S"],
            "time": str(row["T"]), "isBlockTrade": row["BT"], "isRPITrade": row["RPI"], "seq": str(row["seq"]),
        }
        for row in reversed(rows)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("market", "limit", "count"),
    [("spot", None, 60), ("spot", 1000, 60), ("spot", 7, 7), ("futures", None, 500), ("futures", 5000, 1000)],
)
async def test_rest_shows_60_rows_of_spot_and_1000_of_linear(
    sim: Simulated, market: str, limit: int | None, count: int
) -> None:
    await sim.trade("bybit", market, "BTCUSDT", 1100)
    await sim.until(lambda state: state["markets"][f"bybit.{market}"]["serial"] >= 1100)
    query: dict[str, str | int] = {"category": "spot" if market == "spot" else "linear", "symbol": "BTCUSDT"}
    rows = (await get(sim, "recent-trade", **query, **({} if limit is None else {"limit": limit})))["result"]["list"]
    times = [int(row["time"]) for row in rows]
    assert len(rows) == count
    assert times == sorted(times, reverse=True)
