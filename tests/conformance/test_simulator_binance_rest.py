"""The simulated Binance REST against sections 2.1, 2.6, 3.1 and 3.5 of the reference."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import client
from tests.simulator.testing import Simulated, simulator

BINANCE = ["binance.spot", "binance.futures"]
SPOT, FUTURES = "/api/v3", "/fapi/v1"


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=BINANCE) as running:
        yield running


async def get(
    sim: Simulated, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, JSON body and headers."""
    market = "spot" if path.startswith(SPOT) else "futures"
    async with sim.http.get(sim.rest("binance", market) + path, headers=headers) as reply:
        return reply.status, await reply.json(content_type=None), reply.headers


async def test_the_spot_list_has_its_real_size_and_statuses(sim: Simulated) -> None:
    status, body, headers = await get(sim, "/api/v3/exchangeInfo")
    counts = Counter((row["status"], row["quoteAsset"]) for row in body["symbols"])
    assert status == 200
    assert len(body["symbols"]) > 2900
    assert counts["TRADING", "USDT"] > 400
    assert sum(count for (state, _), count in counts.items() if state == "BREAK") > 1000
    assert {"BTC", "EUR", "FDUSD", "TRY", "USDC"} <= {quote for _, quote in counts}
    assert headers["X-MBX-USED-WEIGHT-1M"] == "20"


async def test_the_futures_list_has_all_kinds_of_contracts(sim: Simulated) -> None:
    _, body, headers = await get(sim, "/fapi/v1/exchangeInfo")
    rows = {row["symbol"]: row for row in body["symbols"]}
    counts = Counter((row["contractType"], row["status"], row["quoteAsset"]) for row in rows.values())
    assert len(rows) == len(body["symbols"]) > 590
    assert counts["PERPETUAL", "TRADING", "USDT"] > 490
    for kind in [
        ("PERPETUAL", "TRADING", "USDC"),
        ("PERPETUAL", "SETTLING", "USDT"),
        ("PERPETUAL", "PENDING_TRADING", "USDT"),
        ("CURRENT_QUARTER", "TRADING", "USDT"),
        ("TRADIFI_PERPETUAL", "TRADING", "USDT"),
        ("", "PENDING_TRADING", "USDT"),
    ]:
        assert counts[kind] > 0, kind
    assert {"1000PEPEUSDT", "1000000MOGUSDT", "1INCHUSDT", "币安人生USDT"} <= set(rows)
    assert rows["BTCUSDT"]["pricePrecision"] == 2
    assert rows["BTCUSDT"]["filters"][0]["tickSize"] == "0.10"
    assert headers["X-MBX-USED-WEIGHT-1M"] == "1"


async def test_the_same_seed_makes_the_same_universe() -> None:
    lists = []
    for seed in (3, 3, 4):
        async with simulator(only=BINANCE, seed=seed) as sim:
            lists.append((await get(sim, "/fapi/v1/exchangeInfo"))[1]["symbols"])
    assert lists[0] == lists[1]
    assert lists[0] != lists[2]


async def test_one_or_some_symbols_can_be_asked_for(sim: Simulated) -> None:
    _, one, _ = await get(sim, "/api/v3/exchangeInfo?symbol=BTCUSDT")
    _, two, _ = await get(sim, '/api/v3/exchangeInfo?symbols=["BTCUSDT","ETHUSDT"]')
    assert [row["symbol"] for row in one["symbols"]] == ["BTCUSDT"]
    assert [row["symbol"] for row in two["symbols"]] == ["BTCUSDT", "ETHUSDT"]


async def test_the_list_can_be_filtered(sim: Simulated) -> None:
    _, halted, _ = await get(sim, "/api/v3/exchangeInfo?symbolStatus=HALT")
    _, lean, _ = await get(sim, "/api/v3/exchangeInfo?showPermissionSets=false")
    _, margin, _ = await get(sim, "/api/v3/exchangeInfo?permissions=MARGIN")
    assert {row["status"] for row in halted["symbols"]} == {"HALT"}
    assert not any("permissionSets" in row for row in lean["symbols"])
    assert all("MARGIN" in row["permissionSets"][0] for row in margin["symbols"])


async def test_a_filter_cannot_be_joined_with_symbols(sim: Simulated) -> None:
    status, body, _ = await get(sim, "/api/v3/exchangeInfo?symbol=BTCUSDT&symbolStatus=TRADING")
    assert (status, body["code"]) == (400, -1128)


@pytest.mark.parametrize("path", [f"{SPOT}/trades", f"{SPOT}/exchangeInfo", f"{SPOT}/aggTrades", f"{FUTURES}/trades"])
async def test_a_bad_symbol_is_refused(sim: Simulated, path: str) -> None:
    status, body, _ = await get(sim, path + "?symbol=NOPEUSDT")
    assert (status, body) == (400, {"code": -1121, "msg": "Invalid symbol."})


