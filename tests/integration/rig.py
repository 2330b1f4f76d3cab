"""Simulator, nats-server, collectors and the judge, as the tests of whole collectors need them."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nats.js import JetStreamContext

from tests.audit import stream
from tests.audit.__main__ import audit
from tests.audit.judge import Verdict
from tests.audit.stream import Stored
from tests.harness import NotInTime, Process, eventually, folder, http, python

T = TypeVar("T")
START = 30.0
"""Seconds that a process may take to start, on a machine that does other work too."""
READY = 90.0
"""Seconds that a collector may take to become ready, of which the reports of others take 30 at true timers."""
CEILING = 30.0
"""Seconds that any other wait may last."""
COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "SUI", "ADA", "TRX", "LINK")
"""Coins that trade most on each of the simulated venues."""
DIVISOR = 20
FOUR = ("binance.spot", "binance.futures", "phemex")
"""The venues of :data:`MARKETS`, as the simulator names them."""


class Market(NamedTuple):
    """One market, with its busiest instrument."""

    exchange: str
    name: str
    instrument: str

    @property
    def key(self) -> str:
        """``binance.spot``."""
        return f"{self.exchange}.{self.name}"


BINANCE_SPOT = Market("binance", "spot", "BTCUSDT")
BINANCE_FUTURES = Market("binance", "futures", "BTCUSDT")
PHEMEX_SPOT = Market("phemex", "spot", "sBTCUSDT")
PHEMEX_FUTURES = Market("phemex", "futures", "BTCUSDT")
MARKETS = (BINANCE_SPOT, BINANCE_FUTURES, PHEMEX_SPOT, PHEMEX_FUTURES)


@dataclass(frozen=True)
class Simulator:
    """A running simulator and its control port."""

    control: str
    venues: dict[str, Any]
    ledger: Path

    def order(self, path: str, /, **body: Any) -> Any:
        """POST on the control port."""
        return http(self.control + path, body, timeout=CEILING)

    def order_get(self, path: str) -> Any:
        """GET on the control port."""
        return http(self.control + path, timeout=CEILING)

    def state(self, market: Market) -> dict[str, Any]:
        """What GET /state says of a market."""
        return dict(http(f"{self.control}/state", timeout=CEILING)["markets"][market.key])

    def connections(self) -> tuple[int, int]:
        """Return how many connections there have ever been, and how many there are."""
        state = http(f"{self.control}/state", timeout=CEILING)
        return state["connections_ever"], len(state["connections"])

    def unheard(self, market: Market) -> int:
        """Return how many trades, of instruments that had been subscribed before, reached nobody."""
        self.order("/mark")
        wanted: set[str] = set()
        count = 0
        with self.ledger.open() as lines:
            for record in map(json.loads, lines):
                if (record.get("exchange"), record.get("market")) != (market.exchange, market.name):
                    continue
                if record["type"] == "connection" and record["event"] == "subscribed":
                    wanted.update(record["instruments"])
                elif record["type"] == "trade" and record["instrument"] in wanted:
                    live = "aggregate" not in record and not record["snapshot_only"]
                    count += live and not record["connections"]
        return count

    def rate(self, market: Market, rate: float) -> None:
        """Let a market trade so many times a second."""
        self.order("/rate", exchange=market.exchange, market=market.name, rate=rate)

    def trade(self, market: Market, count: int = 1, **fields: Any) -> None:
        """Produce trades of the market's busiest instrument at once."""
        order = {"exchange": market.exchange, "market": market.name, "instrument": market.instrument} | fields
        self.order("/trade", count=count, **order)

    def fault(self, name: str, market: Market, **parameters: Any) -> None:
        """Switch a fault on, or let it strike."""
        self.order("/fault", fault=name, exchange=market.exchange, market=market.name, **parameters)

    def clear(self) -> None:
        """Switch all faults off."""
        self.order("/faults/clear")

    def sent(self, market: Market, count: int, timeout: float = CEILING) -> None:
        """Wait until so many trades of a market have been sent to clients."""
        eventually(lambda: self.state(market)["sent"] >= count, timeout, f"{market.key}: {count} trades sent")


