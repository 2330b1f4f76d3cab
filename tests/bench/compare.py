"""The bare publisher, the collector and its peers on the same frames, in turn."""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import figures
from tests.bench.collectors import STREAM, Collector, Fed, Source, collector, source
from tests.bench.machine import cpu_seconds
from tests.bench.stored import Seen, read
from tests.harness import NatsServer, NotInTime, Process, nats_server, python, say

PEERS = ("cryptofeed", "ccxt")
SYMBOLS = 200
"""Both peers put so many on one connection, and so does the collector."""
RATES = (1_000, 5_000, 20_000)
_WITHIN = 180.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: trades of a flood, rounds of floods, seconds at each rate."""

    trades: int
    rounds: int
    seconds: float


@dataclass(slots=True)
class Stored:
    """The stream, read run by run."""

    server: NatsServer
    last: int = 0

    def next(self) -> Seen:
        """Return what has been stored since the last call."""
        seen = read(self.server.port, STREAM, after=self.last)
        self.last = max(self.last, seen.last)
        return seen


def bare(server: NatsServer, trades: int) -> dict[str, float]:
    """Run the bare publisher once, on the collector's own stream."""
    command = python("tests.bench.bare", "--port", str(server.port), "--subject", "trades.binance.bench.A.B")
    with Process([*command, "--trades", str(trades)], name="bare publisher") as process:
        found: dict[str, float] = json.loads(process.line(120))
        return found


class Peer:
    """A peer's client on a source of its own."""

    def __init__(self, process: Process, fed_by: Source) -> None:
        self.process = process
        self.source = fed_by

    def feed(self, path: str) -> tuple[Fed, list[int]]:
        """Order trades of the source; return what the run has cost and the ages, once all were handed over."""
        cpu, start, began = cpu_seconds(self.process.pid), time.monotonic(), time.time_ns()
        self.source.order(path)
        run = json.loads(self.process.line(_WITHIN))
        took = time.monotonic() - start
        sent = self.source.done(5)
        cost = cpu_seconds(self.process.pid) - cpu
        return Fed(run["trades"], took, cost, sent["behind"], began), run["ages"]


@contextmanager
def peer(name: str, programs: Path, sizes: Sizes) -> Iterator[Peer]:
    """Run a peer's client, warm."""
    runs = [SYMBOLS, *[sizes.trades] * sizes.rounds, *(planned(sizes.seconds, rate) for rate in RATES)]
    with source(SYMBOLS) as fed_by:
        words = (name, "--port", str(fed_by.port), "--symbols", str(SYMBOLS), *map(str, runs))
        with Process([programs / "python", "-m", "tests.bench.peer", *words], name=name) as process:
            fed_by.subscribed(SYMBOLS, process)
            found = Peer(process, fed_by)
            found.feed("/each")
            yield found


def planned(seconds: float, rate: float) -> int:
    """Return how many trades a plan has."""
    return sum(count for _, count in figures.plan(seconds, rate))


def flooded(runs: Sequence[Fed]) -> dict[str, float]:
    """Return medians of floods: trades a second, and microseconds of CPU a trade."""
    return {
        "trades_per_second": round(statistics.median(run.trades / run.seconds for run in runs)),
        "cpu_us": round(statistics.median(run.cpu_us for run in runs), 1),
    }


def steady(run: Fed, ages: Sequence[int]) -> dict[str, Any]:
    """Return the figures of a run at a rate."""
    return {"cpu_us": round(run.cpu_us, 1), "age_ms": figures.ages(ages), "behind": run.behind}


def measure(where: Path, programs: Path, peers: Path | None, sizes: Sizes) -> dict[str, Any]:
    """Measure all side by side; a peer that can't be had, or does not get through, is None."""
    with ExitStack() as stack:
        server = stack.enter_context(nats_server(where / "compare"))
        fed_by = stack.enter_context(source(SYMBOLS))
        ours = stack.enter_context(collector(programs, where, fed_by, server))
        ours.warm()
        stored = Stored(server)
        stored.next()
        others: dict[str, Peer] = {}
        for name in PEERS if peers is not None else ():
            assert peers is not None, "else there are none"
            with _excused(name):
                others[name] = stack.enter_context(peer(name, peers, sizes))
        floods, lost = _floods(server, ours, stored, others, sizes)
        result: dict[str, Any] = {name: flooded(runs) for name, runs in floods.items()}
        for rate in RATES:
            run = ours.keep(sizes.seconds, rate)
            seen = stored.next()
            lost += seen.lost(run.trades)
            result["collector"][str(rate)] = steady(run, seen.ages)
            say(f"  {rate}/s: collector {result['collector'][str(rate)]}")
            for name in list(others):
                with _excused(name, others):
                    found, ages = others[name].feed(f"/plan?seconds={sizes.seconds:g}&rate={rate}")
                    result[name][str(rate)] = steady(found, ages)
                    say(f"  {rate}/s: {name} {result[name][str(rate)]}")
    return result | {"lost": lost, "ratios": _ratios(result), "symbols": SYMBOLS, "trades": sizes.trades}


def _floods(
    server: NatsServer, ours: Collector, stored: Stored, others: dict[str, Peer], sizes: Sizes
) -> tuple[dict[str, list[Fed]], int]:
    """Flood all in turn, round by round; return the runs by name, and how many of the collector's trades were lost."""
    floods: dict[str, list[Fed]] = {"bare": [], "collector": [], **{name: [] for name in others}}
    lost = 0
    for number in range(sizes.rounds):
        ceiling = bare(server, sizes.trades)
        floods["bare"].append(Fed(sizes.trades, ceiling["seconds"], ceiling["cpu_seconds"], 0.0, 0))
        floods["collector"].append(ours.flood(sizes.trades))
        lost += stored.next().lost(sizes.trades)
        for name in list(others):
            with _excused(name, others):
                floods[name].append(others[name].feed(f"/send?trades={sizes.trades}&rate=0")[0])
        told = ", ".join(f"{name} {runs[-1].trades / runs[-1].seconds:,.0f}/s" for name, runs in floods.items() if runs)
        say(f"  round {number + 1}: {told}")
    return {name: runs for name, runs in floods.items() if runs}, lost


@contextmanager
def _excused(name: str, others: dict[str, Peer] | None = None) -> Iterator[None]:
    """Say why a peer could not be measured (further), and go on without it."""
    try:
        yield
    except NotInTime as error:
        say(f"  {name} is not measured: {error}")
        if others is not None:
            del others[name]


def _ratios(result: dict[str, Any]) -> dict[str, Any]:
    """Return the collector's rate as parts of the others', and the same by CPU per trade, for the peers alone."""
    ours, peers = result["collector"], [name for name in PEERS if name in result]
    rates = {name: result[name]["trades_per_second"] for name in ("bare", *peers)}
    parts = {name: round(ours["trades_per_second"] / rate, 3) for name, rate in rates.items()}
    by_cpu = {name: round(result[name]["cpu_us"] / ours["cpu_us"], 3) for name in peers}
    return {"ceiling": parts.pop("bare"), **parts, "by_cpu": by_cpu}
