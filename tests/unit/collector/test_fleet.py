"""All connections of a market: how instruments share them, and when a silent feed gives way to its fallback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from metdc_collector import fleet as module
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import Channel, Rate, Refusal, Request
from metdc_collector.exchanges.binance import FUTURES
from metdc_collector.fleet import Fleet
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.session.connection import Plan
from metdc_collector.session.policy import State
from metdc_collector.session.sink import Sink
from metdc_collector.wire.instrument import Instrument

NAMES = [f"C{number}USDT" for number in range(5)]
INSTRUMENTS = {
    name: Instrument(exchange="binance", market="futures", name=name, base=name[:-4], quote="USDT") for name in NAMES
}


class Session:
    """A session that is active at once and streams until it is cancelled."""

    def __init__(self, *, plan: Plan, names: list[str], **rest: Any) -> None:
        self.plan, self.names = plan, names
        self.state, self.answered, self.reason = State.ACTIVE, True, ""

    @property
    def streaming(self) -> set[str]:
        return set(self.names)

    async def run(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended = True

    ended = False

    def add(self, names: Sequence[str]) -> None:
        self.names = [*self.names, *names]

    def remove(self, names: Collection[str]) -> None:
        self.names = [name for name in self.names if name not in names]


class Replies:
    """REST replies, one round of questions after the other; null is a reply that failed."""

    def __init__(self, *rounds: bytes | None) -> None:
        self.rounds = list(rounds)
        self.asked = 0

    async def get(self, request: Request) -> bytes:
        body = self.rounds[min(self.asked // 3, len(self.rounds) - 1)]
        self.asked += 1
        if body is None:
            raise RestError("HTTP 429")
        return body


class Rig:
    def __init__(self, *replies: bytes | None) -> None:
        self.channels: list[Channel] = []
        self.pauses = 0
        self.on_switch: Callable[[], None] = lambda: None
        self.replies = Replies(*replies)
        self.settled = asyncio.Event()
        self.fleet = Fleet(
            venue=FUTURES,
            address="ws://127.0.0.1:1",
            rhythm=FUTURES.rhythm,
            instruments=dict(INSTRUMENTS),
            sink=cast(Sink, None),
            clock=Clock(),
            timers=Timers(),
            connects=Budget(Rate(9, 9), monotonic=lambda: 0.0),
            rest=cast(Rest, self.replies),
            random=lambda: 0.5,
            tls=None,
            changed=self.use,
            sleep=self.sleep,
        )

    def use(self, channel: Channel) -> None:
        self.channels.append(channel)
        if len(self.channels) > 1:
            self.on_switch()
        if len(self.channels) == len(FUTURES.channels):
            self.settled.set()

    async def sleep(self, seconds: float) -> None:
        """A dozen pauses pass at once; then all that could happen has happened."""
        assert seconds in (1.0, 30.0)
        self.pauses += 1
        if self.pauses > 12:
            self.settled.set()
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)

    @property
    def names(self) -> list[str]:
        return [channel.name for channel in self.channels]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.fleet.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until_settled(self) -> list[str]:
        """The feeds that were used when nothing more happens."""
        async with self.running(), asyncio.timeout(10):
            await self.settled.wait()
        return self.names


@pytest.fixture(autouse=True)
def _sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Session", Session)


async def test_a_feed_that_is_silent_while_rest_shows_new_trades_gives_way() -> None:
    assert await Rig(b"[1]", b"[2]").until_settled() == ["trade", "aggTrade"]


async def test_a_feed_that_is_silent_like_the_market_stays() -> None:
    assert await Rig(b"[1]").until_settled() == ["trade"]


async def test_a_feed_carries_once_it_has_sent_a_trade() -> None:
    rig = Rig()
    assert not rig.fleet.carries
    rig.fleet.counts.trades = 1
    assert rig.fleet.carries


async def test_a_feed_that_is_silent_like_the_market_carries() -> None:
    rig = Rig(b"[1]")
    await rig.until_settled()
    assert rig.fleet.carries


async def test_nothing_is_known_of_a_silent_feed_while_rest_does_not_answer() -> None:
    rig = Rig(None)
    await rig.until_settled()
    assert not rig.fleet.carries


async def test_the_last_feed_carries_for_want_of_another() -> None:
    rig = Rig(b"[1]", b"[2]")
    await rig.until_settled()
    assert rig.fleet.carries


@pytest.mark.parametrize("rounds", [(None, b"[1]"), (b"[1]", None), (b"<html>", b"[1]"), (None,)])
async def test_a_reply_that_fails_is_no_sign_of_trades(rounds: tuple[bytes | None, ...]) -> None:
    assert await Rig(*rounds, *rounds[-1:]).until_settled() == ["trade"]


async def test_a_feed_that_has_given_a_trade_is_not_silent() -> None:
    rig = Rig(b"[1]", b"[2]")
    rig.fleet.counts.trades = 1
    async with rig.running():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert rig.replies.asked == 0


async def test_a_feed_whose_subscriptions_are_not_answered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(b"[1]", b"[2]")
    monkeypatch.setattr(Fleet, "answered", property(lambda fleet: False))
    assert await rig.until_settled() == ["trade"]
    assert rig.replies.asked == 0


async def test_a_few_instruments_alone_are_asked_about() -> None:
    rig = Rig(b"[1]", b"[2]")
    await rig.until_settled()
    assert rig.replies.asked == 9, "three instruments, three looks"


async def test_instruments_share_connections_within_the_venues_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "share_out", lambda names, limits, channel: [tuple(names[:3]), tuple(names[3:])])
    rig = Rig(b"[1]")
    async with rig.running():
        await asyncio.sleep(0)
        shares = [tuple(session.names) for session in rig.fleet.sessions]
    assert shares == [tuple(NAMES[:3]), tuple(NAMES[3:])]
    assert rig.fleet.streaming == 5
    assert rig.fleet.states == {State.ACTIVE: 2}
    assert rig.fleet.answered


class Mute:
    """A connection, as those see it who doubt it."""

    def __init__(self, *names: str, trades: int = 0, settled: int = 1) -> None:
        self.names, self.trades, self.settled = names, trades, settled
        self.answered = asyncio.Event()
        self.answered.set()
        self.renewed: list[str] = []
        self.given_up: list[str] = []

    def renew(self, name: str) -> None:
        self.renewed.append(name)

    def give_up(self, reason: str) -> None:
        self.given_up.append(reason)


def of(rig: Rig, *connections: Mute | None) -> list[str]:
    rig.fleet.sessions = [cast(Any, SimpleNamespace(connection=connection)) for connection in connections]
    return rig.fleet.suspects()


def test_a_connection_that_was_acknowledged_a_while_ago_and_never_sent_a_trade_is_suspect() -> None:
    rig = Rig()
    now = rig.fleet.clock.now()
    assert of(rig, None, Mute("A", "B", "C", "D")) == ["A", "B", "C"]
    assert of(rig, Mute("A", trades=1), Mute("B", settled=0), Mute("C", settled=now)) == []


def test_a_silent_instrument_of_a_connection_that_sends_others_is_subscribed_to_anew() -> None:
    rig = Rig()
    other, mine = Mute("B", trades=5), Mute("A", trades=5)
    of(rig, other, mine)
    rig.fleet.doubt("A")
    assert (other.renewed, mine.renewed, mine.given_up) == ([], ["A"], [])


def test_a_connection_that_sends_nothing_at_all_is_given_up() -> None:
    rig = Rig()
    mine = Mute("A")
    of(rig, mine)
    rig.fleet.doubt("A")
    assert (mine.renewed, mine.given_up) == ([], ["acknowledges and sends nothing, though A is traded"])


def test_a_connection_that_still_waits_for_answers_is_not_doubted() -> None:
    rig = Rig()
    mine = Mute("A")
    mine.answered.clear()
    of(rig, mine)
    rig.fleet.doubt("A")
    assert (mine.renewed, mine.given_up) == ([], [])


async def test_before_it_runs_nothing_is_answered() -> None:
    rig = Rig(b"[1]")
    assert not rig.fleet.answered
    assert rig.fleet.channel.name == "trade"


async def test_a_refusal_is_kept_by_name_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(b"[1]")
    async with rig.running():
        await asyncio.sleep(0)
        for _ in range(2):
            cast(Any, rig.fleet.sessions[0]).plan.refused(Refusal("C0USDT", "unknown symbol"))
    assert rig.fleet.refused == {"C0USDT": "unknown symbol"}
    assert caplog.messages == ["C0USDT is refused: unknown symbol"]


async def test_the_reason_of_a_connection_that_is_away_is_told() -> None:
    rig = Rig(b"[1]")
    small(rig, 3)
    async with rig.running():
        await shares(rig)
        assert rig.fleet.problem == ""
        cast(Any, rig.fleet.sessions[1]).reason = "HTTP 451: not here"
        assert rig.fleet.problem == "HTTP 451: not here"


# -- instruments that come and go


def more(*numbers: int) -> dict[str, Instrument]:
    names = [f"N{number}USDT" for number in numbers]
    return {name: replace(INSTRUMENTS["C0USDT"], name=name, base=name[:-4]) for name in names}


def small(rig: Rig, most: int) -> None:
    """Let a connection have at most so many instruments."""
    rig.fleet.venue = replace(FUTURES, limits=replace(FUTURES.limits, symbols_per_connection=most))


async def shares(rig: Rig) -> list[list[str]]:
    for _ in range(3):  # sessions begin and end in turns of the loop
        await asyncio.sleep(0)
    return [list(session.names) for session in rig.fleet.sessions]


async def test_a_new_instrument_goes_to_a_connection_that_has_room() -> None:
    rig = Rig(b"[1]")
    small(rig, 3)
    async with rig.running():
        await asyncio.sleep(0)
        rig.fleet.update(INSTRUMENTS | more(1))
        assert await shares(rig) == [["C0USDT", "C2USDT", "C4USDT"], ["C1USDT", "C3USDT", "N1USDT"]]
        assert rig.fleet.wanted == 6


async def test_those_that_find_no_room_get_a_connection_of_their_own() -> None:
    rig = Rig(b"[1]")
    small(rig, 3)
    async with rig.running():
        await asyncio.sleep(0)
        rig.fleet.update(INSTRUMENTS | more(1, 2, 3))
        assert [len(share) for share in await shares(rig)] == [3, 3, 2]
        assert (rig.fleet.streaming, rig.fleet.answered) == (8, True)


async def test_a_connection_that_loses_its_last_instrument_ends() -> None:
    rig = Rig(b"[1]")
    small(rig, 3)
    async with rig.running():
        await shares(rig)
        _, second = rig.fleet.sessions
        rig.fleet.update({name: INSTRUMENTS[name] for name in ("C0USDT", "C2USDT")})
        assert await shares(rig) == [["C0USDT", "C2USDT"]]
        assert cast(Session, second).ended


async def test_an_instrument_that_goes_is_known_until_the_next_update() -> None:
    rig = Rig(b"[1]")
    async with rig.running():
        await asyncio.sleep(0)
        rest = {name: INSTRUMENTS[name] for name in NAMES[1:]}
        rig.fleet.refused["C0USDT"] = "unknown"
        rig.fleet.update(rest)
        assert ("C0USDT" in rig.fleet.instruments, rig.fleet.wanted, rig.fleet.refused) == (True, 4, {})
        rig.fleet.update(rest)
        assert ("C0USDT" in rig.fleet.instruments, rig.fleet.wanted) == (False, 4)


async def test_one_that_comes_back_at_once_is_streamed_again() -> None:
    rig = Rig(b"[1]")
    async with rig.running():
        await asyncio.sleep(0)
        rig.fleet.update({name: INSTRUMENTS[name] for name in NAMES[1:]})
        rig.fleet.update(INSTRUMENTS)
        assert sorted((await shares(rig))[0]) == NAMES
        assert rig.fleet.wanted == 5


async def test_what_changed_of_an_instrument_holds_from_now_on() -> None:
    rig = Rig(b"[1]")
    async with rig.running():
        await asyncio.sleep(0)
        changed = replace(INSTRUMENTS["C0USDT"], multiplier="0.1")
        rig.fleet.update(INSTRUMENTS | {"C0USDT": changed})
        assert rig.fleet.sessions[0].plan.instruments["C0USDT"] is changed


async def test_what_comes_before_the_first_feed_is_streamed_with_it() -> None:
    rig = Rig(b"[1]")
    rig.fleet.update(INSTRUMENTS | more(1))
    async with rig.running():
        assert "N1USDT" in (await shares(rig))[0]


async def test_what_comes_between_two_feeds_is_streamed_on_the_second() -> None:
    rig = Rig(b"[1]", b"[2]")
    rig.on_switch = lambda: rig.fleet.update(INSTRUMENTS | more(1))
    async with rig.running(), asyncio.timeout(10):
        await rig.settled.wait()
        assert "N1USDT" in (await shares(rig))[0]
