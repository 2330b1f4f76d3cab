"""The ledger says which trades a REST reply held, and which it could have; the fault `rest_lag` hides young ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulator.testing import Simulated, simulator

VENUES = [
    ("binance.spot", "binance", "spot", "BTCUSDT", "/api/v3/trades?symbol=BTCUSDT&limit=3"),
    ("binance.spot", "binance", "spot", "BTCUSDT", "/api/v3/historicalTrades?symbol=BTCUSDT&limit=3"),
    ("binance.futures", "binance", "futures", "BTCUSDT", "/fapi/v1/trades?symbol=BTCUSDT&limit=3"),
    ("okx", "okx", "spot", "BTC-USDT", "/api/v5/market/trades?instId=BTC-USDT&limit=3"),
    ("okx", "okx", "futures", "BTC-USDT-SWAP", "/api/v5/market/history-trades?instId=BTC-USDT-SWAP&limit=3"),
    ("bybit", "bybit", "futures", "BTCUSDT", "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=3"),
    ("bybit", "bybit", "spot", "BTCUSDT", "/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=3"),
    ("gate", "gate", "spot", "BTC_USDT", "/api/v4/spot/trades?currency_pair=BTC_USDT&limit=3"),
    ("gate", "gate", "futures", "BTC_USDT", "/api/v4/futures/usdt/trades?contract=BTC_USDT&limit=3"),
    ("upbit", "upbit", "spot", "KRW-BTC", "/v1/trades/ticks?market=KRW-BTC&count=3"),
]
"""Port, market, instrument, and a request for three rows."""
WHOLE = [
    ("kucoin.spot", "kucoin", "spot", "BTC-USDT", "/api/v1/market/histories?symbol=BTC-USDT"),
    ("kucoin.futures", "kucoin", "futures", "XBTUSDTM", "/api/v1/trade/history?symbol=XBTUSDTM"),
    ("phemex", "phemex", "spot", "sBTCUSDT", "/md/trade?symbol=sBTCUSDT"),
    ("phemex", "phemex", "futures", "BTCUSDT", "/md/v2/trade?symbol=BTCUSDT"),
]
"""Those whose requests always give what there is."""
MADE = 12


async def get(sim: Simulated, exchange: str, market: str, path: str) -> str:
    async with sim.http.get(sim.rest(exchange, market) + path) as reply:
        assert reply.status == 200
        return await reply.text()


async def told(sim: Simulated, market: str, instrument: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last REST line of an instrument, and its fills in the order in which the line counts them."""
    (*_, line) = [r for r in await sim.records("rest") if (r["market"], r["instrument"]) == (market, instrument)]
    fills = [
        record
        for record in await sim.records()
        if (record["market"], record["instrument"]) == (market, instrument) and "aggregate" not in record
    ]
    return line, fills


def places(ranges: list[list[int]]) -> list[int]:
    return [row for first, last in ranges for row in range(first, last + 1)]


@pytest.mark.parametrize(("port", "exchange", "market", "instrument", "path"), [*VENUES, *WHOLE])
async def test_a_reply_is_in_the_ledger_by_the_places_of_its_trades(
    port: str, exchange: str, market: str, instrument: str, path: str
) -> None:
    async with simulator(only=[port], history=0) as sim:
        await get(sim, exchange, market, path)  # what was traded before the start is made now
        before = len((await told(sim, market, instrument))[1])
        await sim.trade(exchange, market, instrument, MADE, kind="rpi" if exchange == "binance" else None)
        await sim.until(lambda state: state["markets"][f"{exchange}.{market}"]["serial"] >= before + MADE)
        body = await get(sim, exchange, market, path)
        line, fills = await told(sim, market, instrument)
    shown = [fills[row] for row in places(line["rows"])]
    assert len(shown) == (3 if "=3" in path else before + MADE)
    assert line["aggregates"] is False
    assert len(places(line["held"])) == before + MADE
    assert places(line["held"])[-1] == places(line["rows"])[-1]
    for row in shown:
        native = row["id"] if row["id"] is not None else str(row["time"])
        assert native in body
    others = [row for row in fills if row not in shown]
    assert not any(row["id"] is not None and f'"{row["id"]}"' in body for row in others)


async def test_what_rest_never_shows_is_in_no_line(tmp_path: Any) -> None:
    async with simulator(only=["binance.futures"]) as sim:
        await sim.trade("binance", "futures", "BTCUSDT", 2, kind="rpi")
        await sim.trade("binance", "futures", "BTCUSDT", 1, kind="adl")
        await sim.trade("binance", "futures", "BTCUSDT", 2, kind="rpi")
        await get(sim, "binance", "futures", "/fapi/v1/trades?symbol=BTCUSDT")
        line, fills = await told(sim, "futures", "BTCUSDT")
    (adl,) = [number for number, fill in enumerate(fills) if fill["kind"] == "adl"]
    assert adl not in places(line["rows"])
    assert adl not in places(line["held"])
    assert {adl - 1, adl + 1} <= set(places(line["rows"]))


async def test_aggregates_are_counted_apart() -> None:
    async with simulator(only=["binance.futures"]) as sim:
        for price in ("80000.1", "80000.2", "80000.3"):
            await sim.trade("binance", "futures", "BTCUSDT", 2, price=price, side="buy", kind=None)
        await sim.until(lambda state: state["markets"]["binance.futures"]["serial"] >= 8)
        await get(sim, "binance", "futures", "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1")
        (line,) = await sim.records("rest")
        aggregates = [record for record in await sim.records() if "aggregate" in record]
    assert line["aggregates"] is True
    assert len(places(line["rows"])) == 1
    assert places(line["held"])[-1] == places(line["rows"])[0] < len(aggregates)


@pytest.mark.parametrize(
    ("port", "exchange", "market", "instrument", "path"),
    [one for one in [*VENUES, *WHOLE] if one[2] == "spot"],
)
async def test_a_venue_whose_rest_lags_hides_young_trades(
    port: str, exchange: str, market: str, instrument: str, path: str
) -> None:
    async with simulator(only=[port], history=0) as sim:
        await get(sim, exchange, market, path)
        before = len((await told(sim, market, instrument))[1])
        await sim.trade(exchange, market, instrument, 2)
        await asyncio.sleep(0.6)
        await sim.fault("rest_lag", exchange=exchange, market=market, seconds=60, by=0.5)
        await sim.trade(exchange, market, instrument, 2)
        await sim.until(lambda state: state["markets"][f"{exchange}.{market}"]["serial"] >= before + 4)
        await get(sim, exchange, market, path)
        line, _ = await told(sim, market, instrument)
        (fault,) = (await sim.state())["faults"]
        await asyncio.sleep(0.6)
        await get(sim, exchange, market, path)
        later, _ = await told(sim, market, instrument)
    assert places(line["rows"])[-1] == places(line["held"])[-1] == before + 1
    assert fault["hits"] == 2
    assert places(later["rows"])[-1] == before + 3


async def test_what_is_too_old_to_be_kept_is_not_held_and_places_stay() -> None:
    async with simulator(only=["binance.spot"]) as sim:
        for _ in range(11):
            await sim.trade("binance", "spot", "BTCUSDT", 1000, kind="rpi")
        await get(sim, "binance", "spot", "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1")
        line, fills = await told(sim, "spot", "BTCUSDT")
    (first, last), *more = line["held"]
    assert not more
    assert last - first == 4999
    assert last == places(line["rows"])[0] == len(fills) - 1
