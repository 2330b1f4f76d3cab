"""Numbers that begin again after a relisting, beside trades that only lag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.continuity import (
    SERIES,
    Joining,
    Newest,
    Order,
    is_overtaken,
    may_join,
    without_stored_fills,
)
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, MOMENT, aggregate, trade

LATER = SERIES + 1
"""So much later, in ns, a lower number begins a new series."""
FILLS = st.builds(trade, st.integers(0, 20), st.integers(0, 4 * SERIES))


def held(first: Trade) -> Joining:
    joining = Joining(BTC)
    joining.add([first], replayed=False, now=1, known=1)
    return joining


def stored(of: Trade) -> Newest:
    return Newest(of.id, of.time, of.late, of.seq)


def test_lower_numbers_with_newer_times_are_a_new_series_whose_order_starts_anew() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5_000, at=0)])
    marked = order.mark([trade(1, at=LATER), trade(3, at=LATER + 2), trade(2, at=LATER + 1)])
    assert [each.late for each in marked] == [False, False, True]
    assert order.last_ids() == {"BTCUSDT": "3"}


def test_a_series_may_begin_at_zero() -> None:
    order = Order(consecutive=True)
    marked = order.mark([trade(5_000, at=0), trade(0, at=LATER), trade(1, at=LATER), trade(0, at=LATER + 1)])
    assert [each.late for each in marked] == [False, False, False, True]


@pytest.mark.parametrize(("at", "late"), [(SERIES, True), (LATER, False)])
def test_a_lower_number_begins_a_series_only_later_than_lagging_explains(at: int, *, late: bool) -> None:
    order = Order(consecutive=True)
    order.mark([trade(5_000, at=0)])
    assert order.mark([trade(4_999, at=at)])[0].late is late


def test_what_is_left_of_the_old_series_is_late_and_does_not_end_the_new_one() -> None:
    order = Order(consecutive=True)
    order.mark([trade(5_000, at=0), trade(1, at=LATER)])
    assert order.mark([trade(5_001, at=0)])[0].late
    assert order.last_ids() == {"BTCUSDT": "1"}
    assert not order.mark([trade(2, at=LATER)])[0].late


@given(st.lists(FILLS))
def test_a_trade_much_newer_than_all_before_it_is_never_late(trades: list[Trade]) -> None:
    order = Order(consecutive=True)
    newest = 0
    for each in trades:
        (marked,) = order.mark([each])
        assert not (marked.late and each.time > newest + SERIES)
        newest = max(newest, each.time)


@given(
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=30, unique=True),
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=30, unique=True),
    st.integers(0, 1_000),
)
def test_each_of_two_series_is_in_order_whatever_their_numbers(old: list[int], new: list[int], jitter: int) -> None:
    """Times of a series may fall a little while its numbers rise."""
    order = Order(consecutive=True)
    first = [trade(number, at=-place % 2 * jitter) for place, number in enumerate(sorted(old))]
    second = [trade(number, at=LATER + jitter - place % 2 * jitter) for place, number in enumerate(sorted(new))]
    assert not any(each.late for each in order.mark([*first, *second]))


@pytest.mark.parametrize(
    ("of", "newest", "overtaken"),
    [
        (trade(1, at=LATER), Newest("5000", MOMENT, seq="5000"), False),
        (trade(1, at=SERIES), Newest("5000", MOMENT, seq="5000"), True),
        (trade(5_000, at=0), Newest("1", MOMENT + LATER, seq="1"), True),
        (aggregate(1, 1, 2, at=LATER), Newest("agg:5000", MOMENT, seq="5000"), False),
    ],
)
def test_a_series_is_overtaken_by_the_one_after_it_and_not_by_the_one_before(
    of: Trade, newest: Newest, *, overtaken: bool
) -> None:
    assert is_overtaken(of, newest) is overtaken


@pytest.mark.parametrize("first", [trade(3, at=LATER), aggregate(3, 3, 4, at=LATER)])
@pytest.mark.parametrize(("at", "may"), [(0, False), (1, True)])
def test_the_end_of_an_old_series_is_no_predecessor_in_a_new_one(first: Trade, at: int, *, may: bool) -> None:
    assert may_join(held(first), stored(trade(5_000, at=at)), consecutive=True) is may


def test_a_predecessor_may_be_as_old_as_it_likes() -> None:
    assert may_join(held(trade(101, at=1_000 * SERIES)), stored(trade(100, at=0)), consecutive=True)


@pytest.mark.parametrize(("at", "kept"), [(SERIES, 0), (LATER, 1)])
def test_aggregates_of_a_new_series_are_not_taken_for_fills_of_the_old_one(at: int, kept: int) -> None:
    assert len(without_stored_fills([aggregate(1, 1, 2, at=at)], stored(trade(5_000, at=0)))) == kept
