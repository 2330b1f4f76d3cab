"""Faults that need a scene of their own: long outages, a cluster, a full disk, another clock, many collectors."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
import orjson

from tests.audit import stream
from tests.chaos.faults import Fault, put
from tests.chaos.noticing import Cases, heed, logs
from tests.chaos.processes import away, grown
from tests.chaos.rounds import audit, play, result
from tests.chaos.scene import DIVISOR, Case, Scene, scene
from tests.chaos.table import Row
from tests.harness import NatsServer, NotInTime, folder, free_port, say
from tests.integration.rig import START, jetstream

MIB = 1024 * 1024
AWAY = 600.0
"""Seconds for which NATS is away, at :data:`FAST` trades a second."""
FAST = 5000.0
KEPT = 192
"""MiB that a collector may need more while NATS is away: 64 of messages, as much for the objects around them, and 64
at the gate (docs/collector.md, publishing and memory)."""
FIRST_NEW = 10.0
"""Seconds within which a collector that starts on a spool of millions of trades has stored a new one."""
DELIVERED = 900.0
"""Seconds within which that spool is delivered."""
DISK = 64
"""MiB of the disk that fills."""
FULL = 300.0
"""Seconds within which it has to be full at :data:`FAST` trades a second."""
HOUR = 3600
ROTATIONS = 10
WINDOW, OUTAGE = "20s", 45.0
"""Two collectors: the server's duplicate window, and an outage that is longer."""
LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
"""Where Debian's package libfaketime has it."""


@dataclass(frozen=True, slots=True)
class Own:
    """A fault with its scene.

    Attributes:
        fault: what is done.
        rate: trades a second of each market.
        by: divides the timers of both sides.
        how: of each collector, for :class:`tests.chaos.scene.Pod`, ``spec`` for its configuration.
        nats: makes other servers than a single one; the first one's address is what is audited.
    """

    fault: Fault
    rate: float = 60.0
    by: float = DIVISOR
    how: Callable[[Path], Mapping[str, Any]] = field(default=lambda _: {})
    nats: Callable[[Path], contextlib.AbstractContextManager[list[NatsServer]]] | None = None


def play_own(row: Row, own: Own, *, seed: int) -> list[dict[str, Any]]:
    """Play one row in its scene and return its results.

    Raises:
        NotInTime: when something does not start.
    """
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(folder("metdc-chaos-own-"))
        servers = stack.enter_context(own.nats(place)) if own.nats else []
        here = stack.enter_context(
            scene(row.markets, seed=seed, rate=own.rate, by=own.by, servers=servers, **own.how(place))
        )
        done = play(here, row, own.fault)
        found = audit(here, done)
    return [result(one.case, it, own.fault) for one, it in zip(done, found, strict=True)]


def nats_away(seconds: float) -> Callable[[Scene, Cases], None]:
    """Return a fault: NATS is away for so many seconds. The most memory that a collector had is in its row."""

    def run(scene: Scene, cases: Cases) -> None:
        heed(cases, "connected to NATS")
        for case in cases:
            case.extra["resident_before_mib"] = case.pod.view.resident() // MIB
            case.strike()
        code = scene.nats.process.kill()
        scene.each(cases, away, "it says that NATS is away")
        _sleep(seconds, f"NATS is away for {seconds:g} s")
        scene.nats.start()
        for case in cases:
            case.lift()
            case.struck = int(code == -signal.SIGKILL)
        scene.each(cases, logs("connected to NATS"), "it is connected to NATS again")
        scene.recovered(cases, timeout=120)
        for case in cases:
            bound = case.extra["resident_before_mib"] + KEPT
            case.extra["resident_mib"] = case.pod.view.resident() // MIB
            if case.extra["resident_mib"] > bound:
                case.problems.append(f"it had {case.extra['resident_mib']} MiB of memory; the bound is {bound}")

    return run


def spool_start(seconds: float) -> Callable[[Scene, Cases], None]:
    """Return a fault: NATS is away for so many seconds, and a new process finds what the old one left on the disk."""

    def run(scene: Scene, cases: Cases) -> None:
        heed(cases, "spool")
        before = scene.serials()
        for case in cases:
            case.strike()
        scene.nats.process.kill()
        scene.each(cases, away, "it says that NATS is away")
        _sleep(seconds, f"NATS is away for {seconds:g} s")
        for case in cases:
            case.extra["exit_code"] = case.pod.view.process.terminate(70)
            case.struck = scene.serials()[case.market.key] - before[case.market.key]
        scene.nats.start()
        started = time.time_ns()
        for case in cases:
            case.pod.start()
        scene.recovered(cases, timeout=120)
        for case in cases:
            case.lift()
        scene.each(cases, logs("spool"), "it tells of the spool", 5)
        scene.each(cases, delivered, "the spool is delivered", DELIVERED)
        for case in cases:
            first = first_stored(scene, case, started)
            case.extra["first_new_s"] = None if first is None else round((first - started) / 1e9, 2)
            if first is None or first > started + FIRST_NEW * 1e9:
                case.problems.append(f"its first new trade was stored after {case.extra['first_new_s']} s")

    return run


