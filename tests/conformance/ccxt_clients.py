"""ccxt's streaming clients with the simulator's addresses in place of the exchanges' own.

What ccxt would ask beyond the lists and trades of the reference is switched off by its own options: currencies, fees
and the lists of other kinds of market. Two calls have no such option and are answered here with nothing (`UNSERVED`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.pro

from tests.simulator.testing import CEILING, Simulated

MARKETS = [
    f"{exchange}.{market}"
    for exchange in ("binance", "bybit", "okx", "kucoin", "gate", "phemex")
    for market in ("spot", "futures")
]
"""The twelve markets, as the simulator's state names them."""

SYMBOLS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}
"""ccxt's own names of the busiest pair, the same for every exchange."""

TYPES = {
    "binance": {"spot": "spot", "futures": "linear"},
    "bybit": {"spot": "spot", "futures": "linear"},
    "okx": {"spot": "spot", "futures": "swap"},
    "kucoin": {"spot": "spot", "futures": "swap"},
    "gate": {"spot": "spot", "futures": "swap"},
    "phemex": {"spot": "spot", "futures": "swap"},
}
"""ccxt's words for a kind of market in its option `fetchMarkets`."""

KEPT = 10_000
"""Trades of a symbol that ccxt keeps; it forgets older ones."""

UNSERVED = {"gate": "publicMarginGetCurrencyPairs", "phemex": "v1GetExchangePublicProducts"}
"""Calls that `fetch_markets` makes whatever the options say, to addresses that say nothing of trades."""


Declared = Callable[[dict[str, Any], str], bool]

DECLARED: dict[str, Declared] = {
    **dict.fromkeys(TYPES, lambda row, market: True),
    "bybit": lambda row, market: row["status"] in ({"Trading", "PreLaunch"} if market == "futures" else {"Trading"}),
}
"""Which rows of a market's list ccxt asks for; Bybit's list has others, by `status`, that it does not ask for."""


def part(exchange: str, row: dict[str, Any], market: str) -> bool:
    """Whether a row that ccxt was given is of this market: Phemex has one list for all, older contracts too."""
    return exchange != "phemex" or row["type"] == {"spot": "Spot", "futures": "PerpetualV2"}[market]


def multiplier_left_out(exchange: str, row: dict[str, Any]) -> Decimal:
    """What ccxt leaves out of the size of a contract."""
    return Decimal(row["ctMult"] or 1) if exchange == "okx" else Decimal(1)


def addresses(exchange: str, rest: str, socket: str) -> dict[str, Any]:
    """The part of ccxt's `urls["api"]` that is used here; the paths are those of ccxt's defaults."""
    if exchange == "binance":
        sockets = {"spot": f"{socket}/ws", "future": f"{socket}/ws"}
        return {"public": f"{rest}/api/v3", "fapiPublic": f"{rest}/fapi/v1", "ws": sockets}
    if exchange == "bybit":
        paths = {name: f"{socket}/v5/public/{name}" for name in ("spot", "linear")}
        return {"public": rest, "ws": {"public": paths}}
    if exchange == "okx":
        return {"rest": rest, "ws": f"{socket}/ws/v5"}
    if exchange == "kucoin":
        return {"public": rest, "futuresPublic": rest}
    if exchange == "gate":
        public = dict.fromkeys(("spot", "futures"), f"{rest}/api/v4")
        return {"public": public, "spot": f"{socket}/ws/v4/", "swap": {"usdt": f"{socket}/v4/ws/usdt"}}
    return {"v2": rest, "ws": socket}


async def nothing(params: object = None) -> dict[str, Any]:
    """The answer to a call that the simulator has no part in."""
    return {}


@asynccontextmanager
async def witness(sim: Simulated, exchange: str, market: str) -> AsyncIterator[Any]:
    """A ccxt client of one market that knows its list; numbers are text, as ccxt documents it."""
    lists = {"types": [TYPES[exchange][market]], "fetchTickersFees": False}
    client = getattr(ccxt.pro, exchange)({"options": {"fetchMarkets": lists, "tradesLimit": KEPT}})
    client.number = str
    client.has["fetchCurrencies"] = False
    client.urls["api"] = addresses(exchange, sim.rest(exchange, market), sim.websocket(exchange, market))
    if exchange in UNSERVED:
        setattr(client, UNSERVED[exchange], nothing)
    if exchange == "gate":
        client.options["swap"]["fetchMarkets"]["settlementCurrencies"] = ["usdt"]
    try:
        await client.load_markets()
        if exchange == "kucoin":
            await welcomed(client, futures=market == "futures")
        yield client
    finally:
        await client.close()


async def welcomed(client: Any, *, futures: bool) -> None:
    """Opens KuCoin's socket and lets the welcome come, which ccxt hears but does not wait for."""
    heard = asyncio.Event()

    def hear(socket: object, message: object) -> object:
        heard.set()
        return message

    client.handle_system_status = hear
    await client.client(await client.negotiate(privateChannel=False, isFuturesMethod=futures)).connect(client.session)
    await asyncio.wait_for(heard.wait(), CEILING)
