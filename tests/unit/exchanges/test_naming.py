"""Common names of coins: unit factors off, aliases on, and never two coins under one name by stripping."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metdc_collector.exchanges.naming import ALIASES, common_name, split_pair
from metdc_collector.wire import subjects

coins = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=8)
factors = st.integers(3, 9).map(lambda zeros: f"1{'0' * zeros}")


@pytest.mark.parametrize(
    ("base", "common", "factor"),
    [
        ("BTC", "BTC", None),
        ("1000PEPE", "PEPE", "1000"),
        ("1000 PEPE", "PEPE", "1000"),
        ("1000000MOG", "MOG", "1000000"),
        ("10000SATS", "SATS", "10000"),
        ("SHIB1000", "SHIB", "1000"),
        ("SHIB 1000", "SHIB", "1000"),
        ("1000XBT", "BTC", "1000"),
        ("1000BEAMX", "BEAM", "1000"),
        ("10001INCH", "1INCH", "1000"),
        ("1INCH", "1INCH", None),
        ("100X", "100X", None),
        ("1000", "1000", None),
        ("1000000", "1000000", None),
        ("C98", "C98", None),
        ("2000PEPE", "2000PEPE", None),
        ("XBT", "BTC", None),
        ("BEAMX", "BEAM", None),
        ("币安人生", "币安人生", None),
        ("1000币安人生", "币安人生", "1000"),
        ("1000\u0663", "\u0663", "1000"),
    ],
)
def test_a_base_has_its_common_name(base: str, common: str, factor: str | None) -> None:
    assert common_name(base, [base]) == (common, factor)


def test_a_factor_stays_where_the_bare_name_exists() -> None:
    assert common_name("1000PEPE", ["1000PEPE", "PEPE"]) == ("1000PEPE", None)


def test_a_factor_stays_where_the_bare_coin_exists_under_its_common_name() -> None:
    assert common_name("1000XBT", ["1000XBT", "BTC"]) == ("1000XBT", None)


def test_a_name_that_keeps_its_factor_loses_the_space() -> None:
    assert common_name("1000 PEPE", ["1000 PEPE", "PEPE"]) == ("1000PEPE", None)


@given(coins, factors, st.booleans(), st.sampled_from(["", " "]))
def test_any_factor_comes_off_at_either_end(coin: str, factor: str, before: bool, space: str) -> None:
    assume(coin not in ALIASES)
    assert common_name(f"{factor}{space}{coin}" if before else f"{coin}{space}{factor}", ()) == (coin, factor)


@given(st.text("ABC01 ", min_size=1, max_size=12))
def test_a_common_name_is_never_empty_and_a_factor_is_a_power_of_ten(base: str) -> None:
    assume(base.strip())
    name = common_name(base, ())
    assert name.base
    assert name.unit_factor is None or set(name.unit_factor[1:]) == {"0"}


@given(st.text("AB01", min_size=1, max_size=12), st.text("AB01", min_size=1, max_size=12))
def test_two_bases_share_a_name_only_where_one_is_a_unit_of_the_other(left: str, right: str) -> None:
    assume(left != right)
    listed = [left, right]
    first, second = common_name(left, listed), common_name(right, listed)
    assert first.base != second.base or first.unit_factor != second.unit_factor or left.strip("01") == right.strip("01")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_name_makes_a_subject(base: str) -> None:
    assert subjects.subject("trades", "phemex", "spot", common_name(base, ()).base, "USDT")


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("BTCFDUSD", ("BTC", "FDUSD")),
        ("USDTTRY", ("USDT", "TRY")),
        ("TUSDUSDT", ("TUSD", "USDT")),
        ("USDT", None),
        ("BTCUSDT_210924", None),
        ("btcusdt", None),
    ],
)
def test_a_name_is_split_at_the_longest_quote_that_fits(name: str, pair: tuple[str, str] | None) -> None:
    assert split_pair(name, ("USD", "USDT", "FDUSD", "TRY", "BTC")) == pair
