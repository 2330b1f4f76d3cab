"""What the path to the stream tells those who look after holes, and takes from them."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from metdc_collector.continuity import First, Newest, Shown
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import Kind, Parsed
from metdc_collector.exchanges.history import Mark
from metdc_collector.publisher.window import MOST_BYTES, Window
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, aggregate, trade
from tests.unit.collector.publisher.test_gate import Rig, joined

SNAPSHOT = Shown(Mark("4", trade(4).time, "4"), MOMENT + 3 * SECOND)

# -- heard


def test_the_newest_trade_that_was_accepted_is_heard() -> None:
    rig = Rig()
    assert rig.gate.heard("BTCUSDT") is None
    rig.receive(trade(5))
    assert rig.gate.heard("BTCUSDT") == Mark("5", trade(5).time, "5")


@pytest.mark.parametrize(("first", "second"), [(7, 6), (6, 7)])
def test_of_several_connections_that_join_the_newest_trade_is_heard(first: int, second: int) -> None:
    rig = Rig()
    for connection, number in ((1, first), (2, second)):
        rig.gate.join(connection, [BTC, ETH])
        rig.receive(trade(number), connection=connection)
    assert rig.gate.heard("BTCUSDT") == Mark("7", trade(7).time, "7")
    assert rig.gate.heard("ETHUSDT") is None


def test_a_connection_that_lags_while_it_joins_takes_nothing_from_what_is_heard() -> None:
    rig = Rig()
    rig.receive(trade(9), connection=2)
    rig.gate.join(1, [BTC])
    rig.receive(trade(5))
    assert rig.gate.heard("BTCUSDT") == Mark("9", trade(9).time, "9")


def test_an_instrument_waits_from_its_first_trade_until_it_is_let_in() -> None:
    rig = joined()
    assert not rig.gate.waits("BTCUSDT")
    rig.receive(trade(5))
    assert (rig.gate.waits("BTCUSDT"), rig.gate.waits("ETHUSDT")) == (True, False)
    rig.gate.release()
    assert not rig.gate.waits("BTCUSDT")


def test_rows_of_a_snapshot_that_waits_are_not_heard() -> None:
    rig = joined()
    rig.receive(trade(4), trade(5), replayed=True)
    assert rig.gate.heard("BTCUSDT") is None
    rig.receive(trade(6))
    assert rig.gate.heard("BTCUSDT") == Mark("6", trade(6).time, "6")


# -- shown


async def test_a_snapshot_is_shown_once_it_was_let_in() -> None:
    rig = joined()
    rig.hand.time = 3 * SECOND
    rig.receive(trade(4), trade(5), replayed=True)
    assert rig.gate.shown("BTCUSDT") is None
    await rig.step_after(1)
    assert rig.gate.shown("BTCUSDT") == SNAPSHOT
    assert rig.gate.shown("ETHUSDT") is None


async def test_while_another_snapshot_waits_none_is_shown() -> None:
    rig = joined()
    rig.receive(trade(4), replayed=True)
    await rig.step_after(1)
    rig.receive(trade(5), replayed=True, connection=2)
    assert rig.gate.shown("BTCUSDT") is None


async def test_what_came_without_a_snapshot_leaves_the_last_one_shown() -> None:
    rig = joined()
    rig.hand.time = 3 * SECOND
    rig.receive(trade(4), replayed=True)
    await rig.step_after(1)
    rig.gate.join(2, [BTC])
    rig.receive(trade(6), connection=2)
    assert rig.gate.shown("BTCUSDT") == SNAPSHOT
    await rig.step_after(1)
    assert rig.gate.shown("BTCUSDT") == SNAPSHOT


async def test_a_snapshot_came_no_later_than_what_was_held_first() -> None:
    """Trades that came before it are held as long as it is: the earlier moment is the one that is sure."""
    rig = joined()
    rig.hand.time = 3 * SECOND
    rig.receive(trade(6))
    rig.hand.time = 4 * SECOND
    rig.receive(trade(4), trade(5), replayed=True)
    await rig.step_after(1)
    assert rig.gate.shown("BTCUSDT") == SNAPSHOT


# -- what is noticed, and put back


async def test_a_connection_that_continues_from_what_is_stored_notices_what_is_missing() -> None:
    rig = joined()
    rig.stream.rows = [trade(4)]
    rig.receive(trade(7))
    await rig.step_after(1)
    _, jumps = rig.gate.news()
    assert [(jump.before.id, jump.after.id) for jump in jumps] == [("4", "7")]
    assert rig.gate.stored_before("BTCUSDT") == Mark("4", trade(4).time, "4")
    assert rig.gate.news() == ([], [])


async def test_a_time_in_which_nobody_listened_is_told_with_the_trade_before_it() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.cover(1, ["BTCUSDT"])
    rig.receive(trade(5))
    rig.gate.leave(1, MOMENT + SECOND)
    assert rig.gate.uncovered() == {"BTCUSDT": MOMENT + SECOND}
    rig.hand.time = 2 * SECOND
    rig.gate.cover(2, ["BTCUSDT"])
    blind, _ = rig.gate.news()
    assert blind == [
        (Blind("BTCUSDT", None, MOMENT), None),
        (Blind("BTCUSDT", MOMENT + SECOND, MOMENT + 2 * SECOND), Mark("5", trade(5).time, "5")),
    ]


def test_since_when_the_first_list_is_listened_to_is_kept() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.coverage.want(["ETHUSDT"], since=MOMENT - SECOND)  # listed later
    rig.gate.cover(1, ["BTCUSDT", "ETHUSDT"])
    rig.gate.leave(1, MOMENT)
    rig.hand.time = 2 * SECOND
    rig.gate.cover(2, ["BTCUSDT", "ETHUSDT"])
    assert rig.gate.begun == {"BTCUSDT": MOMENT}


async def test_the_first_trade_of_an_instrument_is_kept_beside_what_the_stream_held_then() -> None:
    rig = joined()
    rig.stream.rows = [trade(4)]
    rig.receive(trade(5), trade(6))
    assert rig.gate.firsts == {}
    await rig.step_after()
    rig.gate.join(2, [BTC])
    rig.receive(trade(9), connection=2)
    await rig.step_after(1)
    assert rig.gate.firsts == {"BTCUSDT": First("5", 5, named=True, shared=True)}


def test_a_first_trade_that_is_let_in_without_a_look_is_known_of_nobody_else() -> None:
    rig = joined()
    rig.receive(trade(5))
    rig.gate.release()
    assert rig.gate.firsts == {"BTCUSDT": First("5", 5, named=True, shared=False)}


def test_what_is_wanted_no_longer_is_not_uncovered() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.drop(["BTCUSDT"])
    assert rig.gate.uncovered() == {}


async def test_what_is_stored_is_continued_from_before_anything_comes() -> None:
    rig = Rig()
    rig.stream.rows = [trade(4)]
    rig.receive(trade(9, of=ETH))
    assert await rig.gate.prime([BTC, ETH])
    assert (rig.gate.stored_before("BTCUSDT"), rig.gate.stored_before("ETHUSDT")) == (
        Mark("4", trade(4).time, "4"),
        None,
    )
    rig.receive(trade(6))
    assert [(jump.before.id, jump.after.id) for jump in rig.gate.news()[1]] == [("4", "6")]


async def test_what_is_stored_is_not_known_while_nats_is_away() -> None:
    rig = Rig()
    rig.stream.away = True
    assert not await rig.gate.prime([BTC])
    rig.sink.usable = False
    assert not await rig.gate.prime([BTC])
    assert await rig.gate.held_of(BTC, 0) is None
    assert not rig.gate.usable
    rig.sink.looks = None
    assert not rig.gate.usable


async def test_what_the_stream_holds_of_an_instrument_is_told() -> None:
    rig = Rig()
    rig.stream.rows = [trade(4), trade(5)]
    assert rig.gate.usable
    assert await rig.gate.held_of(BTC, trade(5).time) == {trade(5).message_id: trade(5).time}


async def test_what_is_restored_behind_a_newer_trade_is_late() -> None:
    rig = Rig()
    rig.receive(trade(5), trade(9))
    await rig.gate.restore([trade(6), aggregate(3, 7, 8, at=8_999_999)], MOMENT - 7)
    assert [(each.id, each.late) for each in rig.sink.published[2:]] == [("6", True), ("agg:3", True)]
    assert rig.sink.known[2:] == [MOMENT - 7] * 2


async def test_what_is_restored_before_its_instrument_is_let_in_is_late_behind_what_another_has_stored() -> None:
    rig = Rig()
    await rig.gate.restore([trade(5), trade(6), trade(7)], MOMENT, newest=trade(6).time)
    assert [(each.id, each.late) for each in rig.sink.published] == [("5", True), ("6", False), ("7", False)]


async def test_an_aggregate_that_is_restored_amid_fills_is_late_only_behind_a_newer_one() -> None:
    rig = Rig()
    rig.receive(trade(5))
    await rig.gate.restore([aggregate(3, 6, 8, at=9_000_000)], MOMENT)
    assert [(each.id, each.late) for each in rig.sink.published] == [("5", False), ("agg:3", False)]
    assert rig.gate.order.last_ids() == {"BTCUSDT": "5"}


async def test_aggregates_that_are_restored_among_aggregates_are_late_only_behind_a_newer_one() -> None:
    rig = Rig()
    await rig.gate.restore([aggregate(3, 6, 8), aggregate(4, 9, 9)], MOMENT)
    rig.receive(aggregate(6, 12, 12))
    await rig.gate.restore([aggregate(5, 10, 11), aggregate(7, 13, 13)], MOMENT)
    assert [each.late for each in rig.sink.published] == [False, False, False, True, False]


async def test_what_is_restored_of_a_quiet_instrument_is_its_newest() -> None:
    rig = Rig()
    rig.receive(trade(5))
    await rig.gate.restore([trade(6)], MOMENT)
    assert [(each.id, each.late) for each in rig.sink.published] == [("5", False), ("6", False)]
    rig.receive(trade(7))
    assert rig.gate.news() == ([], [])


# -- numbers without a trade


def test_a_number_without_a_trade_is_passed_over_also_while_another_instrument_joins() -> None:
    rig = Rig()
    rig.receive(trade(5))
    rig.gate.join(1, [ETH])
    rig.gate.receive(1, Parsed(Kind.TRADE, skipped=[(BTC, "6")]), MOMENT)
    rig.receive(trade(7))
    assert rig.gate.news() == ([], [])


def test_a_number_without_a_trade_is_passed_over_on_a_connection_that_runs() -> None:
    rig = Rig()
    rig.receive(trade(5))
    rig.gate.receive(1, Parsed(Kind.TRADE, skipped=[(BTC, "6")]), MOMENT)
    rig.receive(trade(7))
    assert rig.gate.news() == ([], [])


async def test_of_several_numbers_without_a_trade_the_first_is_waited_for() -> None:
    rig = joined()
    for seq in ("5", "6"):
        rig.gate.receive(1, Parsed(Kind.TRADE, skipped=[(BTC, seq)]), MOMENT)
    rig.receive(trade(7))
    rig.stream.rows = [trade(4)]
    assert await rig.step_after() == ["7"]


# -- the stream


async def test_what_the_stream_holds_is_not_known_while_a_look_fails() -> None:
    rig = Rig()
    rig.stream.away = True
    assert await rig.gate.held_of(BTC, 0) is None


async def test_what_is_accepted_settles_as_the_publisher_says() -> None:
    rig = Rig()
    await rig.gate.settled()
    assert rig.sink.waits == 1


async def test_what_was_let_in_during_a_look_at_the_stream_is_not_what_it_held_before() -> None:
    rig = Rig()
    look = rig.stream.newest

    async def meanwhile(subjects: Sequence[str]) -> dict[str, Newest]:
        rig.stream.newest = look  # type: ignore[method-assign]
        rig.gate.join(1, [BTC])
        rig.receive(trade(5))
        await rig.gate.step(last=True)
        return {BTC.subject: Newest("5", trade(5).time, seq="5")}

    rig.stream.newest = meanwhile  # type: ignore[method-assign]
    assert await rig.gate.prime([BTC])
    assert rig.gate.stored_before("BTCUSDT") is None


async def test_a_snapshot_waits_until_what_was_accepted_before_is_written() -> None:
    rig = joined()
    rig.receive(trade(4), replayed=True)
    window = SimpleNamespace(bytes=MOST_BYTES)
    rig.sink.window = cast(Window, window)
    step = asyncio.create_task(rig.step_after(1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert rig.sink.ids == []
    window.bytes = 0
    assert await step == ["4"]


# -- what was on disk


def test_what_another_process_has_left_on_disk_has_its_place_in_the_order() -> None:
    rig = Rig()
    rig.gate.order.resume("BTCUSDT", Newest("5", trade(5).time, seq="5"))
    assert rig.gate.found(trade(9)) == [trade(9)]
    rig.receive(trade(12))
    assert rig.gate.found(trade(10)) == [trade(10)._replace(late=True)]
    assert [(jump.before.id, jump.after.id) for jump in rig.gate.news()[1]] == [("5", "9"), ("9", "12")]


def test_before_it_is_known_what_is_stored_what_was_on_disk_says_nothing_of_the_order() -> None:
    rig = Rig()
    assert rig.gate.found(trade(9)) == [trade(9)]
    assert rig.gate.newest("BTCUSDT") is None


def test_what_is_held_is_old_from_the_moment_it_was_received() -> None:
    rig = joined()
    assert rig.gate.waiting() == {}
    rig.receive(trade(5))
    rig.gate.join(2, [BTC, ETH])
    rig.receive(trade(4), connection=2)
    assert rig.gate.waiting() == {"BTCUSDT": trade(4).received}


# -- frames that could not be read


def test_where_nothing_counts_a_frame_that_could_not_be_read_is_a_blind_time_of_what_it_names() -> None:
    rig = Rig(consecutive=False)
    rig.receive(trade(5))
    rig.gate.unread(["BTCUSDT"], MOMENT - 4)
    rig.gate.unread(["ETHUSDT"], MOMENT + 9)  # also where the clock was set back
    assert rig.gate.news()[0] == [
        (Blind("BTCUSDT", MOMENT - 4, MOMENT, unread=True), Mark("5", trade(5).time, None)),
        (Blind("ETHUSDT", MOMENT - 1, MOMENT, unread=True), None),
    ]


def test_where_numbers_count_they_tell_what_was_in_a_frame_that_could_not_be_read() -> None:
    rig = joined()
    rig.receive(trade(5))
    rig.gate.unread(["BTCUSDT"], MOMENT - 4)
    assert rig.gate.news()[0] == []


def test_before_the_first_number_that_is_known_it_is_a_blind_time_all_the_same() -> None:
    rig = Rig()
    rig.gate.unread(["BTCUSDT"], MOMENT - 4)
    assert rig.gate.news()[0] == [(Blind("BTCUSDT", MOMENT - 4, MOMENT, unread=True), None)]


# -- connections that end before the venue has answered


def test_an_instrument_that_was_asked_for_on_a_connection_that_ended_unanswered_is_blind_since_then() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.join(1, [BTC])
    rig.hand.time = 2 * SECOND
    rig.gate.leave(1, MOMENT + SECOND)
    rig.gate.join(2, [BTC])
    rig.hand.time = 3 * SECOND
    rig.gate.cover(2, ["BTCUSDT"])
    assert rig.gate.news()[0] == [(Blind("BTCUSDT", None, MOMENT + 3 * SECOND, asked=MOMENT), None)]
