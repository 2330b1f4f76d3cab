"""Upbit's market list becomes instruments."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidListing, Refusal
from metdc_collector.exchanges.upbit import SPOT

BTC: dict[str, Any] = {
    "market": "KRW-BTC",
    "korean_name": "비트코인",
    "english_name": "Bitcoin",
    "market_event": {"warning": False, "caution": {"PRICE_FLUCTUATIONS": False}},
}
ERROR = '{"error":{"name":404,"message":"Code not found"}}'


def markets(*rows: object) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def test_a_code_is_quote_and_base() -> None:
    pair = SPOT.listing(markets(BTC)).instruments["KRW-BTC"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("upbit", "spot", "BTC", "KRW")
    assert pair.symbol == "BTC-KRW"


def test_presence_in_the_list_is_trading_also_under_a_warning() -> None:
    warned = BTC | {"market": "KRW-OLD", "market_event": {"warning": True}}
    listing = SPOT.listing(markets(BTC, warned))
    assert {pair.status for pair in listing.instruments.values()} == {"trading"}


def test_the_list_gives_neither_steps_nor_times() -> None:
    pair = SPOT.listing(markets(BTC)).instruments["KRW-BTC"]
    assert (pair.tick, pair.lot, pair.listed, pair.delisted) == (None, None, None, None)


def test_a_list_without_details_is_a_list_too() -> None:
    row = {key: value for key, value in BTC.items() if key != "market_event"}
    assert list(SPOT.listing(markets(row)).instruments) == ["KRW-BTC"]


def test_pairs_of_every_quote_are_kept_and_krw_is_wanted_by_default() -> None:
    listing = SPOT.listing(markets(*(BTC | {"market": code} for code in ("KRW-ETH", "BTC-ETH", "USDT-ETH"))))
    assert [pair.quote for pair in listing.instruments.values()] == ["KRW", "BTC", "USDT"]
    assert SPOT.default_quotes == ("KRW",)


def test_a_unit_in_a_name_is_taken_off_and_a_coin_that_begins_with_one_is_not() -> None:
    listing = SPOT.listing(markets(BTC | {"market": "KRW-1000X"}, BTC | {"market": "KRW-1INCH"}))
    assert [(pair.base, pair.unit_factor) for pair in listing.instruments.values()] == [("X", "1000"), ("1INCH", None)]


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        (5, "row 1", "it is no object: 5"),
        ({}, "row 1", "market is no quote and base: None"),
        ({"market": 5}, "row 1", "market is no quote and base: 5"),
        ({"market": "KRW"}, "KRW", "market is no quote and base: 'KRW'"),
        ({"market": "-BTC"}, "-BTC", "market is no quote and base: '-BTC'"),
        ({"market": "KRW-"}, "KRW-", "market is no quote and base: 'KRW-'"),
        ({"market": "KRW-A-B"}, "KRW-A-B", "market is no quote and base: 'KRW-A-B'"),
        ({"market": "KRW-A\nB"}, "row 1", "market is no quote and base: 'KRW-A\\nB'"),
    ],
)
def test_a_damaged_row_is_refused_by_name_and_the_rest_run(row: object, name: str, reason: str) -> None:
    listing = SPOT.listing(markets(BTC, row))
    assert list(listing.instruments) == ["KRW-BTC"]
    assert listing.refused == [Refusal(name, f"its row in the list is damaged: {reason}")]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            ERROR.encode(),
            f"the instrument list is no JSON array: the reply begins with '{ERROR}'",
        ),
        (b"[]", "the instrument list is empty: the array holds no row"),
        (b"", "the instrument list is empty: the reply has no body"),
        (b"<html>", "the instrument list is not JSON: the reply begins with '<html>'"),
        (b"[5]", "the instrument list holds no usable instrument of the spot market"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message


def test_the_list_comes_whole_in_one_body() -> None:
    assert SPOT.listing_request().path == "/v1/market/all?is_details=true"
    assert SPOT.next_page(markets(BTC)) is None
