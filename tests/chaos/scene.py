"""Where faults happen: a simulator, a nats-server and the collectors of some markets, shared by many rows."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from tests.harness import NatsServer, NotInTime, Process, folder, nats_server, python, say
from tests.integration.rig import (
    CEILING,
    COINS,
    START,
    Collector,
    Market,
    Simulator,
    configuration,
    jetstream,
    newest,
)

DIVISOR = 20.0
"""By what the timers of both sides are divided."""


class Pod:
    """A collector process that may die and be started again, as a kubelet would; its log goes on.

    Args:
        place: its folder: configuration, port file and, in ``spool``, what it keeps on disk.
        config: its configuration.
        by: divides its timers.
        env: further variables.
        wrap: a command that runs the collector's as its arguments.
        module: what runs as the collector, and its first words.
    """

    def __init__(
        self,
        place: Path,
        config: Mapping[str, Any],
        *,
        by: float = DIVISOR,
        env: Mapping[str, str] | None = None,
        wrap: Sequence[str] = (),
        module: Sequence[str] = ("metdc_collector",),
    ) -> None:
        self.place, self.config = place, config
        self.env = {"METDC_DIVIDE_TIMERS": f"{by:g}", "METDC_SPOOL": str(place / "spool"), **(env or {})}
        self._wrap, self._module = wrap, module
        (place / "spool").mkdir(exist_ok=True)
        self._messages: list[str] = []
        self._view: Collector | None = None
        self.config_file = place / "config.json"
        self.config_file.write_text(json.dumps(config))

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"collector {self.config['spec']['exchange']} {self.config['market']} {self.config['pod']}"

    @property
    def view(self) -> Collector:
        """The running process, as an operator sees it."""
        if self._view is None:
            raise NotInTime(f"{self.name} has not been started")
        return self._view

    def start(self) -> None:
        """Start the process; it is not waited for."""
        port = self.place / "port"
        port.unlink(missing_ok=True)
        words = ["--config", str(self.config_file), "--http", "127.0.0.1:0", "--http-port-file", str(port)]
        command = [*self._wrap, *python(*self._module), *words]
        process = Process(command, name=self.name, env=self.env, echo=self._hear)
        self._view = Collector(process, self.place)

    def kill(self) -> None:
        """End it as a crash would."""
        self.view.process.kill()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.view.process.signal(number)

    def end(self) -> None:
        """End it for good."""
        if self._view is not None:
            self._view.process.signal(signal.SIGCONT)
            self._view.process.terminate(CEILING)

    def said(self, text: str) -> int:
        """Return how many messages of its log hold a text."""
        return sum(text in message for message in list(self._messages))

    def messages(self, text: str) -> list[str]:
        """Return those messages."""
        return [message for message in list(self._messages) if text in message]

    def report(self) -> dict[str, Any] | None:
        """Return its report; None while it does not answer."""
        try:
            return self.view.report()
        except (OSError, ValueError, NotInTime):
            return None

    def _hear(self, line: str) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._messages.append(str(json.loads(line)["message"]))


@dataclass(slots=True)
class Case:
    """One row of the table while it runs; times in ns.

    Attributes:
        fault, market: which.
        pod: the collector that is hit.
        struck: how often the fault struck, by the simulator's own state.
        noticed: what of ours told of it, in words; None while nothing has.
        began, lifted: when the fault was put, and when it was lifted or had struck.
        since: REST replies before it are forgotten: they died with their process.
        recovered: seconds from the strike to a collector that streams everything again.
        extra: further columns of the row.
        problems: what did not happen in time, or was not as it must be.
        before: what the fault has to compare with.
        others: further collectors of the market.
    """

    fault: str
    market: Market
    pod: Pod
    struck: int = 0
    noticed: str | None = None
    began: int = 0
    lifted: int = 0
    since: int = 0
    recovered: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    others: list[Pod] = field(default_factory=list)

    @property
    def pods(self) -> list[Pod]:
        """All collectors of the market."""
        return [self.pod, *self.others]

    def strike(self) -> None:
        """Note that the fault is put now."""
        self.began = self.lifted = time.time_ns()

    def lift(self) -> None:
        """Note that the fault is over now."""
        self.lifted = time.time_ns()

    def waits_for(self) -> list[str]:
        """Return what the collector says that it waits for."""
        report = self.pod.report()
        return ["its report"] if report is None else [str(one) for one in report["waiting"]]

    def streams(self) -> bool:
        """Whether the collector says that it streams everything that it wants."""
        report = self.pod.report()
        if report is None or not report["ready"]:
            return False
        wanted, streaming = report["symbols"]["wanted"], report["symbols"]["streaming"]
        return bool(wanted > 0 and streaming == wanted)


@dataclass
class Scene:
    """What runs. ``pods`` are the collectors by market; further ones of a market are in ``others``."""

    simulated: Simulator
    servers: list[NatsServer]
    place: Path
    rate: float
    pods: dict[str, Pod] = field(default_factory=dict)
    others: list[Pod] = field(default_factory=list)
    made: int = 0
    _connections: list[dict[str, Any]] = field(default_factory=list)
    _asked: dict[tuple[str, str], int] = field(default_factory=dict)
    _read: int = 0

    @property
    def nats(self) -> NatsServer:
        """The server, the first one of a cluster."""
        return self.servers[0]

    def end(self) -> None:
        """End all collectors."""
        for pod in [*self.pods.values(), *self.others]:
            pod.end()

    def pod(self, market: Market, *, pod: str = "pod-a", spec: Mapping[str, Any] | None = None, **how: Any) -> Pod:
        """Make a collector of a market; it is not started. ``how`` goes to :class:`Pod`."""
        self.made += 1
        place = self.place / f"{self.made}-{market.key}-{pod}"
        place.mkdir()
        config = configuration(self.simulated, market, self.nats.url, pod=pod, **dict(spec or {}))
        config["spec"]["nats"]["urls"] = [server.url for server in self.servers]
        return Pod(place, config, **how)

    def flow(self, cases: Sequence[Case], seconds: float) -> None:
        """Wait until each market has traded for so many seconds more, by its own count, connected or not."""
        state = self.markets()
        wanted = {c.market.key: state[c.market.key]["serial"] + max(5.0, seconds * self.rate) for c in cases}

        def traded(case: Case) -> bool:
            return bool(self.markets()[case.market.key]["serial"] >= wanted[case.market.key])

        self.each(cases, traded, "trades are made", seconds * 3 + 10)

    def markets(self) -> dict[str, Any]:
        """Return what the simulator says of its markets."""
        return dict(self.simulated.order_get("/state")["markets"])

    def each(
        self, cases: Sequence[Case], look: Callable[[Case], object], what: str, timeout: float = CEILING
    ) -> dict[str, float]:
        """Wait until ``look`` holds for each case; return the seconds that it took, by market.

        What has not come to hold in time is a problem of its case.
        """
        start, waiting, took = time.monotonic(), list(cases), dict[str, float]()
        while waiting and time.monotonic() < start + timeout:
            for case in list(waiting):
                if look(case):
                    waiting.remove(case)
                    took[case.market.key] = time.monotonic() - start
            if waiting:
                time.sleep(0.05)
        for case in waiting:
            case.problems.append(f"{what}: not within {timeout:g} s")
        return took

    def recovered(self, cases: Sequence[Case], timeout: float = START) -> None:
        """Wait until each collector streams everything; note how long that took since the strike."""

        def streams(case: Case) -> bool:
            if not case.streams():
                return False
            case.recovered = round((time.time_ns() - case.began) / 1e9, 2)
            return True

        self.each(cases, streams, "it streams everything again", timeout)

    def _follow(self) -> None:
        """Read what the ledger has anew of connections and REST replies."""
        self.simulated.order("/mark")
        with self.simulated.ledger.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                self._read += len(line)
                if line.startswith(b'{"type":"connection"'):
                    self._connections.append(json.loads(line))
                elif line.startswith(b'{"type":"rest"'):
                    asked = json.loads(line)
                    key = (f"{asked['exchange']}.{asked['market']}", asked["instrument"])
                    self._asked[key] = max(self._asked.get(key, 0), asked["at"])

    def connections(self, market: Market, event: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the ledger's lines of connections of a market: ``open``, ``subscribed``, … from a time (ns) on."""
        self._follow()
        key = (market.exchange, market.name, event)
        return [
            record
            for record in self._connections
            if (record["exchange"], record["market"], record["event"]) == key and record["at"] >= since
        ]

    def asked(self, market: Market, *, since: int) -> set[str]:
        """Return the instruments of a market whose trades REST was asked for from a time (ns) on."""
        self._follow()
        return {name for (key, name), at in self._asked.items() if key == market.key and at >= since}

    def subscribed(self, market: Market) -> list[str]:
        """Return the instruments of a market that a client has ever subscribed to, in order."""
        lines = self.connections(market, "subscribed")
        return list(dict.fromkeys(name for record in lines for name in record["instruments"]))

    def every_symbol_trades(self, cases: Sequence[Case]) -> None:
        """Let each symbol trade once, so that each hole has an end and ids that count show what is missing."""
        for case in cases:
            for name in self.subscribed(case.market):
                order = {"exchange": case.market.exchange, "market": case.market.name, "instrument": name}
                self.simulated.order("/trade", count=1, **order)

    def settle(self, cases: Sequence[Case], timeout: float) -> None:
        """Wait until nothing is on its way any more and no hole is left, by the collectors' own reports and proofs."""
        seen: dict[str, list[int]] = {}
        why: dict[str, str] = {}
        began = time.time_ns()

        def quiet(case: Case) -> bool:
            counts = seen.setdefault(case.market.key, [])
            counts.append(0)
            for pod in case.pods:
                report = pod.report()
                undone = _undone(report)
                if report is None or undone:
                    counts[-1] = -len(counts)
                    why[case.market.key] = f"{pod.name}: {undone or 'no report'}"
                    return False
                counts[-1] += report["trades"]["stored"] + report["trades"]["duplicates"]
            why[case.market.key] = "trades are still stored"
            if len(counts) < 9 or len(set(counts[-8:])) > 1:
                return False
            why[case.market.key] = "its proof names holes that are not settled"
            return all(self._proven(pod, began) for pod in case.pods)

        took = self.each(cases, quiet, "all is stored and no gap is open", timeout)
        for case in cases:
            if case.market.key not in took:
                case.problems.append(f"at the end: {why[case.market.key]}")

    def _proven(self, pod: Pod, since: int) -> bool:
        """Whether a collector has told since a time (ns) that no hole is left; of some REST may not have been asked."""
        keys = f"default.{pod.config['name']}.{pod.config['market']}.*.>"

        async def look(js: JetStreamContext) -> list[dict[str, Any]]:
            with contextlib.suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
                return [json.loads(data) for data in await newest(js, "metdc_proofs", keys)]
            return []

        told = [one for one in jetstream(self.nats.url, look) if one.get("told", 0) > since]
        return any(one["pod"].startswith(f"{pod.config['pod']}-") and not one["except"] for one in told)

    def serials(self) -> dict[str, int]:
        """Return the last serial of each market."""
        return {key: state["serial"] for key, state in self.markets().items()}


