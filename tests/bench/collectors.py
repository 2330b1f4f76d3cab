"""A collector process on the bench's source, in an environment that holds the extra ``collector`` alone."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.machine import cpu_seconds
from tests.harness import NatsServer, NotInTime, Process, eventually, http, http_or_none, python, say

STREAM = "TRADES_BINANCE"
READY = 90.0
_LATE = 0.25
"""Of its plan, what a collector may need longer until all is acknowledged, beside 60 s."""


class Source:
    """The source of frames, as a process of its own."""

    def __init__(self, process: Process, port: int, scheme: str) -> None:
        self.process = process
        self.rest = f"{scheme}://127.0.0.1:{port}"
        self.port = port
        self._plain = scheme == "http"

    @property
    def web_socket(self) -> str:
        """The base address of its sockets."""
        return self.rest.replace("http", "ws", 1)

    def order(self, path: str) -> dict[str, Any]:
        """Order something, or ask for its state."""
        assert self._plain, "what only serves connections is told nothing"
        found: dict[str, Any] = http(self.rest + path)
        return found

    def subscribed(self, count: int, who: Process) -> None:
        """Wait until a process has subscribed to so many symbols."""

        def look() -> bool:
            if who.exit_code is not None:
                raise NotInTime(f"{who.name} ended with {who.exit_code}\n{who.log}")
            return bool(self.order("/state")["subscribed"] == count)

        eventually(look, READY, f"{who.name}: {count} subscriptions")

    def done(self, within: float) -> dict[str, Any]:
        """Wait until the last order is done; return what became of it."""
        eventually(lambda: self.order("/state")["done"], within, "the source: its plan")
        return self.order("/state")


@contextmanager
def source(symbols: int, *, certificate: Path | None = None) -> Iterator[Source]:
    """Run a source of so many symbols."""
    words = ["--symbols", str(symbols), *(["--certificate", str(certificate)] if certificate else [])]
    with Process(python("tests.bench.source", *words), name="source") as process:
        yield Source(process, int(json.loads(process.line(30))["port"]), "https" if certificate else "http")


@dataclass(frozen=True, slots=True)
class Fed:
    """What one run has cost: seconds until all was acknowledged, CPU seconds of the collector, and the plan's fate."""

    trades: int
    seconds: float
    cpu_seconds: float
    behind: float
    began: int

    @property
    def cpu_us(self) -> float:
        """CPU of a trade, in µs."""
        return self.cpu_seconds / self.trades * 1e6


class Collector:
    """A collector process on the source's feed."""

    def __init__(self, process: Process, url: str, fed_by: Source) -> None:
        self.process = process
        self.url = url
        self.source = fed_by

    def report(self) -> dict[str, Any]:
        """Return its report."""
        found: dict[str, Any] = http(f"{self.url}/report")
        return found

    def stored(self) -> int:
        """Return how many trades the stream has acknowledged to it."""
        trades = self.report()["trades"]
        return int(trades["stored"] + trades["duplicates"])

    def warm(self) -> None:
        """Let each symbol trade once, so that no start of a symbol is in what is measured; wait until all is stored."""
        before, count = self.stored(), self.source.order("/state")["subscribed"]
        self.source.order("/each")
        eventually(lambda: self.stored() - before >= count, READY, "the first trade of each symbol", every=0.2)

    def flood(self, trades: int) -> Fed:
        """Send so many trades as fast as they are read."""
        return self._feed(f"/send?trades={trades}&rate=0", 120)

    def keep(self, seconds: float, rate: float, *, bursts: bool = False) -> Fed:
        """Send trades at a rate, read or not."""
        path = f"/plan?seconds={seconds:g}&rate={rate:g}" + ("&bursts=1" if bursts else "")
        return self._feed(path, seconds * (1 + _LATE) + 60)

    def _feed(self, path: str, within: float) -> Fed:
        before, cpu, start, began = self.stored(), cpu_seconds(self.process.pid), time.monotonic(), time.time_ns()
        self.source.order(path)
        sent = self.source.done(within)
        try:
            eventually(lambda: self.stored() - before >= sent["sent"], within, "the last acknowledgement", every=0.05)
        except NotInTime as error:
            say(str(error))  # what is lost is counted in the stream
        took = time.monotonic() - start
        return Fed(sent["sent"], took, cpu_seconds(self.process.pid) - cpu, sent["behind"], began)


@contextmanager
def collector(
    programs: Path,
    where: Path,
    fed_by: Source,
    server: NatsServer,
    *,
    module: tuple[str, ...] = ("metdc_collector",),
    env: Mapping[str, str] | None = None,
) -> Iterator[Collector]:
    """Run a collector of the source until it is ready; end it afterwards."""
    spec = {
        "exchange": "binance",
        "endpoints": {"rest": fed_by.rest, "webSocket": fed_by.web_socket},
        "nats": {"urls": [server.url], "stream": {"maxBytes": "4Gi"}},
    }
    identity = {"namespace": "bench", "name": "bench", "uid": "bench", "market": "spot", "pod": "bench"}
    config = {"version": 1, "slot": "2026-01-01T00:00:00Z", "limitShare": "1", "spec": spec, **identity}
    port_file = where / "port"
    port_file.unlink(missing_ok=True)
    serving: list[str | Path] = ["--http", "127.0.0.1:0", "--http-port-file", port_file]
    command = [programs / "python", "-m", *module, *serving]
    with Process(command, name="collector", env={"METDC_CONFIG": json.dumps(config), **(env or {})}) as process:

        def listens() -> str | None:
            if process.exit_code is not None:
                raise NotInTime(f"the collector ended with {process.exit_code}\n{process.log}")
            return port_file.read_text().strip() if port_file.is_file() else None

        found = Collector(process, f"http://127.0.0.1:{eventually(listens, 30, 'its port')}", fed_by)

        def ready() -> bool:
            report = http_or_none(f"{found.url}/report")
            return bool(report and report["ready"])

        try:
            eventually(ready, READY, "the collector's readiness")
        except NotInTime as error:
            raise NotInTime(f"{error}\n{process.log}") from None
        yield found
