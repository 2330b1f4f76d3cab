"""Numbers that did not come, and where a sequence of trades is continued from."""

import pytest

from metdc_collector.continuity import SERIES, Jump, Newest, Order, is_older, is_overtaken
from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, SECOND, aggregate, trade


def stored(of: Trade) -> Newest:
    return Newest(of.id, of.time, of.late, of.seq)


def test_consecutive_numbers_that_did_not_come_are_a_jump() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5), trade(9), trade(10)])
    assert order.jumps == [Jump(BTC, Mark("5", trade(5).time, "5"), Mark("9", trade(9).time, "9"))]


@pytest.mark.parametrize("numbers", [(5, 6), (5, 5), (9, 5), (0, 1)])
def test_what_follows_or_comes_late_is_no_jump(numbers: tuple[int, int]) -> None:
    order = Order(consecutive=True)
    order.mark([trade(each) for each in numbers])
    assert order.jumps == []


def test_where_numbers_do_not_count_nothing_is_a_jump() -> None:
    order = Order(consecutive=False)
    order.mark([trade(5), trade(9)])
    assert order.jumps == []


def test_a_trade_behind_one_without_a_number_is_no_jump() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)._replace(seq=None), trade(9)])
    assert order.jumps == []


def test_a_number_that_was_used_up_without_a_trade_leaves_no_jump() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    order.skip("BTCUSDT", "6")
    order.mark([trade(7)])
    assert order.jumps == []


def test_a_jump_behind_a_number_without_a_trade_begins_there() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    order.skip("BTCUSDT", "6")
    order.mark([trade(9)])
    assert order.jumps[0].before == Mark("5", trade(5).time, "6")


@pytest.mark.parametrize("seq", ["5", "7", "x"])
def test_a_number_without_a_trade_that_is_not_the_next_changes_nothing(seq: str) -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    order.skip("BTCUSDT", seq)
    order.skip("ETHUSDT", seq)
    assert order.newest("BTCUSDT") == Mark("5", trade(5).time, "5")
    assert order.newest("ETHUSDT") is None


def test_without_numbers_nothing_is_skipped() -> None:
    order = Order(consecutive=False)
    order.mark([trade(5)])
    order.skip("BTCUSDT", "0")
    assert order.newest("BTCUSDT") == Mark("5", trade(5).time, None)


def test_what_is_stored_is_continued_from() -> None:
    order = Order(consecutive=True)
    order.resume("BTCUSDT", stored(trade(5)))
    order.mark([trade(6), trade(8)])
    assert [(jump.before.id, jump.after.id) for jump in order.jumps] == [("6", "8")]


@pytest.mark.parametrize(("consecutive", "number", "newest"), [(True, 9, "9"), (True, 4, "5"), (False, 9, "9")])
def test_what_is_stored_counts_where_it_is_newer(number: int, newest: str, *, consecutive: bool) -> None:
    order = Order(consecutive)
    order.mark([trade(5)])
    order.resume("BTCUSDT", stored(trade(number)))
    mark = order.newest("BTCUSDT")
    assert mark is not None
    assert mark.id == newest


@pytest.mark.parametrize("consecutive", [True, False])
def test_what_is_stored_and_as_old_changes_nothing(consecutive: bool) -> None:
    order = Order(consecutive)
    order.mark([trade(5)])
    order.resume("BTCUSDT", stored(trade(5)))
    assert order.last_ids() == {"BTCUSDT": "5"}


def test_a_stored_trade_that_counts_another_thing_changes_nothing() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5)])
    order.resume("BTCUSDT", stored(aggregate(900, 90, 99, at=SECOND)))
    assert order.last_ids() == {"BTCUSDT": "5"}


def test_aggregates_behind_the_fills_that_are_stored_go_on() -> None:
    """A process whose feed gives aggregates continues from what another has stored in fills."""
    order = Order(consecutive=True)
    order.resume("BTCUSDT", stored(trade(500)))
    rows = [aggregate(70, 498, 500, at=SECOND), aggregate(71, 501, 502, at=SECOND), aggregate(72, 503, 503, at=SECOND)]
    assert order.mark(rows) == rows[1:]
    order.mark([aggregate(74, 505, 505, at=SECOND)])
    assert [(jump.before.id, jump.after.id) for jump in order.jumps] == [("agg:72", "agg:74")]


def test_a_fill_and_an_aggregate_are_compared_by_their_times() -> None:
    order = Order(consecutive=True)
    order.mark([aggregate(900, 90, 99, at=5 * SECOND)])
    marked = order.mark([trade(80, at=4 * SECOND), trade(100, at=6 * SECOND)])
    assert [each.late for each in marked] == [True, False]
    assert order.jumps == []


# -- numbers that restart


def test_numbers_that_restart_with_newer_times_are_a_new_series() -> None:
    order = Order(consecutive=True)
    order.mark([trade(500, at=0)])
    marked = order.mark([trade(1, at=3600 * SECOND), trade(2, at=3600 * SECOND), trade(4, at=3601 * SECOND)])
    assert [each.late for each in marked] == [False, False, False]
    assert [(jump.before.id, jump.after.id) for jump in order.jumps] == [("2", "4")]


def test_a_lower_number_that_is_hardly_newer_is_late() -> None:
    order = Order(consecutive=True)
    order.mark([trade(500, at=0)])
    assert order.mark([trade(499, at=SERIES)])[0].late
    assert not order.mark([trade(498, at=SERIES + 1)])[0].late


def test_a_trade_of_the_old_series_is_late_behind_the_new_one() -> None:
    order = Order(consecutive=True)
    order.mark([trade(3, at=3600 * SECOND)])
    assert [order.mark([trade(5, at=at)])[0].late for at in (3590 * SECOND - 1, 3590 * SECOND)] == [True, False]


def test_a_stored_trade_of_a_new_series_is_continued_from() -> None:
    order = Order(consecutive=True)
    order.mark([trade(500, at=0)])
    order.resume("BTCUSDT", stored(trade(3, at=3600 * SECOND)))
    assert order.last_ids() == {"BTCUSDT": "3"}


@pytest.mark.parametrize(("at", "dropped"), [(SERIES, True), (SERIES + 1, False)])
def test_aggregates_of_fills_that_have_come_are_left_out_only_within_their_series(at: int, *, dropped: bool) -> None:
    order = Order(consecutive=True)
    order.mark([trade(500, at=0)])
    assert (order.mark([aggregate(1, 1, 2, at=at)]) == []) is dropped


def test_an_old_aggregate_of_fills_that_have_come_is_left_out() -> None:
    order = Order(consecutive=True)
    order.mark([trade(500, at=3600 * SECOND)])
    assert order.mark([aggregate(70, 498, 500, at=0)]) == []


@pytest.mark.parametrize(
    ("mine", "at", "other", "other_at", "older"),
    [
        (4, 9, 5, 1, True),
        (5, 1, 5, 9, False),
        (6, 1, 5, 9, False),
        (4, SERIES, 5, 0, True),
        (4, SERIES + 1, 5, 0, False),
        (6, 0, 5, SERIES + 1, True),
        (-1, 1, 5, 9, True),
        (4, 9, -1, 1, False),
    ],
)
def test_numbers_tell_which_trade_is_older_and_times_where_numbers_can_not(
    mine: int, at: int, other: int, other_at: int, *, older: bool
) -> None:
    assert is_older(mine, at, other, other_at) is older


def test_a_trade_of_a_new_series_is_not_overtaken_by_the_old_one() -> None:
    assert not is_overtaken(trade(3, at=3600 * SECOND), stored(trade(500, at=0)))
