"""A source of Binance trade frames that is never the bottleneck.

``python -m tests.bench.source --symbols 500`` listens on a free port, prints ``{"port":N}`` and serves the instrument
list and one feed; each connection gets the symbols that it subscribed to last, by a frame or by its address. With
``--certificate FILE`` (PEM, certificate and key) all of it is behind TLS.

| request | does |
|---|---|
| ``/send?trades=N&rate=R`` | sends N trades, one a frame, at R a second (0: as fast as read), half on one symbol |
| ``/plan?seconds=S&rate=R&bursts=1`` | sends what :func:`tests.bench.figures.plan` says, whether it is read or not |
| ``/each`` | sends one trade of each symbol |
| ``/state`` | how many symbols are subscribed to, what the last order has sent, whether it is done, how late it was |

It is no simulator: it enforces nothing. Frames are put together from parts made beforehand.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tests.bench.figures import SLICE, behind, plan
from tests.bench.frames import Frames, names, taken

_FULL = 1 << 20


def listing(symbols: list[str]) -> bytes:
    """Return an instrument list of Binance's shape."""
    rows = [
        {
            "symbol": name,
            "status": "TRADING",
            "baseAsset": name.removesuffix("USDT"),
            "quoteAsset": "USDT",
            "isSpotTradingAllowed": True,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
            ],
        }
        for name in symbols
    ]
    return json.dumps({"timezone": "UTC", "symbols": rows}).encode()


@dataclass(slots=True)
class Sent:
    """What became of an order: how many trades, and by which part of its plan it was late at the end."""

    trades: int = 0
    behind: float = 0.0
    done: bool = False


class Source:
    """The server's state: who subscribed, and what was asked for."""

    def __init__(self, symbols: list[str], seed: int) -> None:
        self.listing = listing(symbols)
        # Ids go on from run to run, as a venue's do: nothing that is sent now was stored before.
        self.frames = Frames(symbols, seed, 1_000_000_000 + int(time.time()) % 8_000_000 * 1_000)
        self.sent = Sent(done=True)
        self._outs: dict[ServerConnection, list[str]] = {}
        self._sending: asyncio.Task[None] | None = None

    async def http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no WebSocket handshake."""
        url = urlsplit(request.path)
        query = {name: float(values[0]) for name, values in parse_qs(url.query).items() if url.path in _ORDERS}
        if url.path.endswith("/exchangeInfo"):
            return _reply(self.listing)
        if url.path == "/state":
            subscribed = sum(symbol.out is not None for symbol in self.frames.symbols.values())
            told = {"sent": self.sent.trades, "behind": self.sent.behind, "done": self.sent.done}
            return _reply(json.dumps({"subscribed": subscribed, **told}).encode())
        if url.path == "/each":
            self._write(self.frames.each(time.time_ns()))
            return _reply(b"{}")
        if url.path in _ORDERS:
            self.sent = Sent()
            work = self.keep(**query) if url.path == "/plan" else self.send(int(query["trades"]), query["rate"])
            self._sending = asyncio.create_task(work)
            return _reply(b"{}")
        return None

    async def feed(self, connection: ServerConnection) -> None:
        """Acknowledge subscriptions, whichever way they come."""
        out = self._outs[connection] = []
        assert connection.request is not None, "a handshake has been made"
        self._subscribe(out, parse_qs(urlsplit(connection.request.path).query).get("streams", [""])[0].split("/"))
        try:
            async for frame in connection:
                asked = json.loads(frame)
                self._subscribe(out, asked.get("params", ()))
                await connection.send(json.dumps({"result": None, "id": asked["id"]}))
        finally:
            del self._outs[connection]
            for symbol in self.frames.symbols.values():
                if symbol.out is out:
                    symbol.out = None

    def _subscribe(self, out: list[str], streams: list[str]) -> None:
        for stream in filter(None, streams):
            name, _, event = stream.partition("@")
            self.frames.symbols[name.upper()].subscribe(out, event)

    async def send(self, count: int, rate: float) -> None:
        """Write so many trades at that rate, or as fast as they are read."""
        start = time.monotonic()
        for batch in _batches(count, rate):
            self._write(self.frames.put(batch, time.time_ns()))
            if rate:
                await asyncio.sleep(max(0.0, start + self.sent.trades / rate - time.monotonic()))
            while any(one.transport.get_write_buffer_size() > _FULL for one in self._outs):  # noqa: ASYNC110 - a plain wait
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
        self.sent.done = True

    async def keep(self, seconds: float, rate: float, bursts: float = 0) -> None:
        """Write what a plan says when it says so; what nobody reads waits here, and ages."""
        start, due = time.monotonic(), 0.0
        for due, count in plan(seconds, rate, bursts=bool(bursts)):
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            self._write(self.frames.put(count, time.time_ns()))
        self.sent.behind = round(behind(due, time.monotonic() - start), 4)
        self.sent.done = True

    def _write(self, made: int) -> None:
        self.sent.trades += made
        for connection, out in self._outs.items():
            if out:
                connection.transport.write(taken(out))


_ORDERS = ("/send", "/plan")


def _batches(count: int, rate: float) -> Iterator[int]:
    size = max(1, int(rate * SLICE)) if rate else 500
    while count > 0:
        yield min(size, count)
        count -= size


def _reply(body: bytes) -> Response:
    headers = Headers(
        [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
    )
    return Response(200, "OK", headers, body)


async def _main(symbols: int, seed: int, certificate: str | None) -> None:
    source = Source(names(symbols), seed)
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    async with serve(
        source.feed, "127.0.0.1", 0, process_request=source.http, compression=None, ping_interval=None, ssl=tls
    ) as server:
        print(json.dumps({"port": next(iter(server.sockets)).getsockname()[1]}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fast source of Binance trade frames, for the bench.")
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--certificate", metavar="FILE", help="serve behind TLS with this")
    options = parser.parse_args()
    try:
        asyncio.run(_main(options.symbols, options.seed, options.certificate))
    except KeyboardInterrupt:
        sys.exit(0)
