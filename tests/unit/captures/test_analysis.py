"""A listing's markets in comparison: planted movers, prints, clocks, ties and leaks are told right."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.captures.analysis import analyse, record, text
from metdc_collector.captures.ticks import Market, Series, Tick
from tests.unit.captures.made import AT, BINANCE, BYBIT, MS, ORDER, SECOND, UPBIT, at, calm, jump, skewed, tick, whole


def told(markets: Mapping[Market, Sequence[Tick]]) -> dict[str, Any]:
    """The record of these markets, as JSON carries it."""
    made = record(analyse(ORDER, {market: whole(ticks) for market, ticks in markets.items()}))
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found


def alone(ticks: Sequence[Tick]) -> dict[str, Any]:
    """What one market's trades show."""
    found: dict[str, Any] = told({BINANCE: ticks})["markets"][0]
    return found


def ranks(found: list[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    return [(one["market"].split(".")[0], one["rank"]) for one in found]


def test_a_planted_mover_is_found_with_its_delay_peak_and_fall() -> None:
    path = jump(1_204, "1.08") | {5_000: "1.3", 5_003: "1.3"} | dict.fromkeys(range(8_000, 19_900, 100), "1.04")
    found = alone(at(path))
    assert found["verdict"] == "moved"
    assert found["reference"]["price"] == "1"
    assert (found["first_move"]["delay"], found["first_move"]["return"]) == (1_204 * MS, "0.08")
    assert (found["peak"]["price"], found["peak"]["return"]) == ("1.3", "0.3")
    assert (found["peak"]["delay"], found["peak"]["after_first_move"]) == (5_000 * MS, 3_796 * MS)
    assert found["peak"]["drawdown"] == "0.2"
    assert found["unconfirmed"] == 0


def test_a_planted_bad_print_is_neither_move_nor_peak_and_is_named() -> None:
    found = alone([*at(jump(2_000, "1.08")), tick(301, "1.9"), tick(9_055, "3")])
    assert found["first_move"]["delay"] == 2_000 * MS
    assert found["peak"]["price"] == "1.08"
    assert found["unconfirmed"] == 2
    assert [(one["delay"], one["price"]) for one in found["unconfirmed_trades"]] == [
        (301 * MS, "1.9"),
        (9_055 * MS, "3"),
    ]


def test_a_market_with_nothing_but_a_bad_print_has_not_moved() -> None:
    found = told({BINANCE: [*at(calm(end=20_000)), tick(3_001, "1.9")]})
    assert [one["verdict"] for one in found["markets"]] == ["unconfirmed"]
    assert found["by_time"] == []


def test_a_market_that_stays_where_it_was_has_not_moved() -> None:
    assert alone(at(calm(end=20_000)))["verdict"] == "no_move"


def test_a_thin_market_is_compared_with_its_last_trade_whose_age_is_told() -> None:
    found = alone(at({-200_000: "1", 4_000: "1.1", 5_500: "1.12"}))
    assert found["verdict"] == "moved"
    assert found["reference"] == {
        "price": "1", "kind": "last_trade", "trades": 1, "age": 200 * SECOND, "deviation": "0", "threshold": "0.01",
        "thin": True,
    }  # fmt: skip
    assert found["first_move"]["delay"] == 4_000 * MS


def test_a_thin_market_with_one_trade_afterwards_has_not_surely_moved() -> None:
    assert alone(at({-200_000: "1", 4_000: "1.1"}))["verdict"] == "unconfirmed"


def test_without_a_trade_in_10_minutes_there_is_no_reference() -> None:
    found = alone(at({-700_000: "1", 4_000: "1.1", 5_500: "1.12"}))
    assert (found["verdict"], found["reference"], found["first_move"]) == ("no_reference", None, None)
    assert found["after"]["trades"] == 2


def test_without_a_trade_in_the_window_there_are_none() -> None:
    found = alone(at({-200_000: "1"}))
    assert (found["verdict"], found["after"]) == (
        "no_trades", {"trades": 0, "base": "0", "quote": "0", "buy_share": None},
    )  # fmt: skip


def test_who_moved_first_is_first_by_both_clocks() -> None:
    found = told({BYBIT: at(jump(1_500, "1.1")), BINANCE: at(jump(1_200, "1.1"))})
    assert ranks(found["by_time"]) == ranks(found["by_received"]) == [("binance", [1, 1]), ("bybit", [2, 2])]
    assert found["by_time"][0]["delay"] == 1_200 * MS
    assert found["disagreements"] == []


def test_a_lead_within_what_the_clocks_may_be_off_is_a_tie() -> None:
    found = told({BYBIT: at(jump(1_290, "1.1")), BINANCE: at(jump(1_200, "1.1"))})
    assert ranks(found["by_time"]) == [("binance", [1, 2]), ("bybit", [1, 2])]
    assert found["by_time"][0]["ties"] == ["bybit.spot.SOMI-USDT"]
    assert ranks(found["by_received"]) == [("binance", [1, 1]), ("bybit", [2, 2])]


@pytest.mark.parametrize("skew", [-300, 300])
def test_a_clock_that_is_300_ms_off_wins_no_rank_and_the_disagreement_is_shown(skew: int) -> None:
    """Binance truly moves 100 ms before Bybit; one of them has the wrong clock, such that Bybit seems the first."""
    right, wrong = (BINANCE, BYBIT) if skew < 0 else (BYBIT, BINANCE)
    true = {BINANCE: at(jump(1_207, "1.1")), BYBIT: at(jump(1_307, "1.1"))}
    found = told({right: true[right], wrong: skewed(true[wrong], skew)})
    assert ranks(found["by_time"]) == [("bybit", [1, 2]), ("binance", [1, 2])]
    assert ranks(found["by_received"]) == [("binance", [1, 1]), ("bybit", [2, 2])]
    (pair,) = found["disagreements"]
    assert (pair["first"], pair["second"]) == ("bybit.spot.SOMI-USDT", "binance.spot.SOMI-USDT")
    assert (pair["lead"], pair["lag"], pair["sure"]) == (200 * MS, 100 * MS, False)


def test_a_clock_that_is_behind_makes_no_leak_of_a_move_after_the_announcement() -> None:
    found = alone(skewed(at(jump(107, "1.1")), -300))
    assert (found["verdict"], found["before_announcement"]) == ("moved", None)
    assert found["first_move"]["delay"] == -193 * MS


@pytest.mark.parametrize("ms", [-15_000, -5_000, -1_207])
def test_a_leak_is_flagged_with_its_time_and_not_ranked(ms: int) -> None:
    found = told({BINANCE: at(calm(begin=-80_000, end=-20_000) | jump(ms, "1.1")), BYBIT: at(jump(1_200, "1.1"))})
    leak = found["markets"][0]
    assert leak["verdict"] == "moved_before"
    assert (leak["before_announcement"]["delay"], leak["before_announcement"]["return"]) == (ms * MS, "0.1")
    assert found["before_announcement"] == ["binance.spot.SOMI-USDT"]
    assert ranks(found["by_time"]) == [("bybit", [1, 1])]


def test_a_bad_print_before_the_announcement_is_no_leak_and_is_named() -> None:
    found = alone([*at(jump(1_200, "1.1")), tick(-9_001, "5")])
    assert (found["verdict"], found["before_announcement"]) == ("moved", None)
    assert [one["delay"] for one in found["unconfirmed_trades"]] == [-9_001 * MS]


def test_a_leak_is_flagged_also_where_no_reference_price_can_be_had() -> None:
    found = alone(at({-1_900: "1", -1_800: "1.1", -1_700: "1.1"}))
    assert (found["verdict"], found["reference"]) == ("moved_before", None)


def test_other_quotes_are_compared_by_their_returns() -> None:
    bitcoin = calm("0.000005", end=1_200) | dict.fromkeys(range(1_200, 19_900, 100), "0.00000525")
    found = told({UPBIT: at(bitcoin), BINANCE: at(jump(1_500, "1.05"))})
    assert [one["first_move"]["return"] for one in found["markets"]] == ["0.05", "0.05"]
    assert ranks(found["by_time"])[0] == ("upbit", [1, 1])


def test_a_move_that_came_over_rest_has_no_rank_by_receipt() -> None:
    found = told({BINANCE: [each._replace(live=each.time < AT) for each in at(jump(1_200, "1.1"))]})
    assert (len(found["by_time"]), found["by_received"]) == (1, [])
    assert found["markets"][0]["first_move"]["received"] is None


def test_volumes_are_of_the_window_before_and_after_the_announcement() -> None:
    ticks = [
        tick(-20_001, "9"), tick(-20_000, "2", quantity="0.5"), tick(-1, "2", quantity="0.5", buy=False),
        tick(0, "4", quantity="0.25"), tick(19_999, "4", quantity="0.75", buy=False), tick(20_000, "9"),
    ]  # fmt: skip
    found = alone(ticks)
    assert found["before"] == {"trades": 2, "base": "1", "quote": "2", "buy_share": "0.5"}
    assert found["after"] == {"trades": 2, "base": "1", "quote": "4", "buy_share": "0.25"}


def test_what_is_left_out_is_counted_by_kind() -> None:
    made = record(analyse(ORDER, {BINANCE: Series(at(calm()), {"insurance": 2})}))
    assert made["markets"][0]["left_out"] == {"insurance": 2}


@pytest.mark.parametrize(
    ("value", "shown"), [("1.500", "1.5"), ("100", "100"), ("1E+3", "1000"), ("-0.0", "0"), ("-0.50", "-0.5")]
)
def test_decimals_have_no_exponent_and_no_needless_zeros(value: str, shown: str) -> None:
    assert text(Decimal(value)) == shown


prices = st.decimals("0.8", "1.3", places=2).filter(bool)
series = st.lists(st.tuples(st.integers(-90_000, 20_500), prices), max_size=60).map(
    lambda rows: [tick(ms, str(price)) for ms, price in sorted(rows)]
)


@given(one=series, other=series)
def test_one_market_changes_nothing_of_what_another_shows(one: list[Tick], other: list[Tick]) -> None:
    both = told({BINANCE: one, BYBIT: other})
    assert both["markets"] == told({BINANCE: one})["markets"] + told({BYBIT: other})["markets"]


@given(ticks=series, times=st.integers(2, 1_000))
def test_returns_do_not_depend_on_the_unit_of_the_price(ticks: list[Tick], times: int) -> None:
    scaled = [each._replace(price=each.price * times) for each in ticks]
    for name in ("first_move", "peak", "before_announcement"):
        found, again = alone(ticks)[name], alone(scaled)[name]
        assert (found is None) == (again is None)
        if found is not None:
            assert (found["time"], found["return"]) == (again["time"], again["return"])


@given(ticks=series)
def test_a_market_is_ranked_exactly_when_it_moved(ticks: list[Tick]) -> None:
    found = told({BINANCE: ticks})
    (market,) = found["markets"]
    assert (market["verdict"] == "moved") == (len(found["by_time"]) == 1)
    assert (market["before_announcement"] is not None) == (market["verdict"] == "moved_before")
    if market["verdict"] == "moved":
        assert market["first_move"] is not None
