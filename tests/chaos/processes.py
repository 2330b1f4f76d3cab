"""Faults of processes: NATS and collectors that die, stand still, and come back."""

import signal
import time
from pathlib import Path

from tests.chaos.noticing import Cases, heed, logs
from tests.chaos.scene import Case, Scene


def nats_kill(scene: Scene, cases: Cases) -> None:
    """NATS crashes, is away for a second of trading, and comes back with its store."""
    heed(cases, "connected to NATS")
    for case in cases:
        case.strike()
    code = scene.nats.process.kill()
    scene.each(cases, away, "it says that NATS is away")
    scene.flow(cases, 1)
    scene.nats.start()
    for case in cases:
        case.lift()
        case.struck = int(code == -signal.SIGKILL)
    scene.each(cases, logs("connected to NATS"), "it is connected to NATS again")
    scene.recovered(cases)


def away(case: Case) -> bool:
    """Whether the collector says that NATS is away."""
    report = case.pod.report()
    return report is not None and not report["nats"]["connected"]


def nats_stop(scene: Scene, cases: Cases) -> None:
    """NATS stands still for two seconds of trading, while its connections stay."""
    for case in cases:
        case.strike()
    scene.nats.process.signal(signal.SIGSTOP)
    try:
        scene.flow(cases, 2)
        stopped = stands_still(scene.nats.process.pid)
        scene.each(cases, grown, "its backlog grows")
    finally:
        scene.nats.process.signal(signal.SIGCONT)
    for case in cases:
        case.lift()
        case.struck = int(stopped)
    scene.recovered(cases)


def grown(case: Case) -> bool:
    """Whether the collector keeps trades that are not acknowledged; noted in the case."""
    report = case.pod.report()
    if report is not None and (count := report["backlog"]["trades"]) >= 20:
        case.noticed = f"a backlog of {count} trades"
    return case.noticed is not None


def stands_still(pid: int) -> bool:
    """Whether a process is stopped, by the kernel's word."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def collector_kill(scene: Scene, cases: Cases) -> None:
    """Collectors crash and are started again after a second of trading."""
    for case in cases:
        case.strike()
        case.pod.kill()
        case.struck = int(case.pod.view.process.exit_code == -signal.SIGKILL)
        case.since = time.time_ns()
    scene.flow(cases, 1)
    for case in cases:
        case.pod.start()
        case.lift()

    def another(case: Case) -> bool:
        report = case.pod.report()
        if report is not None and report["started"] > case.since:
            case.noticed = f"a process started {(report['started'] - case.began) / 1e9:.1f} s after the kill"
        return case.noticed is not None

    scene.each(cases, another, "another process reports")
    scene.recovered(cases)


def collector_stop(scene: Scene, cases: Cases) -> None:
    """Collectors stand still for eight seconds, longer than venues with divided timers wait for a sign of life."""
    for case in cases:
        case.strike()
        case.pod.signal(signal.SIGSTOP)
    scene.flow(cases, 8)
    for case in cases:
        case.struck = int(stands_still(case.pod.view.process.pid))
        before = time.time_ns()
        case.pod.signal(signal.SIGCONT)
        case.lift()
        case.before = {"continued": before}

    def goes_on(case: Case) -> bool:
        report = case.pod.report()
        if report is not None and report["at"] > case.before["continued"]:
            case.noticed = "it reports again"
        return case.noticed is not None

    scene.each(cases, goes_on, "it reports again")
    scene.recovered(cases)
