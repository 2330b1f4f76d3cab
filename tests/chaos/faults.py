"""What each fault does in a scene: strike, wait until ours has noticed and streams again.

A fault function hits all its cases at the same time. It notes in each case how often the simulator says that it struck,
and what of ours told of it; the row's `injected` needs both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.audit.holes import Rule
from tests.chaos import processes
from tests.chaos.noticing import Cases, heed, logs
from tests.chaos.scene import PLAYED, Case, Scene
from tests.chaos.table import COUNTED


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        run: does it.
        settle: seconds that everything may take to come to rest afterwards.
        counts: a column of the audit that says how often it struck, where only the ledger tells.
        omits: whether single trades vanish without any other sign: where ids don't count, only sampling can find them.
    """

    run: Callable[[Scene, Cases], None]
    settle: float = 180.0  # Phemex answers 100 requests a minute, a quarter of them to one process
    counts: str | None = None
    omits: bool = False

    def rule(self, case: Case) -> Rule:
        """By which rule a row is judged."""
        return "sampled" if self.omits and case.market.key not in COUNTED else "held"


def put(scene: Scene, case: Case, name: str, **parameters: Any) -> int:
    """Put a fault of the simulator on the case's market; return how many it struck, 0 where it lasts."""
    market = case.market
    answer = scene.simulated.order("/fault", fault=name, exchange=market.exchange, market=market.name, **parameters)
    return int(answer.get("struck", 0))


def hits(scene: Scene, case: Case, name: str) -> int:
    """Return how often a lasting fault has struck the case's market.

    What strikes connections and requests, strikes a port: where two markets share one, the fault that was put first
    counts for both.
    """
    faults = scene.simulated.order_get("/state")["faults"]
    here = [fault for fault in faults if fault["fault"] == name and fault["exchange"] == case.market.exchange]
    own = sum(int(fault["hits"]) for fault in here if fault["market"] == case.market.name)
    shared = case.market.key not in PLAYED and name in OF_PORTS
    return own or (sum(int(fault["hits"]) for fault in here) if shared else 0)


def shared(cases: Cases) -> None:
    """Where two markets share a port, the first order struck the connections of both."""
    for case in cases:
        if not case.struck and case.market.key not in PLAYED:
            case.struck = max(other.struck for other in cases if other.market.exchange == case.market.exchange)


def cleared(scene: Scene, cases: Cases) -> None:
    """Switch all lasting faults off, and note that they are."""
    scene.simulated.clear()
    for case in cases:
        case.lift()


def socket_fault(name: str, **parameters: Any) -> Callable[[Scene, Cases], None]:
    """Return a fault that strikes all connections of the markets at once."""

    def run(scene: Scene, cases: Cases) -> None:
        heed(cases, "reconnecting: ")
        for case in cases:
            case.strike()
            case.struck = put(scene, case, name, **parameters)
        shared(cases)
        scene.each(cases, logs("reconnecting: "), "it notices that a connection is lost")
        scene.recovered(cases)

    return run


def planned_end(scene: Scene, cases: Cases) -> None:
    """The venue says that it ends, where it can, and does so four seconds later."""
    for case in cases:
        case.strike()
        case.struck = put(scene, case, "planned_end", lead=4.0)
    shared(cases)

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
        counts = {}
        for case in cases:
            counts[case.market.key] = _malformed(case)
            case.strike()
            healthy = beside and case.market.exchange != "phemex"
            put(scene, case, "malformed", seconds=600, share=share, beside=healthy)
        scene.flow(cases, 2)
        for case in cases:
            case.struck = hits(scene, case, "malformed")
        cleared(scene, cases)

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


def lasting(name: str, seconds: float, *texts: str, reset: bool = False, **parameters: Any) -> Callable[..., None]:
    """Return a fault that is on for so many seconds of trading at least, and until it has struck.

    Args:
        name: the simulator's fault.
        seconds: how long it stays.
        texts: what the log has to say anew, any of them; none: nothing can be noticed but what the audit sees.
        reset: whether connections are cut as well, right after the fault was put, so that it strikes their return.
        parameters: of the fault.
    """

    def run(scene: Scene, cases: Cases) -> None:
        heed(cases, "reconnecting: ", *texts)
        for case in cases:
            case.strike()
            put(scene, case, name, seconds=600, **parameters)
            if reset:
                put(scene, case, "reset")
        if reset:
            scene.each(cases, logs("reconnecting: "), "it notices that a connection is lost")
        scene.flow(cases, seconds)

        def struck(case: Case) -> bool:
            case.struck = hits(scene, case, name)
            return case.struck > 0

        scene.each(cases, struck, f"{name} strikes", 12)
        if texts:
            for case in cases:
                case.noticed = None
            scene.each(cases, logs(*texts), f"the log says {' or '.join(texts)}", 12)
        for case in cases:
            struck(case)
            if not texts and not reset:
                case.noticed = SILENT
        cleared(scene, cases)
        scene.recovered(cases)

    return run


def rest_lag(scene: Scene, cases: Cases) -> None:
    """Connections are cut while REST is five seconds late, as a cache in front of it makes it; it stays late."""
    heed(cases, "reconnecting: ")
    for case in cases:
        put(scene, case, "rest_lag", seconds=600, by=LAG)
        case.strike()
        put(scene, case, "refuse_connect", seconds=2, status=503)  # so that numbers tell of a hole
        put(scene, case, "reset")
    scene.each(cases, logs("reconnecting: "), "it notices that a connection is lost")
    scene.recovered(cases)

    def struck(case: Case) -> bool:
        case.struck = hits(scene, case, "rest_lag")
        return case.struck > 0

    scene.each(cases, struck, "REST is asked for young trades, for a hole or a sample", 30)