async def test_the_newest_trades_come_ascending(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT", 5)
    await sim.trade("binance", "spot", "BTCUSDT", price="80227.01", size="0.00042", side="sell")
    _, rows, headers = await get(sim, "/api/v3/trades?symbol=BTCUSDT&limit=3")
    assert [row["id"] for row in rows] == list(range(rows[0]["id"], rows[0]["id"] + 3))
    assert rows[-1] == {
        "id": rows[-1]["id"], "price": "80227.01000000", "qty": "0.00042000", "quoteQty": "33.69534420",
        "time": rows[-1]["time"], "isBuyerMaker": True, "isBestMatch": True,
    }  # fmt: skip
    assert headers["X-MBX-USED-WEIGHT-1M"] == "25"


async def test_historical_trades_page_from_an_id_inclusive(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT", 10)
    ids = [int(row["id"]) for row in await sim.records() if row["instrument"] == "BTCUSDT" and "aggregate" not in row]
    _, rows, _ = await get(sim, f"/api/v3/historicalTrades?symbol=BTCUSDT&fromId={ids[-6]}&limit=4")
    assert [row["id"] for row in rows] == ids[-6:-2]


async def test_futures_historical_trades_need_a_key(sim: Simulated) -> None:
    await sim.trade("binance", "futures", "BTCUSDT")
    refused, body, _ = await get(sim, "/fapi/v1/historicalTrades?symbol=BTCUSDT")
    granted, rows, _ = await get(sim, "/fapi/v1/historicalTrades?symbol=BTCUSDT", {"X-MBX-APIKEY": "any"})
    assert (refused, body["code"], granted) == (401, -2014, 200)
    assert rows[-1]["isRPITrade"] is False


async def test_futures_history_leaves_insurance_adl_and_no_trade_out(sim: Simulated) -> None:
    for kind in ("insurance", "adl", "NA", ""):
        await sim.trade("binance", "futures", "BTCUSDT", kind=kind)
    _, rows, headers = await get(sim, "/fapi/v1/trades?symbol=BTCUSDT&limit=2")
    assert rows[1]["id"] - rows[0]["id"] == 4
    assert headers["X-MBX-USED-WEIGHT-1M"] == "5"


@pytest.mark.parametrize(("path", "keys"), [(SPOT, "apqflTmM"), (FUTURES, "apqflTm")])
async def test_aggregates_page_by_id_and_by_time(sim: Simulated, path: str, keys: str) -> None:
    market = "spot" if path == SPOT else "futures"
    for side in ("buy", "sell", "buy", "sell"):
        await sim.trade("binance", market, "BTCUSDT", 2, price="80000.0", size="0.002", side=side)
    _, rows, _ = await get(sim, f"{path}/aggTrades?symbol=BTCUSDT&limit=3")
    _, by_id, _ = await get(sim, f"{path}/aggTrades?symbol=BTCUSDT&fromId={rows[1]['a']}&limit=2")
    _, by_time, _ = await get(sim, f"{path}/aggTrades?symbol=BTCUSDT&startTime={rows[0]['T']}&endTime={rows[2]['T']}")
    assert [list(row) for row in rows] == [list(keys)] * 3
    assert [row["l"] - row["f"] for row in rows] == [1, 1, 1]
    assert by_id == rows[1:]
    assert [row for row in by_time if row in rows] == rows


async def test_futures_aggregates_span_an_hour_at_most(sim: Simulated) -> None:
    status, body, _ = await get(sim, "/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1000000&endTime=4600001")
    assert (status, body["code"]) == (400, -1127)


async def test_the_body_is_gzipped_only_when_asked(sim: Simulated) -> None:
    url = sim.rest("binance", "futures") + "/fapi/v1/exchangeInfo"
    async with sim.http.get(url, headers={"Accept-Encoding": "identity"}) as plain:
        assert "Content-Encoding" not in plain.headers
        whole = await plain.read()
    async with sim.http.get(url, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert int(packed.headers["Content-Length"]) < len(whole) / 5
        assert json.loads(await packed.read())["symbols"] == json.loads(whole)["symbols"]


async def test_too_much_weight_is_429_and_ignoring_it_is_418(sim: Simulated) -> None:
    path = "/fapi/v1/aggTrades?symbol=BTCUSDT"
    seen: list[int] = []
    for _ in range(400):  # 2400 a minute at 20 each; a full minute may pass in between
        status, body, headers = await get(sim, path)
        seen.append(status)
        if status != 200:
            assert body["code"] == -1003
            assert int(headers["Retry-After"]) >= 1
        if status == 418:
            break
    assert seen.count(200) >= 120
    assert seen[-4:] == [429, 429, 429, 418]
    with pytest.raises(InvalidStatus) as refused:
        async with client(sim.websocket("binance", "futures") + "/public/ws"):
            pass
    assert refused.value.response.status_code == 418


async def test_the_ban_of_an_address_ends() -> None:
    async with simulator(only=BINANCE, divide_timers=400) as sim:  # a ban of 2 minutes lasts 0.3 s
        url = sim.websocket("binance", "futures") + "/public/ws"
        for _ in range(400):
            if (await get(sim, "/fapi/v1/aggTrades?symbol=BTCUSDT"))[0] == 418:
                break
        with pytest.raises(InvalidStatus):
            async with client(url):
                pass
        async with asyncio.timeout(5):
            while (await get(sim, "/fapi/v1/ping"))[0] == 418:  # noqa: ASYNC110 - the ban's end shows nowhere else
                await asyncio.sleep(0.02)
        async with client(url):
            pass