@contextlib.contextmanager
def simulator(
    *, symbols: int | None = len(COINS), history: int = 20, by: float = DIVISOR, only: Sequence[str] = FOUR
) -> Iterator[Simulator]:
    """Run a simulator on free ports that is silent until told a rate."""
    with folder("metdc-simulator-") as place:
        ledger = place / "ledger.jsonl"
        words = ["--port", "0", "--rate", "0", "--history", str(history), "--divide-timers", str(by)]
        words += ["--ledger", str(ledger), *(["--symbols", str(symbols)] if symbols else []), "--only", *only]
        with Process(python("tests.simulator", *words), name="simulator") as process:
            said = json.loads(process.line(START, where=lambda line: line.startswith("{")))
            yield Simulator(said["control"], said["venues"], ledger)


def configuration(
    simulated: Simulator, market: Market, nats: str, *, pod: str = "pod-a", **spec: Any
) -> dict[str, Any]:
    """Return a collector's configuration; ``spec`` replaces parts of the resource's, ``stream`` those of its stream."""
    stream_spec = {"maxBytes": "1Gi", **spec.pop("stream", {})}
    return {
        "version": 1,
        "namespace": "default",
        "name": market.exchange,
        "uid": "00000000-0000-0000-0000-000000000000",
        "market": market.name,
        "shard": 0,
        "shards": 1,
        "pod": pod,
        "slot": "2026-01-01T00:00:00Z",
        "limitShare": "1/4",
        "spec": {
            "exchange": market.exchange,
            "markets": [{"name": market.name}],
            "symbols": {"include": list(COINS)},
            "endpoints": simulated.venues.get(market.exchange, {}).get(market.name, {}),
            "nats": {"urls": [nats], "stream": stream_spec},
        }
        | spec,
    }


@dataclass
class Collector:
    """A collector process, seen as an operator sees a pod."""

    process: Process
    place: Path
    _url: str = field(default="", init=False)

    @property
    def url(self) -> str:
        """Where its probes are."""
        if not self._url:
            file = self.place / "port"
            eventually(lambda: self._alive() and file.exists(), START, f"{self.process.name}: its port")
            self._url = f"http://127.0.0.1:{file.read_text().strip()}"
        return self._url

    def get(self, path: str) -> tuple[int, str]:
        """GET a page; return status and body."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=CEILING) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def report(self) -> dict[str, Any]:
        """Return its health report."""
        return dict(json.loads(self.get("/report")[1]))

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        return self._alive() and self.get("/readyz")[0] == 200

    def until_ready(self) -> None:
        """Wait until it is ready."""
        try:
            eventually(self.ready, READY, f"{self.process.name} ready")
        except NotInTime as error:
            raise NotInTime(f"{error}\n{self.get('/readyz')[1]}\n{self.process.log}") from None

    def until(self, look: Any, what: str, timeout: float = CEILING) -> dict[str, Any]:
        """Wait until a report is as wanted; return it."""
        seen: dict[str, Any] = {}

        def found() -> bool:
            seen.clear()
            seen.update(self.report())
            return self._alive() and bool(look(seen))

        try:
            eventually(found, timeout, f"{self.process.name}: {what}", every=0.05)
        except NotInTime as error:
            raise NotInTime(f"{error}\n{ {**seen, 'last_ids': '…'} }\n{self.process.log}") from None
        return seen

    def logged(self, text: str, timeout: float = CEILING) -> None:
        """Wait for a line of its log."""
        self.process.logged(text, timeout)

    def lines(self, text: str) -> list[str]:
        """Return the messages of its log that hold a text."""
        lines = [line for line in self.process.log.splitlines() if line.startswith("{")]
        return [message for line in lines if text in (message := str(json.loads(line)["message"]))]

    def resident(self) -> int:
        """Return the most memory that it has had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def stop(self) -> None:
        """Stop it as an operator does; all it has received must be acknowledged."""
        code = self.process.terminate(CEILING)
        assert code == 0, self.process.log

    def _alive(self) -> bool:
        if self.process.exit_code is not None:
            raise NotInTime(f"{self.process.name} ended with {self.process.exit_code}\n{self.process.log}")
        return True