def omit(scene: Scene, cases: Cases) -> None:
    """Single trades vanish from the sockets, and REST replies that showed them have time to be compared."""
    lasting("omit", 3, share=0.05)(scene, cases)
    scene.flow(cases, JUDGED)


def omit_long(scene: Scene, cases: Cases) -> None:
    """Single trades vanish from the sockets until each symbol was sampled over REST, or had to be."""
    for case in cases:
        case.strike()
        put(scene, case, "omit", seconds=3600, share=0.02)
    scene.flow(cases, 3)

    def sampled(case: Case) -> bool:
        names = set(scene.subscribed(case.market))
        asked = names - scene.asked(case.market, since=case.began)
        return case.market.key in COUNTED or not asked

    scene.each(cases, sampled, "each symbol is sampled within its hour", SAMPLED)
    for case in cases:
        case.struck = hits(scene, case, "omit")
        case.noticed = SILENT
    cleared(scene, cases)
    scene.recovered(cases)


def own_code(scene: Scene, cases: Cases) -> None:
    """The venue ends connections with a close code that nobody has heard of."""
    heed(cases, "reconnecting: ")
    for case in cases:
        case.strike()
        put(scene, case, "own_code", seconds=600, code=UNHEARD)
        put(scene, case, "close_code", code=1001, reason="going away")
    scene.each(cases, logs("reconnecting: "), "it notices that a connection is lost")
    for case in cases:
        case.struck = hits(scene, case, "own_code")
    cleared(scene, cases)
    scene.recovered(cases)


def burst(scene: Scene, cases: Cases) -> None:
    """A thousand trades of the busiest symbol within half a second."""
    for case in cases:
        case.strike()
        case.struck = put(scene, case, "burst", count=1000, seconds=0.5)
        case.noticed = SILENT
    scene.flow(cases, 3)
    for case in cases:
        case.lift()
    scene.recovered(cases)


def equal_rows(scene: Scene, cases: Cases) -> None:
    """Rows that are equal in all fields, some in the next frame, around the loss of a connection."""
    for case in cases:
        scene.simulated.rate(case.market, EQUAL_RATE)
    scene.flow(cases, 4 * EQUAL_RATE / scene.rate)
    socket_fault("reset")(scene, cases)
    scene.flow(cases, 4 * EQUAL_RATE / scene.rate)


SILENT = "nothing to notice but the trades themselves"
JUDGED = 6.0
"""Seconds after which a trade that REST showed and no socket brought is known to lack."""
UNHEARD = 3999
"""A close code that no venue's documents name."""
LAG = 5.0
"""Seconds by which REST is late."""
SAMPLED = 240.0
"""Seconds within which each symbol has been sampled: an hour of divided time, and a minute more."""
EQUAL_RATE = 500.0
"""Trades a second, of which one in fifty equals the one before."""
OF_PORTS = frozenset(
    {"refuse_connect", "slow_ack", "delay", "rest_error", "rest_body", "deaf", "own_code", "no_headers"}
)
"""Faults of the simulator that strike whatever comes to a port."""
_LIST = "what is streamed stays as it is"

FAULTS: dict[str, Fault] = {
    "planned_end": Fault(planned_end),
    # A frame may not say whose trades it held.
    "malformed": Fault(malformed(beside=True, share=0.2), omits=True),
    "damaged": Fault(malformed(beside=False, share=0.2), omits=True),
    "reset": Fault(socket_fault("reset")),
    "half_open": Fault(socket_fault("half_open")),
    "close_code": Fault(socket_fault("close_code", code=1001, reason="going away")),
    "refuse_connect": Fault(lasting("refuse_connect", 3, reset=True, status=503)),
    "slow_ack": Fault(lasting("slow_ack", 1, reset=True, by=0.3)),
    "silent_ack": Fault(lasting("silent_ack", 3, reset=True), counts="omitted", omits=True),
    "omit": Fault(omit, counts="omitted", omits=True),
    "omit_long": Fault(omit_long, counts="omitted", omits=True),
    "duplicate_trades": Fault(lasting("duplicate_trades", 2)),
    "out_of_order_rows": Fault(lasting("out_of_order_rows", 2)),
    "skip_ids": Fault(lasting("skip_ids", 2, share=0.1)),
    "shift_time": Fault(lasting("shift_time", 2, by=0.5)),
    "old_trades": Fault(lasting("old_trades", 1, reset=True)),
    "deaf": Fault(lasting("deaf", 2, reset=True)),
    "own_code": Fault(own_code),
    "no_headers": Fault(lasting("no_headers", 1, reset=True)),
    "delay": Fault(lasting("delay", 3, by=0.5)),
    "burst": Fault(burst),
    "equal_rows": Fault(equal_rows, counts="equal"),
    "rest_lag": Fault(rest_lag),
    "rest_error": Fault(lasting("rest_error", 3, "503", reset=True, status=503)),
    **{
        f"rest_body_{mode}": Fault(lasting("rest_body", 1, *([] if mode == "gzip" else [_LIST]), mode=mode, share=0.9))
        for mode in ("empty", "not_json", "gzip", "truncated", "shrunk")
    },
    "nats_kill": Fault(processes.nats_kill),
    "nats_stop": Fault(processes.nats_stop),
    "collector_kill": Fault(processes.collector_kill),
    "collector_stop": Fault(processes.collector_stop),
}
"""Faults that share a scene: one after another, each on all its markets at the same time."""
