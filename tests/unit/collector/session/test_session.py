"""A connection that is kept: replaced when it ends, and before it ends where the venue says so."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any, cast

import pytest

from metdc_collector.clock import Timers
from metdc_collector.exchanges.base import Rate
from metdc_collector.limits import Budget
from metdc_collector.session import session
from metdc_collector.session.connection import Plan
from metdc_collector.session.policy import End, Outcome, State
from metdc_collector.session.session import Session

BROKEN, BLOCKED = Outcome(End.FAILED, "the connection broke"), Outcome(End.REGION, "HTTP 451")


class Connection:
    """A connection that does what the test says."""

    def __init__(self, plan: Plan, number: int, names: Sequence[str]) -> None:
        self.number = number
        self.names = names
        self.streaming: set[str] = set()
        self.answered = asyncio.Event()
        self.ending = asyncio.Event()
        self.trades = 0
        self.over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def run(self) -> Outcome:
        return await self.over

    def add(self, names: Sequence[str]) -> None:
        self.names = [*self.names, *names]

    def remove(self, names: Collection[str]) -> None:
        self.names = [name for name in self.names if name not in names]

    async def close(self) -> None:
        self.end(Outcome(End.FAILED, "closed from our side"))

    def answer(self) -> None:
        self.streaming.update(self.names)
        self.answered.set()

    def end(self, outcome: Outcome = BROKEN) -> None:
        if not self.over.done():
            self.over.set_result(outcome)


class Rig:
    """A session over such connections; its pauses last until the test ends them."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.pauses: list[float] = []
        self._pauses: list[asyncio.Event] = []
        self._news = asyncio.Event()
        self.session = Session(
            plan=cast(Plan, None),
            names=["BTCUSDT", "ETHUSDT"],
            timers=Timers(),
            connects=Budget(Rate(1000, 1), monotonic=lambda: 0.0),
            number=lambda: len(self.opened),
            random=lambda: 1.0,
            sleep=self._sleep,
        )

    def open(self, plan: Plan, number: int, names: Sequence[str]) -> Connection:
        self.opened.append(Connection(plan, number, names))
        return self.opened[-1]

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            self.pauses.append(seconds)
            self._pauses.append(asyncio.Event())
            await self._pauses[-1].wait()

    def wake(self) -> None:
        """End the present pause."""
        self._pauses[-1].set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Let everybody take turns until that is so; nothing here waits for time."""
        for _ in range(1000):
            if true():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never came true")

    async def connected(self, count: int) -> Connection:
        await self.until(lambda: len(self.opened) == count)
        return self.opened[-1]

    async def streaming(self) -> Connection:
        """The first connection, once it streams."""
        first = await self.connected(1)
        first.answer()
        await self.until(lambda: self.session.state is State.ACTIVE)
        return first


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    made = Rig()
    monkeypatch.setattr(session, "Connection", made.open)
    running = asyncio.create_task(made.session.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_it_is_active_once_each_subscription_is_answered(rig: Rig) -> None:
    first = await rig.connected(1)
    assert (rig.session.state, rig.session.answered) == (State.CONNECTING, False)
    first.answer()
    await rig.until(lambda: rig.session.state is State.ACTIVE)
    assert rig.session.answered
    assert rig.session.streaming == {"BTCUSDT", "ETHUSDT"}


async def test_what_ends_is_opened_again_after_a_pause(rig: Rig) -> None:
    first = await rig.streaming()
    first.end()
    await rig.until(lambda: rig.pauses == [1.0])
    assert (rig.session.state, rig.session.reason) == (State.RECONNECTING, "the connection broke")
    assert rig.session.streaming == set()
    rig.wake()
    (await rig.connected(2)).answer()
    await rig.until(lambda: rig.session.state is State.ACTIVE)


async def test_a_region_that_is_refused_fails_for_ten_minutes(rig: Rig) -> None:
    (await rig.connected(1)).end(BLOCKED)
    await rig.until(lambda: rig.session.state is State.FAILED)
    assert rig.pauses == [600.0]
    assert rig.session.reason == "HTTP 451"


async def test_an_order_to_stop_that_another_connection_got_is_waited_out(rig: Rig) -> None:
    first = await rig.streaming()
    first.end()
    await rig.until(lambda: rig.pauses == [1.0])
    rig.session.connects.hold(42)
    rig.wake()
    await rig.until(lambda: rig.pauses[1:] == [42.0])
    assert len(rig.opened) == 1


async def test_a_change_of_state_is_logged_once_and_no_attempt(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await rig.streaming()
    for attempt in range(1, 4):
        (await rig.connected(attempt)).end()
        await rig.until(lambda attempt=attempt: len(rig.pauses) == attempt)  # type: ignore[misc]  # a loop's own value
        rig.wake()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "active" in caplog.messages[0]
    assert "reconnecting: the connection broke" in caplog.messages[1]


async def test_a_planned_end_opens_the_next_connection_before_the_old_one_closes(rig: Rig) -> None:
    old = await rig.streaming()
    old.ending.set()
    new = await rig.connected(2)
    await rig.until(lambda: rig.session.connection is cast(Any, old))
    assert not old.over.done()
    new.answer()
    await rig.until(lambda: rig.session.connection is cast(Any, new))
    assert old.over.done()
    assert rig.session.state is State.ACTIVE
    assert rig.pauses == []


async def test_a_connection_is_not_given_up_for_a_replacement_that_fails(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    old = await rig.streaming()
    old.ending.set()
    (await rig.connected(2)).end()
    await rig.until(lambda: rig.pauses == [1.0])
    assert not old.over.done()
    assert rig.session.state is State.ACTIVE
    assert rig.session.streaming == {"BTCUSDT", "ETHUSDT"}
    rig.wake()
    (await rig.connected(3)).end()
    await rig.until(lambda: rig.pauses == [1.0, 2.0])
    rig.wake()
    third = await rig.connected(4)
    third.answer()
    await rig.until(lambda: rig.session.connection is cast(Any, third))
    assert old.over.done()
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "its replacement does not stream yet: the connection broke" in warnings[0]


async def test_a_connection_that_ends_while_its_replacement_waits_is_reconnected(rig: Rig) -> None:
    old = await rig.streaming()
    old.ending.set()
    (await rig.connected(2)).end()
    await rig.until(lambda: rig.pauses == [1.0])
    old.end()
    await rig.until(lambda: rig.session.state is State.RECONNECTING)


async def test_a_replacement_takes_over_when_it_is_answered_after_the_old_end(rig: Rig) -> None:
    old = await rig.streaming()
    old.ending.set()
    new = await rig.connected(2)
    old.end()
    new.answer()
    await rig.until(lambda: rig.session.connection is cast(Any, new))
    assert rig.session.state is State.ACTIVE


async def test_a_replacement_that_nobody_answers_is_abandoned(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_OVERLAP_TIMEOUT", 0.01)
    old = await rig.streaming()
    old.ending.set()
    silent = await rig.connected(2)
    async with asyncio.timeout(10):
        await asyncio.wait({silent.over})
    assert silent.over.cancelled()
    assert not old.over.done()


async def test_cancelled_it_leaves_no_connection_behind(rig: Rig) -> None:
    old = await rig.streaming()
    old.ending.set()
    new = await rig.connected(2)
    running = next(task for task in asyncio.all_tasks() if "Session.run" in repr(task))
    running.cancel()
    await asyncio.wait({running})
    assert old.over.cancelled()
    assert new.over.cancelled()


# -- instruments that come and go


async def test_what_comes_and_goes_reaches_the_connection_and_those_after_it(rig: Rig) -> None:
    first = await rig.streaming()
    rig.session.add(["XRPUSDT"])
    rig.session.remove({"ETHUSDT"})
    assert first.names == ["BTCUSDT", "XRPUSDT"]
    first.end()
    await rig.until(lambda: len(rig.pauses) == 1)
    rig.session.add(["SOLUSDT"])
    rig.wake()
    second = await rig.connected(2)
    assert second.names == ["BTCUSDT", "XRPUSDT", "SOLUSDT"]


async def test_what_comes_while_a_connection_is_replaced_reaches_both(rig: Rig) -> None:
    first = await rig.streaming()
    first.ending.set()
    second = await rig.connected(2)
    rig.session.add(["XRPUSDT"])
    assert "XRPUSDT" in first.names
    assert "XRPUSDT" in second.names
