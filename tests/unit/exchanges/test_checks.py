"""Single fields: what passes, and what is refused in words."""

from decimal import Decimal

import pytest

from metdc_collector.exchanges.checks import (
    Damaged,
    in_coins,
    is_name,
    milliseconds,
    nanoseconds,
    per_coin,
    positive,
    shown,
)
from tests.unit.exchanges.examples import instrument

PEPE = instrument("binance", "futures", "1000PEPEUSDT", "PEPE", unit_factor="1000")
BTC = instrument("binance", "spot", "BTCUSDT", "BTC")


def test_a_time_in_milliseconds_becomes_nanoseconds() -> None:
    assert milliseconds(1790001515463, "T") == 1790001515463000000


def test_a_time_in_microseconds_is_known_by_its_magnitude() -> None:
    assert milliseconds(1790001515463987, "T") == 1790001515463987000


@pytest.mark.parametrize(
    "value", [True, None, "1790001515463", 1790001515463.0, 0, -1, 1790001515, 1230767999999, 4102444800000, 10**19]
)
def test_what_is_no_time_between_2009_and_2100_is_refused(value: object) -> None:
    with pytest.raises(Damaged, match=r"^T is no time: "):
        milliseconds(value, "T")


def test_the_years_2009_to_2099_are_times() -> None:
    assert milliseconds(1230768000000, "T") == 1230768000000 * 1_000_000
    assert milliseconds(4102444799999, "T") == 4102444799999 * 1_000_000
    assert nanoseconds(1230768000000000000, "t") == 1230768000000000000
    assert nanoseconds(4102444799999999999, "t") == 4102444799999999999


@pytest.mark.parametrize("value", [True, 1.0, "1", 1230767999999999999, 4102444800000000000])
def test_nanoseconds_have_the_same_range(value: object) -> None:
    with pytest.raises(Damaged, match=r"^t is no time: "):
        nanoseconds(value, "t")


def test_a_decimal_in_text_becomes_canonical() -> None:
    assert positive("80227.01000000", "p") == "80227.01"


@pytest.mark.parametrize("value", ["0", "0.000", "-1", "", "NaN", 5, 5.5, True, None, ["1"]])
def test_what_is_no_positive_decimal_in_text_is_refused(value: object) -> None:
    with pytest.raises(Damaged, match=r"^p is no positive decimal: "):
        positive(value, "p")


def test_a_unit_of_a_thousand_coins_is_a_thousandth_in_price_and_a_thousandfold_in_quantity() -> None:
    assert (per_coin("0.01234", PEPE), in_coins("25.5", PEPE)) == ("0.00001234", "25500")


def test_a_coin_that_is_its_own_unit_is_left_alone() -> None:
    assert (per_coin("0.01234", BTC), in_coins("25.5", BTC)) == ("0.01234", "25.5")


def test_a_quantity_that_grows_too_long_in_coins_is_refused() -> None:
    with pytest.raises(Damaged, match="too long in units of 1000"):
        in_coins("9" * 60, PEPE)


@pytest.mark.parametrize("name", ["BTCUSDT", "u1000PEPEUSDT", "币安人生USDT", "A" * 100])
def test_printable_names_are_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "A B", "A\r\nNats-Msg-Id: x", "A" * 101, "\ud800", 5, None, b"BTC"])
def test_what_cannot_stand_in_a_header_is_no_name(name: object) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", "'a\\nb'"),
        ("٣", "'\\u0663'"),
        (None, "None"),
        (Decimal("1E+400"), "Decimal('1E+400')"),
        ([1] * 1_000_000, "list"),
        ({"a": 1}, "dict"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_a_damaged_value_is_shown_in_short_ascii(value: object, text: str) -> None:
    assert shown(value) == text
