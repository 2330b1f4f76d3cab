"""What each fault does in a scene: strike, wait until ours has noticed and streams again.

A fault function hits all its cases at the same time. It notes in each case how often the simulator says that it struck,
and what of ours told of it; the row's `injected` needs both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.audit.holes import Rule
from tests.chaos.scene import Case, Scene
from tests.chaos.table import COUNTED

Cases = Sequence[Case]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        run: does it.
        settle: seconds that everything may take to come to rest afterwards.
        omits: whether single trades vanish without any other sign: where ids don't count, only sampling can find them.
    """

    run: Callable[[Scene, Cases], None]
    settle: float = 20.0
    omits: bool = False

    def rule(self, case: Case) -> Rule:
        """By which rule a row is judged."""
        return "sampled" if self.omits and case.market.key not in COUNTED else "held"


def put(scene: Scene, case: Case, name: str, **parameters: Any) -> int:
    """Put a fault of the simulator on the case's market; return its number where it lasts, else how many it struck."""
    market = case.market
    answer = scene.simulated.order("/fault", fault=name, exchange=market.exchange, market=market.name, **parameters)
    return int(answer["struck"] if "struck" in answer else answer["id"])


def hits(scene: Scene, number: int) -> int:
    """Return how often a lasting fault has struck."""
    faults = scene.simulated.order_get("/state")["faults"]
    return next((int(fault["hits"]) for fault in faults if fault["id"] == number), 0)


def heed(cases: Cases, *texts: str) -> None:
    """Count what the logs say already, before a strike."""
    for case in cases:
        case.before = {text: case.pod.said(text) for text in texts}


def logs(*texts: str) -> Callable[[Case], bool]:
    """Return a look that holds once the log has any of these texts anew, and notes its line in the case."""

    def look(case: Case) -> bool:
        for text in texts:
            if case.pod.said(text) > case.before[text]:
                case.noticed = case.pod.messages(text)[-1]
                return True
        return False

    return look


def socket_fault(name: str, **parameters: Any) -> Callable[[Scene, Cases], None]:
    """Return a fault that strikes all connections of the markets at once."""

    def run(scene: Scene, cases: Cases) -> None:
        heed(cases, "reconnecting: ")
        for case in cases:
            case.strike()
            case.struck = put(scene, case, name, **parameters)
        scene.each(cases, logs("reconnecting: "), "it notices that a connection is lost")
        scene.recovered(cases)

    return run


def planned_end(scene: Scene, cases: Cases) -> None:
    """The venue says that it ends, where it can, and does so four seconds later."""
    for case in cases:
        case.strike()
        case.struck = put(scene, case, "planned_end", lead=4.0)

    def replaced(case: Case) -> bool:
        opened = scene.connections(case.market, "open", since=case.began)
        closed = scene.connections(case.market, "close", since=case.began)
        if opened and closed:
            order = "before" if opened[0]["at"] < closed[0]["at"] else "after"
            case.noticed = f"a new connection {order} the end of the old one"
        return case.noticed is not None

    scene.each(cases, replaced, "a new connection, and the old one is gone")
    for case in cases:
        case.lift()
    scene.recovered(cases)


def malformed(*, beside: bool, share: float) -> Callable[[Scene, Cases], None]:
    """Return a fault that damages frames; with ``beside`` the healthy frame comes as well.

    Not so on Phemex: rows have no ids there, so a healthy row of a damaged frame and the same row again are two trades.
    """

    def run(scene: Scene, cases: Cases) -> None:
        numbers, counts = {}, {}
        for case in cases:
            counts[case.market.key] = _malformed(case)
            case.strike()
            healthy = beside and case.market.exchange != "phemex"
            numbers[case.market.key] = put(scene, case, "malformed", seconds=600, share=share, beside=healthy)
        scene.flow(cases, 2)
        for case in cases:
            case.struck = hits(scene, numbers[case.market.key])
            scene.simulated.order("/faults/clear", id=numbers[case.market.key])
            case.lift()

        def counted(case: Case) -> bool:
            more = _malformed(case) - counts[case.market.key]
            case.noticed = f"{more} malformed frames counted" if more > 0 else None
            return more > 0

        scene.each(cases, counted, "it counts malformed frames")
        scene.recovered(cases)

    return run


def _malformed(case: Case) -> int:
    report = case.pod.report()
    return int(report["frames"]["malformed"]) if report else 0


FAULTS: dict[str, Fault] = {
    "planned_end": Fault(planned_end),
    "malformed": Fault(malformed(beside=True, share=0.2)),
    "reset": Fault(socket_fault("reset")),
}
