"""ccxt, which read the exchanges' documents by itself, lists the simulator's markets and watches the ledger's trades.

Only ccxt's base addresses are changed. Prices, amounts, sides, times and ids have to be those of the ledger, for 500
trades of each of the twelve markets. Where ccxt departs from them (lines of ccxt 4.5.64, in `ccxt/`):

| exchange | source in ccxt | why the test does something about it |
|---|---|---|
| KuCoin | `pro/kucoin.py:278` | It subscribes as soon as the socket is open; the documents say: after the welcome. |
| | | The test opens the socket and lets the welcome come. |
| KuCoin, | `async_support/kucoin.py:6702`, `:6826` | It takes ns to ms in binary fractions, and just before a full ms |
| Phemex | `async_support/phemex.py:1864` | gets the next one. The ms may be that of an instant 0.5 µs away. |
| OKX | `async_support/okx.py:1851` | A contract's size is `ctVal` without `ctMult`. The test multiplies by it. |
| Gate, | `async_support/gate.py:1347` | It asks for margin pairs and for an older list of products too, |
| Phemex | `async_support/phemex.py:1059` | whatever its options say. The answer is nothing. |
| all | `async_support/base/ws/client.py:118` | It empties aiohttp's buffer by itself, and reads no more once so much |
| | | waited that aiohttp paused. Trades are made a few at a time. |

This is no departure: ccxt's times are whole ms of the ledger's ns; Phemex has no ids, ccxt sorts a frame by ms;
the amounts of OKX, KuCoin and Gate futures are contracts, coins when multiplied by the market's `contractSize`; OKX's
channel `trades` has one row for the fills of a taker order: the id of the last, `count`, and the sum of the amounts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.conformance.ccxt_clients import DECLARED, MARKETS, SYMBOLS, multiplier_left_out, part, witness
from tests.simulator.testing import CEILING, Simulated, simulator

Row = tuple[str | None, Decimal, Decimal, str, int]
"""Id, price, amount in the venue's unit, side, time in ms."""

TRADES = 500
AT_ONCE = 25
ROUNDING = 500
"""Nanoseconds from a full ms within which a time that ccxt has divided may be the ms on the other side."""
DIVIDED = ("kucoin", "phemex")


@asynccontextmanager
async def beside(market: str) -> AsyncIterator[tuple[Simulated, Any]]:
    """A simulator with one busy symbol, and ccxt's client of one of its markets."""
    exchange, kind = market.split(".")
    only = market if exchange in {"binance", "kucoin"} else exchange
    async with simulator(symbols=1, only=[only]) as sim, witness(sim, exchange, kind) as client:
        yield sim, client


async def ledger(sim: Simulated, market: str, name: str) -> list[dict[str, Any]]:
    """The trades of one instrument; aggregates are another view of them."""
    kind = market.split(".")[1]
    rows = [row for row in await sim.records() if (row["market"], row["instrument"]) == (kind, name)]
    return [row for row in rows if "aggregate" not in row]


async def instruments(sim: Simulated, market: str) -> dict[str, dict[str, Any]]:
    """The ledger's lines of a market's list, by name."""
    kind = market.split(".")[1]
    return {row["instrument"]: row for row in await sim.records("instrument") if row["market"] == kind}


