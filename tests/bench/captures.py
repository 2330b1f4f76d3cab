"""``python -m tests.bench.captures``: how long a capture takes out of a stream of many trades, few of them its coin's.

Fills one stream with trades of a thousand coins as fast as the server takes them, in turn, then runs ``metdc capture``
for one of them, and prints one JSON object. All was stored within minutes, so nothing is spared by the time to begin
at: the server has to pass over every other coin's trades.

Exit codes: 0 measured, 1 the capture failed.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time

import nats
from nats.js.api import StoreCompression

from tests.bench.machine import cpu_seconds
from tests.harness import NatsServer, folder, metdc, nats_server, say

COINS = 1_000
ROUND = 64
_EVERY = 1_000_000
SECOND = 1_000_000_000


def trades(first: int, now: int) -> bytes:
    """Return a write of some rounds, each a trade of each coin, as NATS's protocol has them."""
    parts: list[bytes] = []
    for number in range(first, first + ROUND):
        for coin in range(COINS):
            payload = (
                f'{{"v":1,"exchange":"binance","market":"spot","symbol":"C{coin}-USDT","instrument":"C{coin}USDT",'
                f'"id":"{number}","seq":"{number}","price":"80227.01","quantity":"0.00042","side":"sell",'
                f'"time":{now},"received":{now + 40_000_000},"sent":{now + 1_000_000}}}'
            ).encode()
            parts.append(b"PUB trades.binance.spot.C%d.USDT %d\r\n%s\r\n" % (coin, len(payload), payload))
    return b"".join(parts)


async def fill(server: NatsServer, count: int) -> float:
    """Store so many trades; return the seconds that it took."""
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    await jetstream.add_stream(name="TRADES_BINANCE", subjects=["trades.binance.>"], compression=StoreCompression.S2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false}\r\n')
    begun, sent, held = time.monotonic(), 0, 0
    while held < count:
        if sent < count and sent - held <= ROUND * COINS:
            writer.write(trades(sent // COINS, time.time_ns() // 1_000_000 * 1_000_000) + b"PONG\r\n")
            await writer.drain()
            sent += ROUND * COINS
        else:
            await asyncio.sleep(0.02)
        before, held = held, (await jetstream.stream_info("TRADES_BINANCE")).state.messages
        if held // _EVERY != before // _EVERY:
            say(f"{held:,} trades are stored")
    took = time.monotonic() - begun
    writer.close()
    await client.close()
    return took


def capture(server: NatsServer, at: int) -> tuple[float, float, str]:
    """Capture one coin; return the seconds that it took, those of the server's CPU, and what it said."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND))
    command = [*metdc(), "capture", "C500", "--at", when, "--nats", server.url]
    begun, used = time.monotonic(), cpu_seconds(server.process.pid)
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        say(result.stderr)
        raise SystemExit(1)
    took, used = time.monotonic() - begun, cpu_seconds(server.process.pid) - used
    return took, used, result.stdout.splitlines()[0]


def main() -> int:
    """Fill, capture, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.captures", description=__doc__)
    parser.add_argument("--trades", type=int, default=20_000_000)
    options = parser.parse_args()
    with folder("metdc-bench-") as store, nats_server(store) as server:
        began = time.time_ns()
        filled = asyncio.run(fill(server, options.trades))
        middle = (began + time.time_ns()) // 2
        time.sleep(
            max(0, middle + 25 * SECOND - time.time_ns()) / SECOND
        )  # the window is to be over, and nothing waited for
        found = [capture(server, middle) for _ in range(3)]
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    seconds, cpu = [round(one[0], 2) for one in found], [round(one[1], 2) for one in found]
    print(
        json.dumps(
            {"trades": options.trades, "coins": COINS, "mib": size >> 20, "filled_s": round(filled, 1)}
            | {"capture_s": seconds, "server_cpu_s": cpu, "captured": found[0][2]}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