def delivered(case: Case) -> bool:
    """Whether a collector has nothing left that is not acknowledged, but for what comes just now."""
    report = case.pod.report()
    return report is not None and report["backlog"]["trades"] < FAST


def first_stored(scene: Scene, case: Case, since: int) -> int | None:
    """Return when the first trade was stored that was received from a time (ns) on, not over REST; None for none."""
    found: list[int] = []

    def take(stored: stream.Stored) -> None:
        payload = orjson.loads(stored.data)
        if payload["received"] >= since and "backfilled" not in payload:
            found.append(stored.at)

    async def read() -> None:
        client = await stream.connect(scene.nats.url)
        try:
            await stream.read(client, f"trades.{case.market.key}.>", take)
        finally:
            await client.close()

    asyncio.run(read())
    return min(found, default=None)


def _sleep(seconds: float, what: str) -> None:
    say(f"    {what}")
    time.sleep(seconds)


@contextlib.contextmanager
def nats_cluster(place: Path) -> Iterator[list[NatsServer]]:
    """Run three servers that form a cluster."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    with contextlib.ExitStack() as stack:
        servers = []
        for number, port in enumerate(ports, 1):
            text = f"server_name: n{number}\ncluster {{ name: metdc, listen: 127.0.0.1:{port}, routes: [{routes}] }}"
            servers.append(NatsServer(place / f"n{number}", configuration=text))
            stack.callback(servers[-1].stop)
            servers[-1].start()
        yield servers


def nats_leader(scene: Scene, cases: Cases) -> None:
    """The server that leads the stream crashes; five seconds of trading later it comes back."""
    name = f"TRADES_{cases[0].market.exchange.upper()}"

    def leader(url: str) -> str:
        async def ask(js: Any) -> str:
            cluster = (await js.stream_info(name)).cluster
            return str(cluster.leader if cluster else "")

        return jetstream(url, ask)

    first = leader(scene.servers[0].url)
    place = int(first.removeprefix("n")) - 1
    told = ("again: ", "connected to NATS", "cannot be reached")
    heed(cases, *told)
    for case in cases:
        case.strike()
    scene.servers[place].kill()
    survivor = scene.servers[(place + 1) % 3]
    scene.each(cases, lambda case: logs(*told)(case) or grown(case), "it notices that the leader is lost")
    scene.flow(cases, 5)

    def elected(case: Case) -> bool:
        with contextlib.suppress(nats.errors.Error, stream.CannotRead, TimeoutError):
            second = leader(survivor.url)
            case.struck = int(second not in {"", first})
        return case.struck > 0

    scene.each(cases, elected, "another server leads", 20)
    scene.servers[place].start()
    for case in cases:
        case.lift()
    scene.recovered(cases)


def disk_full(scene: Scene, cases: Cases) -> None:
    """NATS is away until the disk below the spool, 64 MiB, is full, and for five seconds of trading more."""
    heed(cases, "spool", "disk", "space")
    for case in cases:
        case.strike()
    scene.nats.kill()

    def full(case: Case) -> bool:
        root = Path(f"/proc/{case.pod.view.process.pid}/root{case.pod.place / 'spool'}")
        disk = os.statvfs(root)
        used = (disk.f_blocks - disk.f_bavail) * disk.f_frsize // MIB
        case.extra["disk_mib"] = disk.f_blocks * disk.f_frsize // MIB
        case.struck = int(used) if disk.f_blocks and disk.f_bavail * 50 < disk.f_blocks else 0
        return case.struck > 0

    scene.each(cases, full, "the disk is full", FULL)
    for case in cases:
        case.since = time.time_ns()  # what REST held before was safe on the disk then
    scene.flow(cases, 5)
    scene.nats.start()
    for case in cases:
        case.lift()
    scene.each(cases, logs("spool", "disk", "space"), "it says that the disk is full")
    scene.recovered(cases, timeout=120)
    for case in cases:
        case.extra["resident_mib"] = case.pod.view.resident() // MIB


def small_disk(_: Path) -> dict[str, Any]:
    """Return how a collector gets a small disk for its spool: a tmpfs in a mount namespace of its own."""
    mount = f'mount -t tmpfs -o size={DISK}m tmpfs "$METDC_SPOOL" && exec "$@"'
    return {"wrap": ("unshare", "-rm", "sh", "-c", mount, "sh"), "spec": {"stream": {"maxBytes": "8Gi"}}}


def faketime(place: Path) -> dict[str, Any]:
    """Return how a collector gets a wall clock that a file moves; its monotonic clock stays as it is.

    Raises:
        NotInTime: without libfaketime.
    """
    library = next(Path("/").glob(LIBRARIES.lstrip("/")), None)
    if library is None:
        raise NotInTime("libfaketime is not installed; on Debian: apt-get install libfaketime")
    clock = place / "clock"
    clock.write_text("+0\n")
    env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock)}
    return {"env": {**env, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}}


def clock_step(scene: Scene, cases: Cases) -> None:
    """The wall clock steps an hour ahead, then an hour behind; after each step the connections are cut."""
    heed(cases, "the system clock stepped")
    env = cases[0].pod.env
    for case in cases:
        case.strike()
    for step in (HOUR, -HOUR):
        Path(env["FAKETIME_TIMESTAMP_FILE"]).write_text(f"{step:+d}\n")
        now = int(subprocess.run(["date", "+%s"], env={**os.environ, **env}, capture_output=True, check=True).stdout)
        scene.flow(cases, 1)
        for case in cases:
            put(scene, case, "reset")
            case.struck += abs(now - time.time() - step) < 60
        scene.flow(cases, 2)
    for case in cases:
        case.lift()
    scene.each(cases, logs("the system clock stepped"), "it says that the clock stepped")
    scene.recovered(cases)


def two_collectors(scene: Scene, cases: Cases) -> None:
    """Two collectors of each market keep the same trades while NATS is away for longer than it knows what it has."""
    for case in cases:
        twin = scene.pod(case.market, pod="pod-b", spec={"stream": {"duplicateWindow": WINDOW}})
        scene.others.append(twin)
        twin.start()
        case.others.append(twin)
    for case in cases:
        case.others[0].view.until_ready()
    scene.flow(cases, 2)
    heed(cases, "connected to NATS")
    for case in cases:
        case.strike()
    code = scene.nats.process.kill()
    scene.each(cases, away, "it says that NATS is away")
    _sleep(OUTAGE, f"NATS is away for {OUTAGE:g} s")
    for case in cases:
        backlogs = [report["backlog"]["trades"] for pod in case.pods if (report := pod.report())]
        case.extra["backlogs"] = backlogs
        case.struck = int(code == -signal.SIGKILL) if min(backlogs, default=0) else 0
    scene.nats.start()
    for case in cases:
        case.lift()
    scene.each(cases, logs("connected to NATS"), "it is connected to NATS again")
    scene.recovered(cases)


def quiet_rotations(scene: Scene, cases: Cases) -> None:
    """Ten replacements of each collector while hardly a symbol trades: one trade each after every third."""
    for case in cases:
        scene.simulated.rate(case.market, 0)
        case.strike()
    for number in range(1, ROTATIONS + 1):
        for case in cases:
            old = case.pod
            case.pod = scene.pods[case.market.key] = scene.pod(case.market, pod=f"pod-{number}")
            scene.others.append(old)
            case.pod.start()
        for case in cases:
            case.pod.view.until_ready()
            case.struck += 1
        for old in scene.others[-len(cases) :]:
            if (code := old.view.process.terminate(START)) != 0:
                cases[0].problems.append(f"{old.name} ended with {code}")
        if number % 3 == 0:
            scene.every_symbol_trades(cases)
    for case in cases:
        case.lift()
        case.noticed = f"{case.pod.name} took over"
        scene.simulated.rate(case.market, scene.rate)
    scene.recovered(cases)


def large(_: Path) -> dict[str, Any]:
    """Return the configuration of a stream that takes millions of trades."""
    return {"spec": {"stream": {"maxBytes": "8Gi"}}}


SCENES: dict[str, Own] = {
    "nats_away": Own(Fault(nats_away(AWAY), settle=900), rate=FAST, by=1, how=large),
    "spool_start": Own(Fault(spool_start(AWAY), settle=300), rate=FAST, by=1, how=large),
    "nats_leader": Own(
        Fault(nats_leader, settle=60), rate=200, how=lambda _: {"spec": {"stream": {"replicas": 3}}}, nats=nats_cluster
    ),
    "disk_full": Own(Fault(disk_full, settle=300), rate=FAST, how=small_disk),
    "clock_step": Own(Fault(clock_step, settle=40), how=faketime),
    "two_collectors": Own(
        Fault(two_collectors, settle=60), rate=200, how=lambda _: {"spec": {"stream": {"duplicateWindow": WINDOW}}}
    ),
    "quiet_rotations": Own(Fault(quiet_rotations)),
}
