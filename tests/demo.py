"""``make demo DURATION=60 SEED=7 [LIVE=1]``: the main job, live: exchanges → collectors → JetStream → audit.

The exchanges are the simulator's, unless ``--live``. `metdc run` starts the collectors; trades are shown as they are
stored; half-way every market's pod is replaced, with overlap. After the duration, counted from all markets ready, or by
Ctrl-C, the trades stop, and the audit compares what is stored with what the exchanges sent.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all held, 1: something did not, 2: bad
usage, or a run that proves nothing.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.audit import stream, unaided
from tests.audit.__main__ import audit
from tests.audit.judge import Verdict
from tests.harness import (
    ROOT,
    NotInTime,
    Process,
    conclude,
    eventually,
    folder,
    heed_signals,
    http,
    metdc,
    nats_server,
    python,
    say,
)
from tests.watch import Watch

DIVIDE = 20
"""By what the demo divides the timers of both sides; real exchanges keep the true ones."""
READY = {False: 200.0, True: 300.0}
"""Seconds for all markets to be ready, simulated and live."""
ROTATED = {False: 240.0, True: 420.0}
"""Seconds after the duration for the last rotation to end."""
START_UP = {False: 10.0, True: 60.0}
"""Seconds that markets usually take to be ready: the rotation is ordered ahead, for the middle of the run."""
HISTORY = 200
"""Rows of each simulated Phemex snapshot before the start; documented are 200, seen a thousand."""
PLANNED = 0.95
"""The part of its plan that each market must have sent, for the run to prove anything."""
SHOWN = 2.0
"""Seconds between two lines of rates."""
SAMPLES = ROOT / "config" / "samples"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    duration: float
    seed: int
    rate: float
    live: bool


@dataclass(slots=True)
class Run:
    """What a run has shown so far."""

    markets: list[str] = field(default_factory=list)
    rotations: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    plans: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        """Note one event of `metdc run`."""
        if event.get("event") == "rotated":
            market = f"{event['exchange']}.{event['market']}"
            self.rotations[market] = self.rotations.get(market, 0) + 1
            self.duplicates[market] = self.duplicates.get(market, 0) + event.get("duplicates", 0)
            say(f"        {market} rotated: {proof_of(event)}")

    @property
    def rotated(self) -> bool:
        """Whether every market was."""
        return all(self.rotations.get(market) for market in self.markets)


def proof_of(event: dict[str, Any]) -> str:
    """Return in words what a new process has proven of its hand-over."""
    if "symbols" not in event:
        return "it has proven nothing in time"
    proven = sum(event[f"provenBy{what}"] for what in ("Id", "Rows", "Subscription", "REST"))
    lost = "uncountably many" if event["lost"] is None else event["lost"]
    return (
        f"{event['overlapSeconds']} s of overlap, {event['duplicates']} duplicates, "
        f"{proven}/{event['symbols']} symbols proven, {event['backfilled']} back-filled, {lost} lost"
    )


def resources(options: Options, addresses: dict[str, Any] | None, *, at: datetime) -> list[dict[str, Any]]:
    """Return the sample resources with the simulator's addresses; they rotate at that time, never by schedule."""
    files = ("simulator.yaml",) if addresses else ("all.yaml",)
    found = []
    for file in files:
        for resource in yaml.safe_load_all((SAMPLES / file).read_text()):
            spec = resource["spec"]
            spec["rotation"] = {"interval": "30m", "overlap": "30s", "suspend": True}
            spec.setdefault("nats", {})["stream"] = {
                "maxBytes": "1Gi"
            }  # a server reserves it; seven default ones want 56 GiB
            order = {"metdc.io/rotate-after": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
            resource["metadata"].setdefault("annotations", {}).update(order)
            if addresses:
                spec.pop("endpoints", None)
                for market in spec["markets"]:
                    market["endpoints"] = addresses[spec["exchange"]][market["name"]]
            found.append(resource)
    return found


def events(process: Process, run: Run) -> Iterator[dict[str, Any]]:
    """Yield the events of `metdc run` that are there, noting each."""
    with contextlib.suppress(NotInTime):
        while True:
            event = json.loads(process.line(0, where=lambda line: line.startswith("{")))
            run.take(event)
            yield event


def until_ready(process: Process, run: Run, *, live: bool) -> None:
    """Wait until every market is ready.

    Raises:
        NotInTime: when one is not.
    """

    def ready() -> bool:
        if process.exit_code is not None:
            raise NotInTime(f"metdc run ended with {process.exit_code}\n{process.log}")
        return any(event["event"] == "ready" for event in events(process, run))

    eventually(ready, READY[live], "all markets ready")


def flow(process: Process, run: Run, watch: Watch, options: Options) -> None:
    """Show the trades for the duration, and for as long as a rotation is still under way."""
    start = shown = time.monotonic()
    while (elapsed := time.monotonic() - start) < options.duration + ROTATED[options.live]:
        if elapsed >= options.duration and run.rotated:
            return
        for _ in events(process, run):
            pass
        if process.exit_code is not None:
            run.problems.append(f"metdc run ended with {process.exit_code}\n{process.log}")
            return
        if time.monotonic() - shown >= SHOWN:
            shown = time.monotonic()
            for line in watch.lines(elapsed):
                say(line)
        time.sleep(0.5)


def quiet(url: str, ceiling: float = 60) -> None:
    """Wait until no stream grows any more."""

    async def lasts() -> dict[str, int]:
        nc = await stream.connect(url)
        try:
            return await stream.last_sequences(nc, "trades.>")
        finally:
            await nc.close()

    end, before = time.monotonic() + ceiling, asyncio.run(lasts())
    while time.monotonic() < end:
        time.sleep(1.5)
        now = asyncio.run(lasts())
        if now == before:
            return
        before = now


def judge(run: Run, verdict: Verdict) -> dict[str, Any]:
    """Put the verdict and what the run showed together."""
    record = verdict.record()
    for market, entry in record["markets"].items():
        entry |= {"rotations": run.rotations.get(market, 0), "overlap_duplicates": run.duplicates.get(market, 0)}
    for market in run.markets:
        entry = record["markets"].get(market, {"sent": 0})
        planned, sent = run.plans.get(market, (0, 0))
        if not entry["sent"]:
            run.problems.append(f"{market}: no trade was sent to a connected client")
        if min(sent, entry["sent"]) < PLANNED * planned:
            run.problems.append(f"{market}: of {planned} planned trades {sent} were produced, {entry['sent']} sent")
        if not run.rotations.get(market):
            run.problems.append(f"{market}: was not rotated")
        elif not run.duplicates[market]:
            run.problems.append(f"{market}: its rotation shows no duplicates, so no overlap")
    if not record["examples"]:
        del record["examples"]
    return record | {"ok": record["ok"] and not run.problems} | ({"problems": run.problems} if run.problems else {})


def demo(options: Options) -> tuple[dict[str, Any], bool]:
    """Run the demo; return its result, and whether it proves anything.

    Raises:
        NotInTime: when something did not start or did not get ready.
    """
    run = Run()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(folder("metdc-demo-"))
        nats = stack.enter_context(nats_server())
        ledger, control, addresses = directory / "ledger.jsonl", "", None
        simulator: Process | None = None
        if not options.live:
            simulator = stack.enter_context(_simulator(options, ledger))
            hello = json.loads(simulator.line(30, where=lambda line: line.startswith("{")))
            control, addresses = hello["control"], hello["venues"]
        at = datetime.now(UTC) + timedelta(seconds=START_UP[options.live] + options.duration / 2)
        documents = resources(options, addresses, at=at)
        run.markets = [f"{d['spec']['exchange']}.{m['name']}" for d in documents for m in d["spec"]["markets"]]
        file = directory / "resources.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        say(f"metdc run: {', '.join(run.markets)} into {nats.url}")
        environment = {"XDG_STATE_HOME": str(directory / "state")}  # no run before this one has left anything there
        if not options.live:
            environment["METDC_DIVIDE_TIMERS"] = str(DIVIDE)
        command = [*metdc(), "run", "-f", file, "--nats", nats.url, "--format", "json"]
        process = stack.enter_context(Process(command, name="metdc run", env=environment))
        until_ready(process, run, live=options.live)
        say(f"all markets are ready; {options.duration:g} s of trades, one rotation of each market (Ctrl-C ends early)")
        if control:
            http(f"{control}/mark", {})
        with contextlib.suppress(KeyboardInterrupt), Watch(nats.url, run.markets) as watch:
            flow(process, run, watch, options)
        _finish(run, process, simulator, control, nats.url)
        say("auditing ...")
        verdict = asyncio.run(unaided.audit(nats.url) if options.live else audit(ledger, nats.url))
    for example in verdict.examples:
        say(str(example))
    return judge(run, verdict), not verdict.empty


def _simulator(options: Options, ledger: Path) -> Process:
    sizes = ("--seed", str(options.seed), "--rate", str(options.rate), "--history", str(HISTORY))
    timers = ("--divide-timers", str(DIVIDE))
    return Process(python("tests.simulator", "--port", "0", *sizes, *timers, "--ledger", ledger), name="simulator")


def _finish(run: Run, process: Process, simulator: Process | None, control: str, url: str) -> None:
    """Stop the trades, let everything drain, and end the collectors and the simulator."""
    if control:
        http(f"{control}/pause", {})
        say("the exchanges pause; waiting for the streams to come to rest")
        quiet(url)
        for plan in http(f"{control}/mark", {})["plans"]:
            run.plans[f"{plan['exchange']}.{plan['market']}"] = (plan["planned"], plan["sent"])
    code = process.terminate(60)
    for _ in events(process, run):
        pass
    if code != 0:
        run.problems.append(f"metdc run ended with {code}\n{process.log}")
    if simulator is not None and (code := simulator.terminate()) != 0:
        run.problems.append(f"the simulator ended with {code}\n{simulator.log}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description="The main job, live, then the audit.")
    parser.add_argument(
        "--duration", type=float, default=60, metavar="SECONDS", help="from all markets ready (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the simulated exchanges (%(default)s)")
    parser.add_argument("--rate", type=float, default=500, metavar="R", help="simulated trades/s in all (%(default)s)")
    parser.add_argument(
        "--live", action="store_true", help="the real exchanges; what a stream proves by itself is audited"
    )
    options = Options(**vars(parser.parse_args(argv)))
    if options.duration <= 0 or options.rate <= 0:
        parser.error("--duration and --rate must be above 0")
    heed_signals()
    return conclude(partial(demo, options), NotInTime, stream.CannotRead, OSError)


if __name__ == "__main__":
    sys.exit(main())
