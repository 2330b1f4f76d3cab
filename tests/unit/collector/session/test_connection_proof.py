"""Up to when a connection that has ended is known to have brought all that the venue sent."""

from types import SimpleNamespace
from typing import Any, cast

from metdc_collector.clock import Clock
from metdc_collector.session.connection import Connection, Plan
from metdc_collector.session.policy import End, Outcome
from tests.unit.collector.made import BTC, MOMENT, SECOND, HandClock

FULL = 256 * 1024


class Rig:
    """A connection whose socket is read by hand; it has started at once, and turns each second."""

    def __init__(self) -> None:
        self.hand = HandClock()
        plan = SimpleNamespace(clock=Clock(wall=lambda: MOMENT, monotonic=self.hand), instruments={"BTCUSDT": BTC})
        self.connection = Connection(cast(Plan, plan), 1, ["BTCUSDT"])
        self.connection._awake = self.connection._emptied = self.connection._proof = MOMENT

    def turn(self, seconds: float) -> None:
        """The process turns until then."""
        while self.hand.time < seconds * SECOND:
            self.hand.time = min(self.hand.time + SECOND, round(seconds * SECOND))
            self.connection._turn(MOMENT + self.hand.time)

    def read(self, size: int = 100) -> float:
        """Bytes are read; return up to when all has come, in seconds."""
        self.connection._reading(size)
        return (self.connection._proof - MOMENT) / SECOND


def test_a_read_proves_all_that_was_sent_before() -> None:
    rig = Rig()
    rig.turn(20)
    assert rig.read() == 20


def test_what_a_freeze_has_left_in_the_socket_proves_nothing_of_the_freeze() -> None:
    rig = Rig()
    rig.turn(20)
    rig.read()
    rig.hand.time = 80 * SECOND
    assert [rig.read(FULL), rig.read(FULL), rig.read()] == [20, 20, 20]


def test_it_proves_nothing_either_when_the_process_has_turned_before_it_reads() -> None:
    rig = Rig()
    rig.turn(20)
    rig.read()
    rig.hand.time = 80 * SECOND
    rig.connection._turn(MOMENT + 80 * SECOND)
    assert rig.read() == 20


def test_what_comes_after_the_socket_was_empty_again_proves_the_freeze_too() -> None:
    rig = Rig()
    rig.turn(20)
    rig.read()
    rig.hand.time = 80 * SECOND
    rig.read()
    rig.turn(81)
    assert rig.read() == 81


async def test_what_has_waited_in_the_socket_for_room_proves_nothing_of_the_wait() -> None:
    rig = Rig()
    rig.turn(20)
    rig.read()
    cast(Any, rig.connection.plan).sink = SimpleNamespace(full=False)
    rig.turn(80)
    feed = SimpleNamespace(transport=SimpleNamespace(pause_reading=lambda: None, resume_reading=lambda: None))
    await rig.connection._wait_for_room(cast(Any, feed))
    assert rig.read() == 20
    rig.turn(81)
    assert rig.read() == 81


class Feed:
    """A socket that can be broken."""

    def __init__(self) -> None:
        self.aborted = 0
        self.transport = SimpleNamespace(abort=self._abort)

    def _abort(self) -> None:
        self.aborted += 1


def test_a_connection_that_is_of_no_use_is_ended_once() -> None:
    rig = Rig()
    rig.connection.give_up("nobody is there")
    assert rig.connection._fault is None
    feed = Feed()
    rig.connection._feed = cast(Any, feed)
    rig.connection.give_up("it sends nothing")
    rig.connection.give_up("again")
    fault: Outcome | None = cast(Any, rig.connection)._fault
    assert (feed.aborted, fault) == (1, Outcome(End.FAILED, "it sends nothing"))


def test_a_subscription_is_renewed_once_it_was_asked_for() -> None:
    rig = Rig()
    rig.connection.renew("BTCUSDT")
    assert rig.connection._errands.empty()
    rig.connection._asked = True
    rig.connection.renew("ETHUSDT")
    assert rig.connection._errands.empty()
    rig.connection.renew("BTCUSDT")
    said: list[tuple[str, list[str]]] = []
    talk = SimpleNamespace(
        subscribe=lambda names, now: said.append(("subscribe", names)),
        unsubscribe=lambda names, now: said.append(("unsubscribe", names)),
    )
    while not rig.connection._errands.empty():
        rig.connection._errands.get_nowait()(cast(Any, talk))
    assert said == [("unsubscribe", ["BTCUSDT"]), ("subscribe", ["BTCUSDT"])]
