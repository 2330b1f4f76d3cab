"""``python -m tests.bench.spool``: a collector that starts on a spool of millions, while its exchange trades.

Writes a spool as a process leaves it that was killed, starts a collector on it, and lets live trades come on an
instrument of which nothing is spooled. Prints one JSON object: seconds until the first live trade was stored, what live
trades waited for theirs (from the frame's bytes to a subscriber of the server), how fast the spool went, memory.

Exit codes: 0 measured, first trade in less than 10 s, everything stored once; 1 not; 2 nothing was measured.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nats

from metdc_collector.exchanges.history import Mark
from metdc_collector.spool.spool import Spool
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.bench.frames import names
from tests.bench.machine import resident_mib
from tests.harness import (
    NatsServer,
    NotInTime,
    Process,
    conclude,
    eventually,
    folder,
    http,
    http_or_none,
    nats_server,
    python,
    say,
)

FIRST = 10.0
"""Seconds from the process's start within which a live trade must be stored."""
_MOST = 4 * 1024**3
_TURN = 50  # trades that were spooled in one turn of the loop
_LIVE = "trades.binance.spot.BTC.USDT"


class Told:
    """Says what the spool loses: nothing, or the figures mean nothing."""

    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        """Say what was given up."""
        say(f"{count} trades of {instrument} from {first.id} to {last.id} are lost")


async def write(place: Path, count: int, symbols: int) -> None:
    """Write a spool of so many trades, 5,000 a second, on all instruments but the first."""
    spool = Spool(place / "bench.bench.spot.0", process="dead-1", most=_MOST, losses=Told())
    await spool.open()
    start = time.time_ns() - count * 200_000 - 60_000_000_000
    instruments = [
        Instrument("binance", "spot", name, name.removesuffix("USDT"), "USDT") for name in names(symbols)[1:]
    ]
    for first in range(0, count, _TURN):
        trades = []
        for number in range(first, min(first + _TURN, count)):
            at, order = start + number * 200_000, str(5_312_345_678 + number)
            instrument = instruments[number * number % len(instruments)]
            trades.append(Trade(instrument, order, order, "80227.01", "0.00042", "sell", at, at + 1_000_000, at))
        spool.put(trades, start)
        await asyncio.sleep(0)
        if spool.behind:
            await spool.settle()
    await spool.close()


class Live:
    """Live trades as a subscriber of the server sees them."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.delays: list[float] = []

    async def watch(self, url: str, process: Process, report: str) -> float:
        """Listen until nothing of the spool is left; return the most memory that was seen, in MiB."""
        client = await nats.connect(url)

        async def take(message: Any) -> None:
            if self.first is None:
                self.first = time.monotonic()
            self.delays.append((time.time_ns() - json.loads(message.data)["received"]) / 1e9)

        await client.subscribe(_LIVE, cb=take)
        most = 0.0
        while True:
            await asyncio.sleep(0.5)
            most = max(most, resident_mib(process.pid))
            seen = await asyncio.to_thread(http_or_none, report)
            if process.exit_code is not None:
                raise NotInTime(f"the collector ended\n{process.log}")
            if seen and self.first is not None and seen["backlog"]["trades"] < 100:
                break
        await client.close()
        return most


def measure(trades: int, symbols: int, rate: float) -> dict[str, Any]:
    """Measure; progress goes to stderr."""
    with ExitStack() as stack:
        where = stack.enter_context(folder("metdc-bench-"))
        server = stack.enter_context(nats_server(where / "nats"))
        source_words = python("tests.bench.source", "--symbols", str(symbols))
        source = int(json.loads(stack.enter_context(Process(source_words, name="source")).line(30))["port"])
        say(f"writing a spool of {trades} trades …")
        start = time.monotonic()
        (where / "spool").mkdir()
        asyncio.run(write(where / "spool", trades, symbols))
        size = sum(file.stat().st_size for file in (where / "spool").rglob("*") if file.is_file())
        say(f"{size / 2**20:.0f} MiB in {time.monotonic() - start:.1f} s")
        found = _run(stack, where, server, source=source, trades=trades, rate=rate)
        return found | {"spool_mib": round(size / 2**20)}


def _run(stack: ExitStack, where: Path, server: NatsServer, *, source: int, trades: int, rate: float) -> dict[str, Any]:
    base = f"http://127.0.0.1:{source}"
    spec = {
        "exchange": "binance",
        "endpoints": {"rest": base, "webSocket": base.replace("http", "ws")},
        "nats": {"urls": [server.url], "stream": {"maxBytes": "8Gi"}},
        "spool": {"maxBytes": _MOST},
    }
    identity = {"namespace": "bench", "name": "bench", "uid": "bench", "market": "spot", "pod": "bench"}
    config = {"version": 1, "slot": "2026-01-01T00:00:00Z", "spec": spec} | identity
    words = python("metdc_collector", "--http", "127.0.0.1:0", "--http-port-file", str(where / "port"))
    env = {"METDC_CONFIG": json.dumps(config), "METDC_SPOOL": str(where / "spool")}
    start = time.monotonic()
    process = stack.enter_context(Process(words, name="collector", env=env))
    port = eventually(lambda: (where / "port").is_file() and (where / "port").read_text().strip(), 60, "its port")
    report = f"http://127.0.0.1:{port}/report"

    def streams() -> bool:
        seen = http_or_none(report)
        return bool(seen and seen["symbols"]["streaming"])

    eventually(streams, 60, "it streams")
    say(f"it streams after {time.monotonic() - start:.1f} s")
    http(f"{base}/send?trades={int(rate * 3600)}&rate={rate}")
    live = Live()
    most = asyncio.run(live.watch(server.url, process, report))
    seconds = time.monotonic() - start
    found = http(report)
    assert live.first is not None, "watched until there was one"
    quantiles = statistics.quantiles(live.delays, n=100)
    return {
        "ok": live.first - start < FIRST and found["trades"]["stored"] >= trades,
        "trades": trades,
        "first_trade_seconds": round(live.first - start, 2),
        "delivered_seconds": round(seconds, 1),
        "delivered_per_second": round(trades / seconds),
        "live_per_second": rate,
        "live_delay_seconds": {"p50": round(quantiles[49], 3), "p99": round(quantiles[98], 3)}
        | {"most": round(max(live.delays), 3)},
        "most_resident_mib": round(most, 1),
        "late": found["trades"]["late"],
    }


def main() -> int:
    """Run the measurement; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.spool", description=__doc__)
    parser.add_argument("--trades", type=int, default=3_000_000, help="in the spool (default: 3000000)")
    parser.add_argument("--symbols", type=int, default=500, help="instruments (default: 500)")
    parser.add_argument("--rate", type=float, default=500, help="live trades a second (default: 500)")
    options = parser.parse_args()
    sizes = options.trades, options.symbols, options.rate
    return conclude(lambda: (measure(*sizes), True), NotInTime, OSError, RuntimeError)


if __name__ == "__main__":
    sys.exit(main())
