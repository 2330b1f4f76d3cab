"""What is late, who may speak, which rows of a snapshot are published; and how instruments share connections."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.continuity import (
    DISORDER,
    First,
    Joining,
    Newest,
    Order,
    Split,
    first_of,
    is_overtaken,
    may_join,
    number,
    room_for,
    share_out,
    split,
    unstored,
    without_stored_fills,
)
from metdc_collector.exchanges.base import Channel, Limits, Rate
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, aggregate, trade

FEED = Channel("trade", consecutive=True, argument="publicTrade.{}")


def limits(symbols: int, **more: int | None) -> Limits:
    rate = Rate(1, 1)
    return Limits(symbols, symbols_per_request=1, frames=rate, connects=rate, rest_weight=rate, **more)  # type: ignore[arg-type]


def held(*trades: Trade, replayed: int = 0) -> Joining:
    joining = Joining(BTC)
    joining.add(trades[:replayed], replayed=True, now=1, known=1)
    joining.add(trades[replayed:], replayed=False, now=1, known=1)
    return joining


def stored(of: Trade) -> Newest:
    return Newest(of.id, of.time, of.late, of.seq)


# -- order


def test_an_aggregate_is_left_out_once_a_fill_of_its_instrument_has_come() -> None:
    order = Order(consecutive=True)
    first, second = aggregate(3, 8, 9), aggregate(4, 10, 12)
    assert order.mark([first, trade(10), second, trade(11)]) == [first, trade(10), trade(11)]


def test_trades_in_order_are_not_late() -> None:
    order = Order(consecutive=True)
    assert [order.mark([trade(number)])[0].late for number in (1, 2, 5)] == [False, False, False]


def test_a_lower_id_after_a_higher_one_is_late_where_ids_count() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    assert order.mark([trade(4)])[0].late


def test_an_earlier_time_after_a_later_one_is_late_where_ids_do_not_count() -> None:
    order = Order(consecutive=False)
    order.mark([trade("x-1", at=5)])
    assert order.mark([trade("x-2", at=4)])[0].late


def test_an_earlier_time_alone_is_not_late_where_ids_count() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5, at=9)])
    assert not order.mark([trade(6, at=8)])[0].late


@pytest.mark.parametrize("before", ["5", None])
def test_a_trade_without_a_number_is_judged_by_time_where_ids_count(before: str | None) -> None:
    order = Order(consecutive=True)
    order.mark([trade(5, at=5)._replace(seq=before)])
    assert [order.mark([trade(6, at=at)._replace(seq=None)])[0].late for at in (5, 4)] == [False, True]
    assert not order.mark([trade(7, at=5)])[0].late


def test_the_same_trade_again_is_not_late() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    assert not order.mark([trade(5)])[0].late


def test_what_is_marked_already_stays_itself() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    late = trade(4)._replace(late=True)
    assert order.mark([late])[0] is late


def test_one_instrument_says_nothing_of_another() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    assert not order.mark([trade(4, of=ETH)])[0].late


def test_the_last_id_is_that_of_the_newest_and_not_of_a_late_one() -> None:
    order = Order(consecutive=True)
    for each in (trade(5), trade(4), trade(9, of=ETH)):
        order.mark([each])
    assert order.last_ids() == {"BTCUSDT": "5", "ETHUSDT": "9"}


@given(st.lists(st.integers(0, 20)))
def test_what_is_not_late_never_falls(numbers: list[int]) -> None:
    order = Order(consecutive=True)
    marked = [order.mark([trade(number)])[0] for number in numbers]
    on_time = [number(each.id) for each in marked if not each.late]
    assert on_time == sorted(on_time)
    assert all(any(number(earlier.id) > number(each.id) for earlier in marked) for each in marked if each.late)


@pytest.mark.parametrize(("text", "value"), [("5312345678", 5312345678), ("0", 0), ("x", -1), ("", -1), (None, -1)])
def test_an_ordering_number_that_is_none_proves_nothing(text: str | None, value: int) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("of", "newest", "overtaken"),
    [
        (trade(5, at=9), Newest("6", MOMENT + 8, seq="6"), True),
        (trade(5, at=8), Newest("5", MOMENT + 8, seq="5"), False),
        (trade(6, at=8), Newest("5", MOMENT + 9, seq="5"), False),
        (aggregate(5, 90, 99), Newest("agg:6", MOMENT, seq="6"), True),
        (aggregate(5, 90, 99, at=7), Newest("99", MOMENT + 8, seq="99"), True),
        (aggregate(5, 90, 99, at=8), Newest("99", MOMENT + 8, seq="99"), False),
        (trade("8-B-1-1-0", at=8), Newest("9-B-1-1-0", MOMENT + 9), True),
        (trade("9-B-1-1-0", at=9), Newest("9-S-1-1-0", MOMENT + 9), False),
    ],
)
def test_a_trade_is_overtaken_by_ids_that_count_the_same_and_else_by_time(
    of: Trade, newest: Newest, *, overtaken: bool
) -> None:
    assert is_overtaken(of, newest) is overtaken


# -- joining


def test_a_joining_remembers_its_first_id_and_since_when_it_holds() -> None:
    joining = Joining(BTC)
    assert (joining.since, joining.first) == (None, None)
    joining.add([trade(5)], replayed=False, now=7, known=7)
    joining.add([trade(6)], replayed=False, now=8, known=8)
    assert (joining.since, joining.first, joining.replayed) == (7, "5", 0)


def test_a_frame_without_trades_does_not_begin_with_an_id() -> None:
    joining = Joining(BTC)
    joining.add([], replayed=False, now=7, known=7)
    assert joining.first is None


def test_a_snapshot_after_live_trades_stands_before_them() -> None:
    joining = Joining(BTC)
    joining.add([trade(8), trade(9)], replayed=False, now=1, known=1)
    joining.add([trade(5), trade(6)], replayed=True, now=2, known=2)
    joining.add([trade(7)], replayed=True, now=2, known=2)
    assert [each.id for each in joining.trades] == ["5", "6", "7", "8", "9"]
    assert joining.replayed == 3


@pytest.mark.parametrize(
    ("joining", "newest", "shared"),
    [
        (held(trade(5)), None, False),
        (held(trade(5)), stored(trade(5)), True),
        (held(trade(5), trade(6)), stored(trade(6)), True),
        (held(trade(5)), stored(trade(4)), False),
        (held(trade(5)), stored(trade(6)), True),
        (held(trade(5), trade(6), replayed=2), stored(trade(5)), True),
    ],
)
def test_without_numbers_a_first_trade_is_shared_if_somebody_else_has_stored_it_or_a_later_one(
    joining: Joining, newest: Newest | None, shared: bool
) -> None:
    assert first_of(joining, newest, consecutive=False) == First("5", -1, named=True, shared=shared)


def test_with_numbers_a_first_trade_is_shared_if_what_came_before_it_is_stored() -> None:
    assert first_of(held(trade(5)), stored(trade(4)), consecutive=True) == First("5", 5, named=True, shared=True)
    assert first_of(held(trade(6)), stored(trade(4)), consecutive=True) == First("6", 6, named=True, shared=False)
    other = trade(6)._replace(id="x")
    assert first_of(held(other), None, consecutive=True) == First("x", 6, named=False, shared=False)
    skipped = held(trade(6))
    skipped.first = "5"
    assert first_of(skipped, stored(trade(4)), consecutive=True) == First("6", 5, named=True, shared=True)


def test_who_holds_nothing_may_join() -> None:
    assert may_join(Joining(BTC), None, consecutive=True)


@pytest.mark.parametrize("consecutive", [True, False])
def test_nobody_joins_a_subject_of_which_nothing_is_stored(*, consecutive: bool) -> None:
    assert not may_join(held(trade(5), replayed=1), None, consecutive=consecutive)


@pytest.mark.parametrize(("newest", "may"), [(99, False), (100, True), (101, True), (500, True)])
def test_with_ids_the_predecessor_must_be_stored(newest: int, *, may: bool) -> None:
    assert may_join(held(trade(101), trade(102)), stored(trade(newest)), consecutive=True) is may


def test_an_id_without_a_trade_counts_as_the_first() -> None:
    joining = held(trade(103))
    joining.first = "101"
    assert may_join(joining, stored(trade(100)), consecutive=True)
    assert not may_join(joining, stored(trade(99)), consecutive=True)


def test_a_foreign_message_on_the_subject_proves_nothing() -> None:
    assert not may_join(held(trade(101)), Newest("hello", MOMENT), consecutive=True)


@pytest.mark.parametrize(("newest", "may"), [(8, False), (9, True), (10, True)])
def test_with_aggregates_the_predecessor_is_an_aggregate(newest: int, *, may: bool) -> None:
    joining = held(aggregate(10, 100, 104))
    assert may_join(joining, stored(aggregate(newest, 1, 99)), consecutive=True) is may


@pytest.mark.parametrize(("newest", "may"), [(98, False), (99, True), (102, True)])
def test_aggregates_join_after_fills_up_to_their_range(newest: int, *, may: bool) -> None:
    assert may_join(held(aggregate(10, 100, 104)), stored(trade(newest)), consecutive=True) is may


@pytest.mark.parametrize(("at", "may"), [(4, False), (5, True), (6, True)])
def test_fills_join_after_aggregates_by_their_time(at: int, *, may: bool) -> None:
    assert may_join(held(trade(100, at=5)), stored(aggregate(10, 90, 99, at=at)), consecutive=True) is may


@pytest.mark.parametrize(("newest", "may"), [("x", False), ("a", True), ("b", True)])
def test_without_ids_live_trades_join_once_one_of_them_is_stored(newest: str, *, may: bool) -> None:
    assert may_join(held(trade("a", at=5), trade("b", at=9)), stored(trade(newest, at=9)), consecutive=False) is may


@pytest.mark.parametrize(("ahead", "may"), [(DISORDER, False), (DISORDER + 1, True)])
def test_without_ids_live_trades_join_behind_one_that_is_surely_newer(ahead: int, *, may: bool) -> None:
    assert may_join(held(trade("a", at=5)), stored(trade("x", at=5 + ahead)), consecutive=False) is may


def test_a_trade_without_a_number_joins_on_no_proof_where_ids_count() -> None:
    assert not may_join(held(trade(101)._replace(seq=None)), stored(trade(200)), consecutive=True)


def test_a_snapshot_that_reaches_beyond_the_newest_stored_trade_may_join() -> None:
    assert may_join(held(trade("a", at=4), trade("b", at=9), replayed=2), stored(trade("x", at=5)), consecutive=False)


def test_a_snapshot_that_begins_after_the_newest_stored_trade_waits() -> None:
    assert not may_join(held(trade("a", at=6), replayed=1), stored(trade("x", at=5)), consecutive=False)


def test_a_snapshot_that_may_begin_within_an_order_of_several_fills_waits() -> None:
    assert not may_join(held(trade("a", at=5), replayed=1), stored(trade("x", at=5)), consecutive=False)


def test_a_snapshot_that_holds_the_newest_stored_trade_may_join() -> None:
    joining = held(trade("w", at=5), trade("x", at=5), trade("y", at=6), replayed=3)
    assert may_join(joining, stored(trade("x", at=5)), consecutive=False)


# -- snapshots


def test_rows_are_expired_doubtful_or_new() -> None:
    rows = [trade("a", at=1), trade("b", at=2), trade("c", at=3), trade("d", at=4)]
    assert split(rows, stored(trade("x", at=3)), MOMENT + 2) == Split(rows[:1], rows[1:3], rows[3:])


def test_without_anything_stored_all_that_is_not_expired_is_new() -> None:
    rows = [trade("a", at=1), trade("b", at=2)]
    assert split(rows, None, 0) == Split([], [], rows)


def test_behind_a_late_trade_every_row_is_doubtful() -> None:
    rows = [trade("a", at=1), trade("b", at=9)]
    assert split(rows, Newest("x", MOMENT + 3, late=True), 0) == Split([], rows, [])


def test_stored_rows_are_not_published_again() -> None:
    rows = Split([], [trade("a", at=1), trade("b", at=2)], [trade("c", at=3)])
    held_by_stream = {each.message_id: each.time for each in rows.doubtful}
    assert unstored(rows, held_by_stream) == [trade("c", at=3)]


def test_a_missing_row_older_than_a_stored_one_is_late() -> None:
    rows = Split([], [trade("a", at=1), trade("b", at=2)], [])
    assert unstored(rows, {"of another": MOMENT + 2}) == [trade("a", at=1)._replace(late=True), trade("b", at=2)]


def test_of_fills_at_the_same_time_the_one_before_a_stored_one_is_late() -> None:
    rows = Split([], [trade("a", at=1), trade("b", at=1), trade("c", at=1)], [])
    found = unstored(rows, {trade("b", at=1).message_id: MOMENT + 1})
    assert found == [trade("a", at=1)._replace(late=True), trade("c", at=1)]


def test_with_nothing_stored_all_rows_are_published_as_they_are() -> None:
    rows = Split([], [trade("a", at=1)], [trade("b", at=2)])
    assert unstored(rows, {}) == [trade("a", at=1), trade("b", at=2)]


# -- aggregates


def test_aggregates_whose_fills_are_stored_are_dropped() -> None:
    joined = [aggregate(1, 90, 95), aggregate(2, 96, 101), aggregate(3, 102, 103)]
    assert without_stored_fills(joined, stored(trade(100))) == joined[2:]


def test_aggregates_after_aggregates_stay() -> None:
    joined = [aggregate(1, 90, 95)]
    assert without_stored_fills(joined, stored(aggregate(9, 96, 99))) == joined


def test_aggregates_stay_where_nothing_is_stored() -> None:
    assert without_stored_fills([aggregate(1, 90, 95)], None) == [aggregate(1, 90, 95)]


def test_fills_are_never_dropped_for_fills() -> None:
    assert without_stored_fills([trade(5)], stored(trade(100))) == [trade(5)]


def test_aggregates_stay_where_a_foreign_message_is_the_newest() -> None:
    assert without_stored_fills([aggregate(1, 90, 95)], Newest("hello", MOMENT)) == [aggregate(1, 90, 95)]


# -- connections


@given(st.lists(st.uuids().map(str), unique=True, max_size=200), st.integers(1, 50))
def test_instruments_are_spread_evenly_over_the_fewest_connections(names: list[str], most: int) -> None:
    shares = share_out(names, limits(most), FEED)
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert len(shares) == (len(names) + most - 1) // most
    sizes = [len(share) for share in shares]
    assert not sizes or (max(sizes) <= most and max(sizes) - min(sizes) <= 1)


def test_neighbours_go_to_different_connections() -> None:
    assert share_out(["a", "b", "c", "d", "e"], limits(2), FEED) == [("a", "d"), ("b", "e"), ("c",)]


def test_the_text_of_the_arguments_is_kept_within_its_limit() -> None:
    names = ["BTCUSDT", "ETHUSDT", "币安人生USDT", "XRPUSDT"]
    shares = share_out(names, limits(4, argument_bytes=53), FEED)
    assert shares == [("BTCUSDT", "币安人生USDT"), ("ETHUSDT", "XRPUSDT")]
    texts = [json.dumps([FEED.argument.format(name) for name in share], ensure_ascii=False) for share in shares]
    assert [len(text.replace(" ", "").encode()) for text in texts] == [54, 45]


def test_one_name_that_is_too_long_by_itself_gets_a_connection_all_the_same() -> None:
    assert share_out(["BTCUSDT", "ETHUSDT"], limits(4, argument_bytes=1), FEED) == [("BTCUSDT",), ("ETHUSDT",)]


@given(
    st.lists(st.text("ABC币", min_size=1, max_size=8), max_size=30),
    st.lists(st.text("ABC币", min_size=1, max_size=8), max_size=10),
    st.integers(1, 30),
    st.none() | st.integers(1, 600),
)
def test_as_many_are_added_to_a_connection_as_its_limits_allow(
    names: list[str], present: list[str], most: int, size: int | None
) -> None:
    def allowed(count: int) -> bool:
        together = [*present, *names[:count]]
        text = sum(len(FEED.argument.format(name).encode()) + 3 for name in together)
        return len(together) <= most and (size is None or text <= size)

    room = room_for(names, present, limits(most, argument_bytes=size), FEED)
    assert room == max((count for count in range(len(names) + 1) if allowed(count)), default=0)
