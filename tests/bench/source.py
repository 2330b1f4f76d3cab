"""A source of Binance trade frames that is never the bottleneck.

``python -m tests.bench.source --symbols 500`` listens on a free port, prints ``{"port":N}`` and serves the instrument
list and one feed. ``POST /send?trades=N&rate=R`` sends N trades to the connection that subscribed, one a frame, at R a
second (0: as fast as they are read), half of them on one symbol, and answers when the last one is written.

It is no simulator: it enforces nothing. Frames are put together from halves made beforehand.
"""

import argparse
import asyncio
import json
import random
import struct
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

SLICE = 0.005  # seconds of a plan that are written at once


def names(count: int) -> list[str]:
    """Return that many native names."""
    return ["BTCUSDT", *(f"C{number:04d}USDT" for number in range(1, count))]


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


class Frames:
    """Makes WebSocket frames of consecutive trades."""

    def __init__(self, symbols: list[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._symbols = symbols
        self._next = {name: 1_000_000 + int(time.time()) % 1_000_000 * 1_000 for name in symbols}

    def take(self, count: int) -> bytes:
        """Return that many frames, one trade each, half of them of the first symbol."""
        now = int(time.time() * 1000)
        return b"".join(self._one(now) for _ in range(count))

    def _one(self, now: int) -> bytes:
        draw = self._random.random()
        name = self._symbols[0 if draw < 0.5 else int((draw - 0.5) * 2 * len(self._symbols))]
        trade = self._next[name] = self._next[name] + 1
        payload = (
            f'{{"stream":"{name.lower()}@trade","data":{{"e":"trade","E":{now},"s":"{name}","t":{trade},'
            f'"p":"80227.01000000","q":"0.000{trade % 90000 + 10000}","T":{now},"m":{"true" if trade & 1 else "false"},'
            '"M":true}}'
        ).encode()
        return struct.pack("!BBH", 0x81, 126, len(payload)) + payload


class Source:
    """The server's state: who subscribed, and what was asked for."""

    def __init__(self, symbols: list[str], seed: int) -> None:
        self.listing = listing(symbols)
        self.frames = Frames(symbols, seed)
        self.client: ServerConnection | None = None
        self.sending: asyncio.Task[None] | None = None

    async def http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no WebSocket handshake."""
        url = urlsplit(request.path)
        if url.path.endswith("/exchangeInfo"):
            return _reply(self.listing)
        if url.path == "/send":
            query = parse_qs(url.query)
            self.sending = asyncio.create_task(self.send(int(query["trades"][0]), float(query["rate"][0])))
            return _reply(b"{}")
        if url.path == "/sent":
            return _reply(json.dumps({"sent": self.sending is not None and self.sending.done()}).encode())
        return None

    async def feed(self, connection: ServerConnection) -> None:
        """Acknowledge subscriptions; the latest connection gets the trades."""
        async for frame in connection:
            self.client = connection
            await connection.send(json.dumps({"result": None, "id": json.loads(frame)["id"]}))

    async def send(self, count: int, rate: float) -> None:
        """Write so many trades at that rate, or as fast as they are read."""
        connection = self.client
        assert connection is not None, "somebody has subscribed"
        start = time.monotonic()
        sent = 0
        for batch in _batches(count, rate):
            connection.transport.write(self.frames.take(batch))
            sent += batch
            if rate:
                await asyncio.sleep(max(0.0, start + sent / rate - time.monotonic()))
            while connection.transport.get_write_buffer_size() > 1 << 20:  # noqa: ASYNC110 - a plain wait for room
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)


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


async def _main(symbols: int, seed: int) -> None:
    source = Source(names(symbols), seed)
    async with serve(
        source.feed, "127.0.0.1", 0, process_request=source.http, compression=None, ping_interval=None
    ) as server:
        print(json.dumps({"port": next(iter(server.sockets)).getsockname()[1]}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fast source of Binance trade frames, for the bench.")
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    try:
        asyncio.run(_main(options.symbols, options.seed))
    except KeyboardInterrupt:
        sys.exit(0)
