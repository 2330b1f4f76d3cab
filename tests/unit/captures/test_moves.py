"""The formulas of one market: reference price, first move, peak, volumes, clock."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.captures import moves
from metdc_collector.captures.moves import Clock, Reference
from metdc_collector.captures.ticks import Tick
from tests.unit.captures.made import AT, MS, SECOND, at, calm, jump, tick

ONE = Reference(Decimal(1), "median", 9, None, Decimal(0))
BEGIN, END = (AT + edge for edge in moves.REFERENCE)

prices = st.decimals("0.5", "2", places=3)
paths = st.lists(st.tuples(st.integers(0, 20_000), prices), max_size=40).map(
    lambda rows: [tick(ms, str(price)) for ms, price in sorted(rows)]
)


# -- reference price


def test_the_reference_is_the_median_from_20_s_to_2_s_before_and_both_edges_are_in() -> None:
    ticks = at({-20_001: "9", -20_000: "1", -10_000: "2", -2_000: "4", -1_999: "9"})
    assert moves.reference(ticks, BEGIN, END, AT) == Reference(Decimal(2), "median", 3, None, Decimal("0.5"))


def test_of_an_even_number_the_reference_is_between_the_middle_two() -> None:
    found = moves.reference(at({-9_000: "1", -8_000: "2"}), BEGIN, END, AT)
    assert found is not None
    assert found.price == Decimal("1.5")


def test_a_bad_print_in_the_span_does_not_shift_the_reference() -> None:
    found = moves.reference(at(calm() | {-9_000: "400"}), BEGIN, END, AT)
    assert found is not None
    assert (found.price, found.deviation) == (Decimal(1), Decimal(0))


def test_without_a_trade_in_the_span_the_last_earlier_one_serves_and_its_age_is_told() -> None:
    found = moves.reference(at({-500_000: "3", -300_000: "2", -1_000: "9"}), BEGIN, END, AT)
    assert found == Reference(Decimal(2), "last_trade", 1, 300 * SECOND, Decimal(0))


@pytest.mark.parametrize(("ms", "known"), [(-600_000, True), (-600_001, False), (-1_000, False), (5, False)])
def test_an_earlier_trade_serves_for_10_minutes(ms: int, *, known: bool) -> None:
    assert (moves.reference(at({ms: "2"}), BEGIN, END, AT) is not None) is known


def test_the_threshold_is_1_percent_or_5_deviations() -> None:
    assert ONE.threshold == Decimal("0.01")
    assert ONE._replace(deviation=Decimal("0.003")).threshold == Decimal("0.015")


@pytest.mark.parametrize(("trades", "thin"), [(1, True), (4, True), (5, False)])
def test_a_reference_of_few_trades_is_thin(trades: int, *, thin: bool) -> None:
    assert ONE._replace(trades=trades).thin is thin


# -- the price that a window begins with


def test_the_baseline_is_the_median_of_the_minute_before_the_window() -> None:
    found = moves.baseline(at({-80_000: "1", -50_000: "2", -20_001: "3", -20_000: "9"}), AT - 20 * SECOND)
    assert found is not None
    assert (found.price, found.kind, found.trades) == (Decimal(2), "median", 3)


def test_without_trades_in_that_minute_the_last_earlier_one_is_taken() -> None:
    found = moves.baseline(at({-90_000: "2", -5_000: "9"}), AT - 20 * SECOND)
    assert found is not None
    assert (found.price, found.kind) == (Decimal(2), "last_trade")
    assert moves.baseline(at({-700_000: "2"}), AT - 20 * SECOND) is None


# -- first move


def first(path: dict[int, str], of: Reference = ONE) -> tuple[int | None, list[int]]:
    """The first move and what came unconfirmed before it, in ms."""
    found, unconfirmed = moves.first_move(at(path), of)
    when = None if found is None else (found.tick.time - AT) // MS
    return when, [(one.tick.time - AT) // MS for one in unconfirmed]


def test_the_first_trade_beyond_the_threshold_moves_once_another_confirms_it() -> None:
    assert first({100: "1.01", 200: "1.0101", 300: "1.02"}) == (200, [])


def test_a_move_may_go_down() -> None:
    assert first({100: "0.985", 300: "0.98"}) == (100, [])


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ({100: "1.5", 101: "1", 1_000: "1"}, "nothing follows it"),
        ({100: "1.5", 2_101: "1.5"}, "what follows it comes later than 2 s"),
        ({100: "1.5", 200: "0.5"}, "what follows it moved the other way"),
        ({100: "1.5", 200: "1.009"}, "what follows it did not move"),
        ({100: "1.5", 200: "1.2"}, "what follows it moved less than half as far"),
    ],
)
def test_a_print_that_no_other_confirms_is_no_move(path: dict[int, str], why: str) -> None:
    found, unconfirmed = first(path)
    assert found != 100, why
    assert 100 in unconfirmed


def test_a_bad_print_before_the_move_is_named_and_passed_over() -> None:
    assert first({100: "1.5", 200: "1", 1_500: "1.08", 1_600: "1.09"}) == (1_500, [100])


def test_fills_of_one_time_do_not_confirm_each_other() -> None:
    fills = [tick(100, "1.5"), tick(100, "1.5"), tick(200, "1")]
    found, unconfirmed = moves.first_move(fills, ONE)
    assert found is None
    assert len(unconfirmed) == 2


def test_a_trade_exactly_2_s_later_confirms() -> None:
    assert first({100: "1.5", 2_100: "1.25"}) == (100, [])


def test_a_lively_market_has_to_move_further() -> None:
    lively = ONE._replace(deviation=Decimal("0.02"))
    assert first({100: "1.09", 200: "1.1", 300: "1.11", 400: "1.12"}, lively) == (300, [])


@given(ticks=paths, factor=st.decimals("0.001", "1000", places=3).filter(bool))
def test_the_unit_of_the_price_changes_nothing(ticks: list[Tick], factor: Decimal) -> None:
    scaled = [each._replace(price=each.price * factor) for each in ticks]
    found, _ = moves.first_move(ticks, ONE)
    again, _ = moves.first_move(scaled, ONE._replace(price=factor))
    assert (found and found.tick.time) == (again and again.tick.time)


@given(ticks=paths)
def test_nothing_before_the_first_move_is_beyond_the_threshold_but_what_is_named(ticks: list[Tick]) -> None:
    found, unconfirmed = moves.first_move(ticks, ONE)
    end = ticks.index(found.tick) if found else len(ticks)
    beyond = [each for each in ticks[:end] if abs(each.price - 1) > ONE.threshold]
    assert [one.tick for one in unconfirmed] == beyond
    assert found is None or abs(found.gain) > ONE.threshold


# -- peak


def top(path: dict[int, str]) -> tuple[int, str, list[int]] | None:
    """The peak in ms, the fall after it, and what is beyond, in ms."""
    found, beyond = moves.peak(at(path), ONE)
    if found is None:
        return None
    return (found.move.tick.time - AT) // MS, str(found.drawdown), [(one.tick.time - AT) // MS for one in beyond]


def test_the_peak_is_the_highest_price_and_what_follows_fell_from_it() -> None:
    assert top({0: "1", 500: "2", 900: "1.99", 1_500: "1.5", 1_900: "1.5", 2_500: "1.8"}) == (500, "0.25", [])


def test_of_equal_peaks_the_first_counts() -> None:
    assert top({0: "1", 500: "2", 900: "2", 1_000: "2"}) == (500, "0", [])


def test_a_high_print_that_no_other_reaches_is_no_peak_and_is_named() -> None:
    assert top({0: "1.1", 100: "1.12", 200: "1.12", 300: "1.5", 400: "1.12", 500: "1.12"}) == (100, "0", [300])


def test_a_low_print_that_no_other_reaches_is_no_fall_and_is_named() -> None:
    assert top({100: "1.12", 200: "1.12", 300: "0.2", 400: "1.12", 500: "1.12"}) == (100, "0", [300])


def test_a_peak_is_confirmed_from_either_side_and_by_a_price_1_percent_short_of_it() -> None:
    assert top({0: "1.98", 500: "2"}) == (500, "None", [])
    assert top({0: "1.979", 500: "2"}) == (0, "None", [500])
    assert top({0: "1.98", 2_501: "2"}) is None


def test_after_the_last_trade_nothing_falls_and_without_trades_there_is_no_peak() -> None:
    assert top({0: "2", 100: "2.01"}) == (100, "None", [])
    assert moves.peak([], ONE) == (None, [])


def test_what_never_falls_below_the_peak_has_fallen_by_nothing() -> None:
    assert top({0: "1", 2_500: "1.999", 3_000: "2", 6_000: "2.5", 8_001: "2.01"}) == (3_000, "None", [6_000, 8_001])


@given(ticks=paths)
def test_a_peak_is_at_least_as_high_as_every_price_that_is_not_named(ticks: list[Tick]) -> None:
    found, beyond = moves.peak(ticks, ONE)
    if found is None:
        assert len(beyond) == len(ticks)
    else:
        named = {one.tick for one in beyond}
        assert all(each.price <= found.move.tick.price or each in named for each in ticks)
        assert found.drawdown is None or 0 <= found.drawdown < 1


# -- volumes


def test_volumes_are_exact_sums_and_the_share_is_of_quote_coins() -> None:
    long = "0.000000000000000000000000000000000000000000000000000000000001"
    ticks = [tick(0, "3", quantity="1"), tick(1, "1", quantity="1", buy=False), tick(2, "1", quantity=long, buy=False)]
    found = moves.volume(ticks)
    assert (found.trades, found.base) == (3, Decimal("2" + long[1:]))
    assert found.quote == Decimal("4" + long[1:])
    assert found.bought == 3
    assert found.buy_share is not None
    assert abs(found.buy_share - Decimal("0.75")) < Decimal("1e-20")


def test_without_trades_there_is_no_share() -> None:
    assert moves.volume([]).buy_share is None


# -- clock


def test_an_exchange_s_clock_may_be_off_by_the_median_of_what_we_see_and_its_step() -> None:
    found = moves.clock([*at({1: "1", 2: "1"}, latency=300), *at({3: "1"}, latency=-900)])
    assert found == Clock(300 * MS, MS)
    assert (found.uncertainty, found.tolerance) == (300 * MS, 301 * MS)


def test_a_clock_ahead_of_ours_is_as_uncertain_as_one_behind() -> None:
    assert moves.clock(at({1: "1"}, latency=-250)).uncertainty == 250 * MS


def test_no_clock_is_better_than_10_ms() -> None:
    assert moves.clock(at({1: "1"}, latency=0)).uncertainty == 10 * MS


def test_what_came_over_rest_tells_nothing_of_the_clock() -> None:
    found = moves.clock([tick(5, "1", live=False), *at({7: "1"}, latency=60)])
    assert found.offset == 60 * MS
    assert moves.clock([tick(5, "1", live=False)]).uncertainty == SECOND


@pytest.mark.parametrize(("times", "step"), [([AT, AT + SECOND], SECOND), ([AT + 20 * MS], 10 * MS), ([AT, AT + 1], 1)])
def test_the_step_of_the_times_is_the_largest_that_all_are_multiples_of(times: list[int], step: int) -> None:
    assert moves.clock([tick(0, "1")._replace(time=time) for time in times]).resolution == step


def test_trades_of_a_span_are_those_from_its_beginning_to_before_its_end() -> None:
    ticks = at(jump(300, "2", end=1_000))
    found = moves.between(ticks, AT + 300 * MS, AT + 500 * MS)
    assert [(each.time - AT) // MS for each in found] == [300, 400]