_COLLECTOR = python("metdc_collector")


@contextlib.contextmanager
def collector(
    config: dict[str, Any],
    *,
    by: float = DIVISOR,
    credentials: Path | None = None,
    spool: Path | None = None,
    command: Sequence[str | Path] = _COLLECTOR,
) -> Iterator[Collector]:
    """Run a collector process."""
    with folder("metdc-collector-") as place:
        file = place / "config.json"
        file.write_text(json.dumps(config))
        words: list[str | Path] = ["--config", file, "--http", "127.0.0.1:0", "--http-port-file", place / "port"]
        env = {"METDC_DIVIDE_TIMERS": str(by)}
        if credentials is not None:
            env["METDC_NATS_CREDENTIALS"] = str(credentials)
        if spool is not None:
            env["METDC_SPOOL"] = str(spool)
        name = f"collector {config['name']} {config['market']} {config['pod']}"
        with Process([*command, *words], name=name, env=env) as process:
            yield Collector(process, place)


@contextlib.contextmanager
def streaming(
    simulated: Simulator, market: Market, nats: str, *, pod: str = "pod-a", **spec: Any
) -> Iterator[Collector]:
    """Run a collector and wait until it is ready."""
    with collector(configuration(simulated, market, nats, pod=pod, **spec)) as running:
        running.until_ready()
        yield running


def settled(simulated: Simulator, nats: str, *collectors: Collector) -> Verdict:
    """Pause all trading, wait until what was sent has been stored, and judge."""
    simulated.order("/pause")
    for running in collectors:
        until_quiet(running)
    return judged(simulated, nats)


def until_quiet(running: Collector) -> None:
    """Wait until a collector has received nothing new for some reports, and holds nothing back."""
    seen: list[int] = []

    def quiet(report: dict[str, Any]) -> bool:
        seen.append(report["trades"]["received"])
        return report["backlog"]["trades"] == 0 and len(seen) > 5 and seen[-6] == seen[-1]

    running.until(quiet, "all that was received is acknowledged")


def judged(simulated: Simulator, nats: str) -> Verdict:
    """Return the audit's verdict; what is still on its way is waited for."""
    simulated.order("/mark")

    def look() -> Verdict | None:
        verdict = asyncio.run(audit(simulated.ledger, nats))
        return None if any(tally.lost for tally in verdict.tallies.values()) else verdict

    try:
        return eventually(look, 10, "nothing lost", every=1)
    except NotInTime:
        return asyncio.run(audit(simulated.ledger, nats))


def held(verdict: Verdict, *markets: Market, least: int = 1) -> None:
    """Assert that each of the markets was owed so many trades at least, and that every promise held."""
    assert verdict.ok, json.dumps(verdict.record(), indent=1)
    for market in markets:
        assert verdict.tallies[market.key].sent >= least, f"{market.key}: too few to prove anything"


def jetstream(nats: str, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """Do something as an administrator of the server."""

    async def run() -> T:
        client = await stream.connect(nats)
        try:
            return await work(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(run())


async def newest(js: JetStreamContext, bucket: str, keys: str = ">") -> list[bytes]:
    """Return the newest value of each of a bucket's keys."""
    place = f"KV_{bucket}"
    names = (await js.stream_info(place, subjects_filter=f"$KV.{bucket}.{keys}")).state.subjects or {}
    return [data for name in names if (data := (await js.get_last_msg(place, name)).data)]


def messages(nats: str) -> list[Stored]:
    """Return all stored trades in the order in which they were stored."""
    found: list[Stored] = []

    async def read() -> None:
        client = await stream.connect(nats)
        try:
            await stream.read(client, "trades.>", found.append)
        finally:
            await client.close()

    asyncio.run(read())
    return found


def delays(nats: str) -> list[float]:
    """Return for each stored trade that came live the seconds from its reception to its storage."""
    rows = [(message.at, json.loads(message.data)) for message in messages(nats)]
    return [(at - row["received"]) / 1e9 for at, row in rows if "backfilled" not in row]
