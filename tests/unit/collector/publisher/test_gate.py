"""Where trades enter: held while a connection joins, compared with what is stored, then let through."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Newest, Order
from metdc_collector.exchanges.base import Kind, Parsed
from metdc_collector.overflow import backlog_of
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.gate import Gate
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.streams import StreamState
from metdc_collector.publisher.window import MOST_BYTES, Window
from metdc_collector.wire.report import Backlog
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, HandClock, aggregate, trade


@dataclass
class Stream:
    """What is stored; a look answers at once, or fails."""

    rows: list[Trade] = field(default_factory=list)
    away: bool = False
    meanwhile: Any = None

    async def newest(self, subjects: Sequence[str]) -> dict[str, Newest]:
        if self.away:
            raise LookFailed("no answer")
        return {row.instrument.subject: Newest(row.id, row.time, row.late, row.seq) for row in self.rows}

    async def since(self, subject: str, time: int) -> dict[str, int]:
        if self.away:
            raise LookFailed("no answer")
        if self.meanwhile is not None:
            doing, self.meanwhile = self.meanwhile, None
            doing()
        return {row.message_id: row.time for row in self.rows if row.time >= time}


class Sink:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.looks: Stream | None = Stream()
        self.state = StreamState({}, (), 0)
        self.usable = True
        self.usable_since = 0
        self.window = Window("_INBOX.x")
        self.published: list[Trade] = []
        self.known: list[int] = []
        self.waits = 0
        self.given = asyncio.Event()
        self.overflow: object | None = None

    @property
    def full(self) -> bool:
        return self.window.full

    def publish(self, trades: Sequence[Trade], known: int) -> None:
        self.published += trades
        self.known += [known] * len(trades)
        self.given.set()

    async def settled(self) -> None:
        self.waits += 1

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.published]


class Rig:
    def __init__(self, *, consecutive: bool = True, peers: bool = False) -> None:
        self.sink, self.hand = Sink(), HandClock()
        self.gate = Gate(
            cast(Publisher, self.sink),
            Order(consecutive),
            Clock(wall=lambda: MOMENT, monotonic=self.hand),
            Timers(),
            peers=lambda: peers,
        )

    @property
    def stream(self) -> Stream:
        assert self.sink.looks is not None
        return self.sink.looks

    def receive(self, *trades: Trade, replayed: bool = False, connection: int = 1, known: int = MOMENT) -> None:
        self.gate.receive(connection, Parsed(Kind.TRADE, trades, replayed), known)

    async def step_after(self, seconds: float = 0) -> list[str]:
        self.hand.time += round(seconds * SECOND)
        await self.gate.step()
        return self.sink.ids


def joined(**rig: bool) -> Rig:
    made = Rig(**rig)
    made.gate.join(1, [BTC, ETH])
    return made


async def test_a_connection_that_runs_publishes_at_once() -> None:
    rig = Rig()
    rig.receive(trade(1), trade(2))
    assert rig.sink.ids == ["1", "2"]
    assert rig.gate.counts.received == 2
    assert rig.gate.last_trade == trade(2).time


async def test_how_long_a_trade_may_have_been_stored_elsewhere_goes_with_it() -> None:
    rig = joined()
    rig.receive(trade(5), known=MOMENT - 7)
    rig.receive(trade(6), known=MOMENT - 3)
    rig.stream.rows = [trade(4)]
    await rig.step_after()
    rig.receive(trade(7), known=MOMENT - 1)
    assert rig.sink.known == [MOMENT - 7, MOMENT - 7, MOMENT - 1]


async def test_a_connection_that_joins_is_held_until_the_predecessor_is_stored() -> None:
    rig = joined()
    rig.receive(trade(5))
    assert await rig.step_after(0.5) == []
    assert rig.gate.held == 1
    rig.stream.rows = [trade(4)]
    assert await rig.step_after() == ["5"]
    assert rig.gate.held == 0


async def test_once_let_in_an_instrument_runs_and_others_are_still_held() -> None:
    rig = joined()
    rig.stream.rows = [trade(4)]
    rig.receive(trade(5))
    await rig.step_after()
    rig.receive(trade(6), trade(7, of=ETH))
    assert rig.sink.ids == ["5", "6"]
    assert rig.gate.held == 1


async def test_an_id_that_was_no_trade_counts_as_the_first() -> None:
    rig = joined()
    rig.gate.receive(1, Parsed(Kind.TRADE, skipped=[(BTC, "5")]), MOMENT)
    rig.receive(trade(7))
    rig.stream.rows = [trade(4)]
    assert await rig.step_after() == ["7"]


async def test_nobody_is_held_for_longer_than_a_second_when_alone() -> None:
    rig = joined()
    rig.receive(trade(5))
    assert await rig.step_after(0.9) == []
    assert await rig.step_after(0.1) == ["5"]


@pytest.mark.parametrize("consecutive", [True, False])
async def test_what_came_before_is_waited_for_longer_while_another_pod_lives(consecutive: bool) -> None:
    rig = joined(consecutive=consecutive, peers=True)
    rig.receive(trade(5))
    assert await rig.step_after(9) == []
    assert await rig.step_after(1) == ["5"]


async def test_where_ids_do_not_count_a_connection_joins_once_another_pod_has_stored_one_of_its_trades() -> None:
    rig = joined(consecutive=False, peers=True)
    rig.receive(trade("b", at=5), trade("c", at=6))
    rig.stream.rows = [trade("a", at=4)]
    assert await rig.step_after(2) == []
    rig.stream.rows = [trade("a", at=4), trade("b", at=5)]
    assert await rig.step_after() == ["b", "c"]


async def test_rows_of_a_snapshot_that_are_stored_are_left_out() -> None:
    rig = joined(consecutive=False)
    rows = [trade("a", at=1), trade("b", at=2), trade("c", at=3)]
    rig.stream.rows = rows[:2]
    rig.receive(*rows, replayed=True)
    assert await rig.step_after() == ["c"]
    assert rig.sink.known == [MOMENT]
    assert (rig.gate.counts.received, rig.gate.counts.replayed) == (3, 3)


async def test_rows_of_a_snapshot_that_the_stream_may_have_forgotten_are_counted_and_left_out() -> None:
    rig = joined(consecutive=False)
    rig.sink.state = StreamState({}, (), MOMENT + 2)
    rig.stream.rows = [trade("x", at=2)]
    rig.receive(trade("a", at=1), trade("b", at=3), replayed=True)
    assert await rig.step_after() == ["b"]
    assert rig.gate.counts.expired == 1


async def test_a_snapshot_in_mid_stream_is_compared_like_any_other() -> None:
    rig = Rig(consecutive=False)
    rig.receive(trade("a", at=1))
    rig.stream.rows = [trade("a", at=1)]
    rig.receive(trade("a", at=1), trade("b", at=2), replayed=True)
    rig.receive(trade("c", at=3))
    assert rig.sink.ids == ["a"]
    assert await rig.step_after() == ["a", "b", "c"]


async def test_rows_that_come_during_a_look_are_not_lost() -> None:
    rig = joined(consecutive=False)
    rig.stream.rows = [trade("a", at=1)]
    rig.receive(trade("a", at=1), trade("b", at=2), replayed=True)
    rig.stream.meanwhile = lambda: rig.receive(trade("c", at=3), replayed=True)
    assert await rig.step_after() == []
    assert await rig.step_after() == ["b", "c"]


async def test_live_trades_that_come_during_a_look_follow_the_snapshot() -> None:
    rig = joined(consecutive=False)
    rig.stream.rows = [trade("a", at=1)]
    rig.receive(trade("a", at=1), trade("b", at=2), replayed=True)
    rig.stream.meanwhile = lambda: rig.receive(trade("c", at=3))
    assert await rig.step_after() == ["b", "c"]
    assert rig.gate.held == 0


async def test_what_an_ended_connection_received_is_let_in_all_the_same() -> None:
    rig = joined()
    rig.receive(trade(5))
    rig.gate.leave(1, MOMENT)
    assert await rig.step_after(1) == ["5"]


async def test_an_ended_connection_that_received_nothing_leaves_nothing_behind() -> None:
    rig = joined()
    rig.gate.leave(1, MOMENT)
    rig.gate.leave(1, MOMENT)
    rig.receive(trade(5))
    assert rig.sink.ids == ["5"]


async def test_while_the_stream_cannot_be_asked_everybody_waits() -> None:
    rig = joined()
    rig.receive(trade(5))
    rig.stream.away = True
    assert await rig.step_after(60) == []
    rig.stream.away = False
    assert await rig.step_after() == ["5"]


async def test_while_nats_is_away_everybody_waits() -> None:
    rig = joined()
    rig.receive(trade(5))
    rig.sink.usable = False
    assert await rig.step_after(60) == []


async def test_after_an_outage_of_nats_the_others_get_their_time_to_catch_up() -> None:
    rig = joined(peers=True)
    rig.receive(trade(5))
    rig.sink.usable_since = MOMENT + 30 * SECOND
    assert await rig.step_after(39) == []
    assert await rig.step_after(1) == ["5"]


async def test_at_the_end_everybody_is_let_in_at_once_when_alone() -> None:
    rig = joined()
    rig.receive(trade(5))
    await rig.gate.step(last=True)
    assert rig.sink.ids == ["5"]


async def test_at_the_end_another_pod_that_lags_is_not_overtaken_either() -> None:
    rig = joined(peers=True)
    rig.receive(trade(5))
    await rig.gate.step(last=True)
    assert rig.sink.ids == []
    rig.stream.rows = [trade(4)]
    await rig.gate.step(last=True)
    assert rig.sink.ids == ["5"]


async def test_the_oldest_trade_that_waits_is_known_wherever_it_waits() -> None:
    rig = joined()
    assert backlog_of(rig.gate, None) == Backlog(0, 0, None)
    rig.receive(trade(5))
    assert backlog_of(rig.gate, None).oldest == trade(5).received
    rig.sink.window.add([trade(3, of=ETH)], 0)
    assert backlog_of(rig.gate, None).oldest == trade(3).received


async def test_too_much_that_is_held_stops_the_sockets() -> None:
    rig = joined()
    assert not rig.gate.full
    rig.gate.held = 10_000
    assert rig.gate.full


@pytest.mark.parametrize("spool", [None, object()])
async def test_without_nats_what_is_held_is_let_go_where_there_is_a_spool(spool: object) -> None:
    rig = joined()
    rig.sink.usable, rig.sink.overflow = False, spool
    rig.receive(trade(2), trade(3), replayed=True)
    rig.receive(trade(5), known=MOMENT - 1)
    rig.gate.held = MOST_BYTES
    assert await rig.step_after() == ([] if spool is None else ["2", "3", "5"])
    assert rig.gate.full == (spool is None)
    if spool is not None:
        assert rig.sink.known == [trade(2).time, trade(2).time, MOMENT], "rows of a snapshot since they happened"
        rig.receive(trade(6))
        assert rig.sink.ids[-1] == "6", "and from then on it runs"


async def test_without_nats_the_sockets_go_on_until_the_memory_is_used() -> None:
    rig = joined()
    rig.sink.usable = False
    rig.gate.held = 10_000
    assert not rig.gate.full
    rig.gate.held = MOST_BYTES
    assert rig.gate.full


async def test_it_lets_in_by_itself_until_it_is_cancelled() -> None:
    rig = joined()
    rig.stream.rows = [trade(4)]
    rig.receive(trade(5))
    running = asyncio.create_task(rig.gate.run())
    async with asyncio.timeout(10):
        await rig.sink.given.wait()
    running.cancel()
    await asyncio.wait({running})
    assert rig.sink.ids == ["5"]


# -- holes


async def test_aggregates_behind_stored_fills_are_let_in_and_go_on() -> None:
    rig = joined()
    rig.stream.rows = [trade(8)]
    rig.receive(aggregate(3, 7, 8, at=SECOND), aggregate(4, 9, 12, at=SECOND))
    await rig.step_after()
    rig.receive(aggregate(5, 13, 13, at=SECOND))
    assert rig.sink.ids == ["agg:4", "agg:5"]
