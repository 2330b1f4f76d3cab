"""``python -m tests.bench``: memory at rest, CPU per trade and the highest rate kept, beside a bare publisher.

Both publish to the same nats-server in the same run, in turn; medians and their ratio are what counts, since wall-clock
figures of a shared machine swing. The collector runs in an environment that holds the extra ``collector`` alone.

Exit codes: 0 measured and memory within its bound, 1 above the bound, 2 nothing was measured.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.checks.distribution import Environment, build, install
from tests.harness import (
    NatsServer,
    NotInTime,
    Process,
    eventually,
    folder,
    http,
    http_or_none,
    nats_server,
    python,
    say,
)

REST_MIB = 40.0
"""What a collector at rest may take of resident memory."""
ROUNDS = 3
LATENCY_RATES = (1_000, 5_000)
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Collector:
    """A collector process on the source's feed."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url

    def report(self) -> dict[str, Any]:
        """Return its report."""
        found: dict[str, Any] = http(f"{self.url}/report")
        return found

    def stored(self) -> int:
        """Return how many trades the stream has acknowledged to it."""
        trades = self.report()["trades"]
        return int(trades["stored"] + trades["duplicates"])


@contextmanager
def collector(programs: Path, where: Path, source: int, nats: str) -> Iterator[Collector]:
    """Run a collector of the bench's source until it is ready; end it afterwards."""
    base = f"http://127.0.0.1:{source}"
    spec = {
        "exchange": "binance",
        "endpoints": {"rest": base, "webSocket": base.replace("http", "ws")},
        "nats": {"urls": [nats], "stream": {"maxBytes": "4Gi"}},
    }
    config = {
        "version": 1,
        "namespace": "bench",
        "name": "bench",
        "uid": "bench",
        "market": "spot",
        "pod": "bench",
        "slot": "2026-01-01T00:00:00Z",
        "spec": spec,
    }
    port_file = where / "port"
    command: list[str | Path] = [
        programs / "python",
        "-m",
        "metdc_collector",
        "--http",
        "127.0.0.1:0",
        "--http-port-file",
        port_file,
    ]
    with Process(command, name="collector", env={"METDC_CONFIG": json.dumps(config)}) as process:
        port = eventually(lambda: port_file.is_file() and port_file.read_text().strip(), 30, "the collector's port")
        found = Collector(process, f"http://127.0.0.1:{port}")

        def ready() -> bool:
            report = http_or_none(f"{found.url}/report")
            return bool(report and report["ready"])

        eventually(ready, 60, "the collector's readiness")
        yield found
    port_file.unlink()


def drive(found: Collector, source: int, trades: int, rate: float) -> dict[str, float]:
    """Send trades through the collector; return seconds until all were acknowledged, and its CPU seconds."""
    before, cpu, start = found.stored(), cpu_seconds(found.process.pid), time.monotonic()
    http(f"http://127.0.0.1:{source}/send?trades={trades}&rate={rate}")
    eventually(lambda: found.stored() - before >= trades, 120, "the last acknowledgement", every=0.02)
    return {"seconds": time.monotonic() - start, "cpu_seconds": cpu_seconds(found.process.pid) - cpu}


def bare(server: NatsServer, trades: int) -> dict[str, float]:
    """Run the bare publisher once, on the collector's own stream."""
    command = python("tests.bench.bare", "--port", str(server.port), "--subject", "trades.binance.bench.A.B")
    with Process([*command, "--trades", str(trades)], name="bare publisher") as process:
        found: dict[str, float] = json.loads(process.line(120))
        return found


def figures(runs: Sequence[dict[str, float]], trades: int) -> dict[str, float]:
    """Return medians: trades a second, and microseconds of CPU a trade."""
    return {
        "trades_per_second": round(trades / statistics.median(run["seconds"] for run in runs)),
        "cpu_us_per_trade": round(statistics.median(run["cpu_seconds"] for run in runs) / trades * 1e6, 2),
    }


def measure(trades: int, symbols: int) -> dict[str, Any]:
    """Measure everything; progress goes to stderr."""
    with ExitStack() as stack:
        where = stack.enter_context(folder("metdc-bench-"))
        say("building the wheel and an environment with the extra collector alone …")
        programs = install(Environment(extra="collector"), wheel=build(where / "dist"), folder=where / "venv")
        server = stack.enter_context(nats_server(where / "nats"))
        process = stack.enter_context(Process(python("tests.bench.source", "--symbols", str(symbols)), name="source"))
        source = int(json.loads(process.line(30))["port"])
        found = stack.enter_context(collector(programs, where, source, server.url))
        at_rest = round(resident_mib(found.process.pid), 1)
        say(f"at rest: {at_rest} MiB resident")
        bare_runs, collector_runs = [], []
        for number in range(ROUNDS):
            bare_runs.append(bare(server, trades))
            collector_runs.append(drive(found, source, trades, 0))
            say(f"round {number + 1}: bare {bare_runs[-1]}, collector {collector_runs[-1]}")
        steady = {}
        for rate in LATENCY_RATES:
            run = drive(found, source, rate * 5, rate)
            steady[str(rate)] = round(run["cpu_seconds"] / (rate * 5) * 1e6, 1)
            say(f"{rate} trades/s: {steady[str(rate)]} us of CPU a trade")
        ceiling, reached = figures(bare_runs, trades), figures(collector_runs, trades)
        return {
            "ok": at_rest <= REST_MIB,
            "at_rest_mib": at_rest,
            "loaded_mib": round(resident_mib(found.process.pid), 1),
            "bare": ceiling,
            "collector": reached,
            "ratio": round(reached["trades_per_second"] / ceiling["trades_per_second"], 3),
            "steady_cpu_us_per_trade": steady,
            "symbols": symbols,
            "trades": trades,
        }


def main() -> int:
    """Run the bench; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--trades", type=int, default=150_000, help="trades of each run (default: 150000)")
    parser.add_argument(
        "--symbols", type=int, default=500, help="instruments, half of the trades on one (default: 500)"
    )
    options = parser.parse_args()
    try:
        result = measure(options.trades, options.symbols)
    except (NotInTime, OSError, RuntimeError) as error:
        say(f"nothing was measured: {error}")
        print(json.dumps({"ok": False, "error": str(error)}))
        return 2
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
