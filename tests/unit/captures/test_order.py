"""What can be captured, and what its result is called."""

import pytest

from metdc_collector.captures.order import CaptureRefused, Order, check
from tests.unit.captures.made import AT, MS, ORDER, SECOND


def test_a_window_is_from_20_s_before_to_20_s_after_unless_it_is_said_otherwise() -> None:
    assert (ORDER.start, ORDER.end) == (AT - 20 * SECOND, AT + 20 * SECOND)


def test_reading_begins_11_minutes_before_the_window() -> None:
    assert ORDER.read_from == ORDER.start - 660 * SECOND
    assert Order("SOMI", 30 * SECOND).read_from == 0


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (ORDER, "SOMI-20261127T020000Z"),
        (Order("SOMI", AT + 250 * MS), "SOMI-20261127T020000.25Z"),
        (Order("A.B", AT), "A%2EB-20261127T020000Z"),
    ],
)
def test_a_result_is_named_for_coin_and_moment(order: Order, name: str) -> None:
    assert order.name == name


def test_a_pattern_names_the_coin_on_all_markets_in_all_quotes() -> None:
    assert Order("A.B", AT).pattern("trades") == "trades.*.*.A%2EB.*"


def test_markets_may_be_chosen_by_exchange_or_one_by_one() -> None:
    chosen = Order("SOMI", AT, markets=("binance", "okx.spot"))
    assert [chosen.wants(*pair.split(".")) for pair in ("binance.futures", "okx.spot", "okx.futures")] == [
        True,
        True,
        False,
    ]
    assert ORDER.wants("okx", "futures")


@pytest.mark.parametrize(("before", "after"), [(SECOND - 1, SECOND), (SECOND, 601 * SECOND), (SECOND, 0)])
def test_a_window_has_bounds(before: int, after: int) -> None:
    with pytest.raises(CaptureRefused, match=r"is not between 1 s and 600 s") as refused:
        check(Order("SOMI", AT, before, after), AT)
    assert refused.value.reason == "Invalid"


def test_a_moment_that_is_to_come_is_refused_and_one_that_is_now_is_not() -> None:
    with pytest.raises(CaptureRefused, match=r"in the future: SOMI-20261127T020000Z is 2 s from now") as refused:
        check(ORDER, AT - 2 * SECOND + 1)
    assert refused.value.reason == "InFuture"
    check(ORDER, AT)
