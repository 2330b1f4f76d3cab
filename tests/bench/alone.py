"""One market alone: a high steady rate, and bursts out of a low one."""

from pathlib import Path
from typing import Any

from tests.bench import figures
from tests.bench.collectors import STREAM, Fed, collector, source
from tests.bench.stored import Seen, read
from tests.harness import nats_server, say

SYMBOLS = 500
RATE = 30_000
BURSTS_FROM = 1_000
_USUAL = 10_000_000
"""Age, in ns, up to which nothing is behind."""


def measure(where: Path, programs: Path, seconds: float) -> dict[str, Any]:
    """Measure both runs, ``seconds`` each."""
    with (
        nats_server(where / "alone") as server,
        source(SYMBOLS) as fed_by,
        collector(programs, where, fed_by, server) as ours,
    ):
        ours.warm()
        warm = read(server.port, STREAM).last
        run = ours.keep(seconds, RATE)
        seen = read(server.port, STREAM, after=warm)
        steady = _figures(run, seen)
        say(f"  {RATE}/s: {steady}")
        run = ours.keep(seconds, BURSTS_FROM, bursts=True)
        bursts = _figures(run, read(server.port, STREAM, after=seen.last))
        say(f"  bursts of {figures.BURST_TIMES} x {BURSTS_FROM}/s: {bursts}")
    return {"steady": steady, "bursts": bursts, "symbols": SYMBOLS, "rate": RATE, "seconds": seconds}


def _figures(run: Fed, seen: Seen) -> dict[str, Any]:
    return {
        "sent": run.trades,
        "lost": seen.lost(run.trades),
        "repeated": seen.repeated,
        "catch_up_s": figures.catch_up(seen.rows(), usual=_USUAL),
        "cpu_us": round(run.cpu_us, 1),
        "age_ms": figures.ages(seen.ages),
        "behind": run.behind,
    }
