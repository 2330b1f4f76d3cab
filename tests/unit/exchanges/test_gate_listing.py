"""Gate's lists of pairs and contracts become instruments."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidListing, Refusal
from metdc_collector.exchanges.gate import FUTURES, SPOT
from tests.unit.exchanges.examples import frame

BTC: dict[str, Any] = {
    "id": "BTC_USDT",
    "base": "BTC",
    "base_name": "Bitcoin",
    "quote": "USDT",
    "quote_name": "Tether",
    "fee": "0.2",
    "min_base_amount": "0.00001",
    "min_quote_amount": "3",
    "amount_precision": 6,
    "precision": 1,
    "trade_status": "tradable",
    "sell_start": 0,
    "buy_start": 0,
    "delisting_time": 0,
    "type": "normal",
    "st_tag": False,
}
CONTRACT: dict[str, Any] = {
    "name": "BTC_USDT",
    "type": "direct",
    "quanto_multiplier": "0.0001",
    "order_price_round": "0.1",
    "mark_price_round": "0.01",
    "order_size_min": 1,
    "order_size_max": 1000000,
    "status": "trading",
    "in_delisting": False,
    "is_pre_market": False,
    "enable_decimal": False,
    "create_time": 1546905000,
    "launch_time": 1546905600,
    "trade_id": 560345678,
    "funding_interval": 28800,
    "contract_type": "",
}


def listed(*rows: object) -> bytes:
    return frame(list(rows))


def test_each_list_is_asked_for_whole() -> None:
    assert SPOT.listing_request().path == "/api/v4/spot/currency_pairs"
    assert FUTURES.listing_request().path == "/api/v4/futures/usdt/contracts"
    assert SPOT.next_page(listed(BTC)) is None


def test_a_pair_has_steps_of_so_many_digits() -> None:
    pair = SPOT.listing(listed(BTC)).instruments["BTC_USDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("gate", "spot", "BTC", "USDT")
    assert (pair.tick, pair.lot, pair.multiplier) == ("0.1", "0.000001", None)
    assert (pair.status, pair.listed, pair.delisted) == ("trading", None, None)


@pytest.mark.parametrize(
    ("digits", "tick"),
    [(0, "1"), (12, "0.000000000001"), (-1, None), (31, None), ("1", None), (True, None), (None, None)],
)
def test_digits_that_cannot_be_are_no_step(digits: object, tick: str | None) -> None:
    assert SPOT.listing(listed(BTC | {"precision": digits})).instruments["BTC_USDT"].tick == tick


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("tradable", "trading"),
        ("buyable", "halted"),
        ("sellable", "halted"),
        ("untradable", "halted"),
        ("new", "halted"),
    ],
)
def test_a_pair_trades_once_it_can_be_bought_and_sold(word: str, status: str) -> None:
    assert SPOT.listing(listed(BTC | {"trade_status": word})).instruments["BTC_USDT"].status == status


def test_a_pair_is_listed_when_the_later_of_its_sides_opens_and_delisted_when_the_list_says() -> None:
    row = BTC | {"buy_start": 1790000060, "sell_start": 1790000000, "delisting_time": 1795000000}
    pair = SPOT.listing(listed(row)).instruments["BTC_USDT"]
    assert (pair.listed, pair.delisted) == (1790000060000000000, 1795000000000000000)


def test_a_pair_of_2021_has_neither_type_nor_delisting_time() -> None:
    row = {key: value for key, value in BTC.items() if key not in {"type", "delisting_time"}}
    assert list(SPOT.listing(listed(row)).instruments) == ["BTC_USDT"]


def test_pairs_before_their_market_opens_are_left_out() -> None:
    listing = SPOT.listing(listed(BTC, BTC | {"id": "X_USDT", "base": "X", "type": "premarket"}))
    assert (list(listing.instruments), listing.refused) == (["BTC_USDT"], [])


def test_a_contract_counts_coins_by_its_multiplier() -> None:
    contract = FUTURES.listing(listed(CONTRACT)).instruments["BTC_USDT"]
    assert (contract.market, contract.base, contract.quote) == ("futures", "BTC", "USDT")
    assert (contract.multiplier, contract.tick, contract.lot) == ("0.0001", "0.1", "1")
    assert (contract.status, contract.listed, contract.delisted) == ("trading", 1546905600000000000, None)


def test_a_contract_of_2023_has_no_status_and_trades() -> None:
    later = {"status", "is_pre_market", "enable_decimal", "launch_time", "contract_type"}
    row = {key: value for key, value in CONTRACT.items() if key not in later} | {"create_time": 0}
    contract = FUTURES.listing(listed(row)).instruments["BTC_USDT"]
    assert (contract.status, contract.lot, contract.listed) == ("trading", "1", None)


def test_the_step_of_a_contract_that_counts_fractions_is_not_known() -> None:
    assert FUTURES.listing(listed(CONTRACT | {"enable_decimal": True})).instruments["BTC_USDT"].lot is None


def test_a_contract_without_a_time_of_launch_is_listed_since_it_was_made() -> None:
    contract = FUTURES.listing(listed(CONTRACT | {"launch_time": 0})).instruments["BTC_USDT"]
    assert contract.listed == 1546905000000000000


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"status": "prelaunch"}, "pending"),
        ({"status": "delisting"}, "delisted"),
        ({"status": "delisted"}, "delisted"),
        ({"status": "circuit_breaker"}, "halted"),
        ({"status": "new"}, "halted"),
        ({"in_delisting": True}, "delisted"),
    ],
)
def test_a_contract_is_kept_whatever_its_status(more: dict[str, Any], status: str) -> None:
    assert FUTURES.listing(listed(CONTRACT | more)).instruments["BTC_USDT"].status == status


def test_a_contract_may_have_a_name_outside_ascii() -> None:
    contract = FUTURES.listing(listed(CONTRACT | {"name": "币安人生_USDT"})).instruments["币安人生_USDT"]
    assert (contract.base, contract.quote) == ("币安人生", "USDT")


def test_a_unit_of_a_thousand_coins_is_counted_in_coins() -> None:
    contract = FUTURES.listing(listed(CONTRACT | {"name": "1000CAT_USDT"})).instruments["1000CAT_USDT"]
    assert (contract.symbol, contract.unit_factor) == ("CAT-USDT", "1000")


@pytest.mark.parametrize(
    "other",
    [
        {"type": "inverse"},
        {"type": None},
        {"is_pre_market": True},
        {"contract_type": "stocks"},
        {"name": "X_USD"},
        {"name": "X_USDT_20261225"},
    ],
)
def test_only_usdt_perpetuals_on_coins_are_futures_of_ours(other: dict[str, object]) -> None:
    listing = FUTURES.listing(listed(CONTRACT, CONTRACT | {"name": "X_USDT"} | other))
    assert (list(listing.instruments), listing.refused) == (["BTC_USDT"], [])


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        (5, "row 1", "it is no object: 5"),
        (BTC | {"id": "A B"}, "row 1", "id is no name: 'A B'"),
        (BTC | {"id": "X_USDT", "base": ""}, "X_USDT", "base is no text: ''"),
        (BTC | {"id": "X_USDT", "quote": 5}, "X_USDT", "quote is no text: 5"),
        (BTC | {"id": "X_USDT", "quote": "US-DT"}, "X_USDT", "quote holds a dash: 'US-DT'"),
        (BTC | {"id": "X_USDT", "trade_status": None}, "X_USDT", "trade_status is no text: None"),
    ],
)
def test_a_damaged_pair_is_refused_by_name_and_the_rest_run(row: object, name: str, reason: str) -> None:
    listing = SPOT.listing(listed(BTC, row))
    assert list(listing.instruments) == ["BTC_USDT"]
    assert listing.refused == [Refusal(name, f"its row in the list is damaged: {reason}")]


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ([], "row 1", "it is no object: list"),
        (CONTRACT | {"name": None}, "row 1", "name is no name: None"),
        (CONTRACT | {"name": "_USDT"}, "_USDT", "name has no base: '_USDT'"),
        (CONTRACT | {"name": "X_USDT", "status": 5}, "X_USDT", "status is no text: 5"),
        (
            CONTRACT | {"name": "X_USDT", "quanto_multiplier": "0"},
            "X_USDT",
            "quanto_multiplier is no positive decimal: '0'",
        ),
    ],
)
def test_a_damaged_contract_is_refused_by_name_and_the_rest_run(row: object, name: str, reason: str) -> None:
    listing = FUTURES.listing(listed(CONTRACT, row))
    assert list(listing.instruments) == ["BTC_USDT"]
    assert listing.refused == [Refusal(name, f"its row in the list is damaged: {reason}")]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"[]", "the instrument list is empty: the array holds no row"),
        (b"", "the instrument list is empty: the reply has no body"),
        (b"\x1f\x8bxx", "the instrument list is not JSON: the reply is compressed (gzip)"),
        (b"not JSON", "the instrument list is not JSON: the reply begins with 'not JSON'"),
        (
            b'{"label":"SERVER_ERROR","message":"busy"}',
            'the instrument list is no JSON array: the reply begins with \'{"label":"SERVER_ERROR","message":"busy"}\'',
        ),
        (listed(BTC | {"type": "premarket"}), "the instrument list holds no usable instrument of the spot market"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message