async def produce(sim: Simulated, client: Any, market: str) -> list[dict[str, Any]]:
    """Lets a symbol trade, a few trades at a time as ccxt takes them; the instrument's whole ledger."""
    exchange, kind = market.split(".")
    name = client.market(SYMBOLS[kind])["id"]
    for _ in range(TRADES // AT_ONCE):
        before = len(kept(client, kind))
        await sim.trade(exchange, kind, name, AT_ONCE)
        await taken(client, kind, partial(longer, before))
    return await ledger(sim, market, name)


def longer(before: int, rows: list[dict[str, Any]]) -> bool:
    """Whether more is kept than before."""
    return len(rows) > before


def kept(client: Any, kind: str) -> list[dict[str, Any]]:
    """The trades that ccxt keeps."""
    return list(client.trades.get(SYMBOLS[kind], []))


async def taken(client: Any, kind: str, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Waits until what ccxt keeps is as wanted, and answers it."""
    async with asyncio.timeout(CEILING):
        while not holds(rows := kept(client, kind)):  # noqa: ASYNC110 - ccxt keeps them without a word
            await asyncio.sleep(0.005)
    return rows


def live(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trades since the start."""
    return [row for row in rows if not row["snapshot_only"]]


async def told(sim: Simulated, client: Any, market: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What ccxt tells of a symbol, and the instrument's ledger.

    A call of `watch_trades` waits for the next update, and what came between two calls comes with it. After the last
    trade there is no next one, so the end is taken from where ccxt keeps them, `trades`; the calls told its beginning.
    """
    kind = market.split(".")[1]
    told_by_calls: list[dict[str, Any]] = []

    async def watch() -> None:
        while True:
            told_by_calls.extend(await client.watch_trades(SYMBOLS[kind]))

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await sim.until(lambda state: state["markets"][market]["subscriptions"])
        fills = await produce(sim, client, market)
        rows = await taken(client, kind, lambda rows: complete(rows, fills))
        watching.cancel()
    assert told_by_calls
    assert told_by_calls == rows[: len(told_by_calls)]
    return rows, fills


def complete(rows: list[dict[str, Any]], fills: list[dict[str, Any]]) -> bool:
    """Whether the last fill has come; where there are no ids, whether so many have."""
    last = fills[-1]["id"]
    return len(rows) >= len(fills) if last is None else bool(rows) and rows[-1]["id"] == last


def as_ccxt(row: dict[str, Any]) -> Row:
    return row["id"], Decimal(row["price"]), Decimal(row["amount"]), row["side"], row["timestamp"]


def as_ledger(row: dict[str, Any], instrument: dict[str, Any]) -> Row:
    price = Decimal(row["price"]).scaleb(-(instrument["price_scale"] or 0))
    size = Decimal(row["size"]).scaleb(-(instrument["quantity_scale"] or 0))
    return row["id"], price, size, row["side"], row["time"] // 10**6


def grouped(fills: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """OKX's fills joined as `count` says, with the id and time of the last; each live one exactly once."""
    by_id = {int(fill["id"]): fill for fill in fills}
    joined = []
    for row in rows:
        last, count = int(row["id"]), int(row["info"]["count"])
        parts = [by_id.pop(number) for number in range(last - count + 1, last + 1)]
        assert len({(part["price"], part["side"]) for part in parts}) == 1
        joined.append({**parts[-1], "size": sum(Decimal(part["size"]) for part in parts)})
    assert not live(list(by_id.values()))
    return joined


def owed(fills: list[dict[str, Any]], rows: list[dict[str, Any]], market: str) -> list[dict[str, Any]]:
    """The ledger's rows as a subscription shows them: Phemex with those from before, OKX in groups."""
    exchange, _ = market.split(".")
    if exchange == "okx":
        return grouped(fills, rows)
    return fills if exchange == "phemex" else live(fills)


def near(time: int, milliseconds: int) -> bool:
    """Whether a time in ns, give or take what a division in binary fractions costs, is in this ms."""
    return milliseconds in {(time - ROUNDING) // 10**6, (time + ROUNDING) // 10**6}


@pytest.mark.parametrize("market", MARKETS)
async def test_ccxt_watches_the_ledgers_trades(market: str) -> None:
    exchange, kind = market.split(".")
    async with beside(market) as (sim, client):
        rows, fills = await told(sim, client, market)
        listed = client.market(SYMBOLS[kind])
        instrument = (await instruments(sim, market))[listed["id"]]
    wanted = owed(fills, rows, market)
    assert len(live(fills)) >= TRADES
    if exchange == "phemex":  # without ids, and by ms, trades of one ms have no order
        rows.sort(key=lambda row: as_ccxt(row)[1:])
        wanted.sort(key=lambda fill: (*as_ledger(fill, instrument)[1:4], fill["time"]))
    for row, fill in zip(rows, wanted, strict=True):
        got, want = as_ccxt(row), as_ledger(fill, instrument)
        assert got[:4] == want[:4]
        assert got[4] == want[4] or (exchange in DIVIDED and near(fill["time"], got[4]))
        assert Decimal(row["amount"]) * Decimal(listed["contractSize"] or 1) == want[2] * Decimal(
            instrument["multiplier"] or 1
        )


@pytest.mark.parametrize("market", MARKETS)
async def test_ccxt_lists_the_simulators_instruments(market: str) -> None:
    exchange, kind = market.split(".")
    async with beside(market) as (sim, client):
        listed = {row["id"]: row for row in client.markets.values() if part(exchange, row["info"], kind)}
        lines = await instruments(sim, market)
    assert set(listed) == {name for name, line in lines.items() if DECLARED[exchange](line["row"], kind)}
    for name, row in listed.items():
        if kind == "futures" and row["linear"] and row["settle"] == "USDT":
            left_out = multiplier_left_out(exchange, lines[name]["row"])
            assert Decimal(row["contractSize"]) * left_out == Decimal(lines[name]["multiplier"] or 1)