def _undone(report: Mapping[str, Any] | None) -> str:
    """Return in words what a collector still has to do by its report; nothing where that is nothing."""
    if report is None:
        return ""
    trades, gaps = report["backlog"]["trades"], report["gaps"]["open"]
    return ", ".join(f"{count} {what}" for count, what in ((trades, "trades to store"), (gaps, "open gaps")) if count)


@contextlib.contextmanager
def scene(
    markets: Sequence[Market],
    *,
    seed: int,
    rate: float,
    by: float = DIVISOR,
    history: int = 20,
    symbols: int = len(COINS),
    servers: Sequence[NatsServer] = (),
    **how: Any,
) -> Iterator[Scene]:
    """Run simulator, nats-server (unless ``servers`` are given) and one collector a market, all ready.

    Raises:
        NotInTime: when something does not start.
    """
    played = sorted({PLAYED.get(market.key, market.exchange) for market in markets})
    words = ["--port", "0", "--rate", "0", "--seed", str(seed), "--history", str(history), "--symbols", str(symbols)]
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(folder("metdc-chaos-"))
        running = list(servers) or [stack.enter_context(nats_server(place / "nats"))]
        ledger = place / "ledger.jsonl"
        words += ["--divide-timers", f"{by:g}", "--ledger", str(ledger), "--only", *played]
        simulator = stack.enter_context(Process(python("tests.simulator", *words), name="simulator"))
        hello = json.loads(simulator.line(START, where=lambda line: line.startswith("{")))
        found = Scene(Simulator(hello["control"], hello["venues"], ledger), running, place, rate)
        stack.callback(found.end)
        for market in markets:
            found.pods[market.key] = found.pod(market, by=by, **how)
            found.pods[market.key].start()
        for pod in found.pods.values():
            pod.view.until_ready()
        say(f"ready: {', '.join(found.pods)}")
        yield found


PLAYED = {
    "binance.spot": "binance.spot",
    "binance.futures": "binance.futures",
    "kucoin.spot": "kucoin.spot",
    "kucoin.futures": "kucoin.futures",
}
"""How the simulator names a venue that has a port for each market; the others have their exchange's name."""
