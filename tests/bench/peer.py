"""A peer's own client on the bench's frames, without any sink: its trades are counted and dropped.

``python -m tests.bench.peer ccxt|cryptofeed --port P --symbols N RUN …`` runs in an environment of the lock
``requirements/peers.txt`` and imports nothing of the product. For each RUN, a number of trades, it prints
``{"trades":N,"ages":[…]}`` once they were handed over: ages in ns, from the exchange time to that moment.

Base addresses are the bench's. Two things more are changed: cryptofeed takes no address but of TLS, so its `connect` is
given the plain one; ccxt would ask for other lists than that of the market.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from tests.bench.frames import exact, names

_AT_ONCE = 200
"""Symbols that both clients put on one connection."""


class Count:
    """Counts trades, and tells of each run when it is over."""

    def __init__(self, runs: Sequence[int]) -> None:
        self._runs = list(runs)
        self._ages: list[int] = []
        self.over = asyncio.Event()

    def take(self, time_ms: float, quantity: str) -> None:
        """Note one trade."""
        self._ages.append(time.time_ns() - exact(round(time_ms) * 1_000_000, quantity))
        if len(self._ages) == self._runs[0]:
            print(json.dumps({"trades": self._runs.pop(0), "ages": self._ages}), flush=True)
            self._ages = []
            if not self._runs:
                self.over.set()


async def ccxt_pro(port: int, symbols: Sequence[str], count: Count) -> None:
    """Watch with ccxt pro until the last run is over."""
    import ccxt.pro  # only one of the two is imported: what the other takes is not this one's

    class Client(ccxt.pro.binance):  # type: ignore[misc]  # without types
        def handle_trade(self, client: Any, message: dict[str, Any]) -> None:
            super().handle_trade(client, message)
            trade = self.trades[self.safe_market(message["s"], None, None, "spot")["symbol"]][-1]
            count.take(trade["timestamp"], trade["amount"])

    client = Client({"options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}})
    client.number = str
    client.has["fetchCurrencies"] = False
    sockets = {"spot": f"ws://127.0.0.1:{port}/ws"}
    client.urls["api"] = {"public": f"http://127.0.0.1:{port}/api/v3", "ws": sockets}
    await client.load_markets()

    async def watch(chosen: Sequence[str]) -> None:
        while True:
            await client.watch_trades_for_symbols(list(chosen))

    unified = [client.markets_by_id[name][0]["symbol"] for name in symbols]
    parts = [unified[start : start + _AT_ONCE] for start in range(0, len(unified), _AT_ONCE)]
    watching = [asyncio.create_task(watch(part)) for part in parts]
    await count.over.wait()
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await client.close()


def cryptofeed(port: int, symbols: Sequence[str], count: Count) -> None:
    """Watch with cryptofeed's feed handler, its event loop of choice included."""
    import cryptofeed.connection
    from cryptofeed import FeedHandler
    from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
    from cryptofeed.defines import TRADES
    from cryptofeed.exchanges import Binance

    plain = cryptofeed.connection.connect
    cryptofeed.connection.connect = lambda address, **how: plain(address.replace("wss:", "ws:", 1), **how)
    Binance.rest_endpoints = [RestEndpoint(f"http://127.0.0.1:{port}", routes=Routes("/api/v3/exchangeInfo"))]
    Binance.websocket_endpoints = [WebsocketEndpoint(f"wss://127.0.0.1:{port}")]
    handler = FeedHandler(config={"log": {"disabled": True}, "uvloop": True})
    asyncio.set_event_loop(asyncio.new_event_loop())  # by its policy; it looks for one that older versions made

    async def take(trade: Any, received: float) -> None:
        count.take(trade.timestamp * 1000, str(trade.amount))
        if count.over.is_set():
            raise SystemExit

    unified = [f"{name.removesuffix('USDT')}-USDT" for name in symbols]
    handler.add_feed(Binance(symbols=unified, channels=[TRADES], callbacks={TRADES: take}))
    handler.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A peer's client, for the bench.")
    parser.add_argument("client", choices=("ccxt", "cryptofeed"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("runs", type=int, nargs="+", metavar="RUN")
    options = parser.parse_args()
    counted, watched = Count(options.runs), names(options.symbols)
    if options.client == "ccxt":
        asyncio.run(ccxt_pro(options.port, watched, counted))
    else:
        cryptofeed(options.port, watched, counted)
