"""Phemex's product list becomes instruments."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidListing, Refusal
from metdc_collector.exchanges.phemex import FUTURES, SPOT
from tests.unit.exchanges.examples import body

CURRENCIES = [
    {"currency": "BTC", "valueScale": 8},
    {"currency": "USDT", "valueScale": 6},
    {"currency": "X", "valueScale": 0},
]
BTC: dict[str, Any] = {
    "symbol": "sBTCUSDT",
    "type": "Spot",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "priceScale": 8,
    "baseTickSize": "0.000001 BTC",
    "quoteTickSize": "0.01 USDT",
    "status": "Listed",
    "listTime": 1577836800000,
}
PERPETUAL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "type": "PerpetualV2",
    "perpProductSubType": "Normal",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "tickSize": "0.1",
    "qtyStepSize": "0.001",
    "status": "Listed",
    "listTime": 1668225600000,
}
INVERSE: dict[str, Any] = {"symbol": "BTCUSD", "type": "Perpetual", "quoteCurrency": "USD", "status": "Listed"}


def products(*rows: object, currencies: object = CURRENCIES) -> bytes:
    return body({"currencies": currencies, "products": list(rows)}, "data")


def perpetuals(*rows: object) -> bytes:
    return body({"currencies": CURRENCIES, "perpProductsV2": list(rows)}, "data")


def test_a_spot_pair_is_scaled_by_its_base_currency() -> None:
    pair = SPOT.listing(products(BTC)).instruments["sBTCUSDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("phemex", "spot", "BTC", "USDT")
    assert (pair.price_scale, pair.quantity_scale) == (8, 8)
    assert (pair.tick, pair.lot) == ("0.01", "0.000001")
    assert (pair.status, pair.listed) == ("trading", 1577836800000000000)


def test_a_pair_of_2021_has_neither_price_scale_nor_listing_time() -> None:
    row = {key: value for key, value in BTC.items() if key not in {"priceScale", "listTime"}}
    pair = SPOT.listing(products(row)).instruments["sBTCUSDT"]
    assert (pair.price_scale, pair.quantity_scale, pair.listed) == (8, 8, None)


def test_a_currency_of_whole_units_is_scaled_by_zero() -> None:
    pair = SPOT.listing(products(BTC | {"symbol": "sXUSDT", "baseCurrency": "X"})).instruments["sXUSDT"]
    assert pair.quantity_scale == 0


def test_old_inverse_contracts_are_no_spot_pairs() -> None:
    listing = SPOT.listing(products(INVERSE, BTC))
    assert (list(listing.instruments), listing.refused) == (["sBTCUSDT"], [])


@pytest.mark.parametrize(("word", "status"), [("Listed", "trading"), ("Delisted", "delisted"), ("Suspended", "halted")])
def test_an_instrument_is_kept_whatever_its_status(word: str, status: str) -> None:
    assert SPOT.listing(products(BTC | {"status": word})).instruments["sBTCUSDT"].status == status


def test_steps_may_have_commas_and_may_be_missing() -> None:
    pair = SPOT.listing(products(BTC | {"quoteTickSize": "1,000 USDT", "baseTickSize": 5})).instruments["sBTCUSDT"]
    assert (pair.tick, pair.lot) == ("1000", None)


def test_a_perpetual_has_decimals_and_no_scale() -> None:
    contract = FUTURES.listing(perpetuals(PERPETUAL)).instruments["BTCUSDT"]
    assert (contract.base, contract.quote, contract.market) == ("BTC", "USDT", "futures")
    assert (contract.price_scale, contract.quantity_scale) == (None, None)
    assert (contract.tick, contract.lot, contract.listed) == ("0.1", "0.001", 1668225600000000000)


@pytest.mark.parametrize(
    "other",
    [
        {"settleCurrency": "USDC", "quoteCurrency": "USDC"},
        {"perpProductSubType": "TradFi"},
        {"perpProductSubType": "PreMarket"},
        {"type": "Perpetual"},
    ],
)
def test_only_normal_perpetuals_settled_in_usdt_are_futures_of_ours(other: dict[str, str]) -> None:
    listing = FUTURES.listing(perpetuals(PERPETUAL, PERPETUAL | {"symbol": "XUSDT"} | other))
    assert list(listing.instruments) == ["BTCUSDT"]


def test_a_perpetual_of_a_list_without_subtypes_is_normal() -> None:
    row = {key: value for key, value in PERPETUAL.items() if key != "perpProductSubType"}
    assert list(FUTURES.listing(perpetuals(row)).instruments) == ["BTCUSDT"]


def test_a_unit_with_a_space_in_its_name_is_counted_in_coins() -> None:
    row = PERPETUAL | {"symbol": "u1000PEPEUSDT", "baseCurrency": "1000 PEPE"}
    contract = FUTURES.listing(perpetuals(row)).instruments["u1000PEPEUSDT"]
    assert (contract.base, contract.unit_factor, contract.symbol) == ("PEPE", "1000", "PEPE-USDT")


def test_a_delisted_contract_gives_its_subject_to_the_one_that_trades() -> None:
    rows = [
        PERPETUAL | {"symbol": "PEPEUSDT", "baseCurrency": "PEPE", "status": "Delisted"},
        PERPETUAL | {"symbol": "u1000PEPEUSDT", "baseCurrency": "1000 PEPE"},
    ]
    listing = FUTURES.listing(perpetuals(*rows))
    assert (list(listing.instruments), listing.refused) == (["u1000PEPEUSDT"], [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (5, "it is no object: 5"),
        (BTC | {"symbol": 5}, "symbol is no name: 5"),
        (BTC | {"symbol": "sNEWUSDT", "baseCurrency": "NEW"}, "the list gives no valueScale of 'NEW'"),
        (BTC | {"symbol": "sNEWUSDT", "priceScale": -1}, "priceScale is no scale: -1"),
        (BTC | {"symbol": "sNEWUSDT", "status": 5}, "status is no text: 5"),
    ],
)
def test_a_damaged_pair_is_refused_by_name_and_the_rest_run(row: object, reason: str) -> None:
    listing = SPOT.listing(products(BTC, row))
    name = "sNEWUSDT" if "NEW" in str(row) else "row 1"
    assert list(listing.instruments) == ["sBTCUSDT"]
    assert listing.refused == [Refusal(name, f"its row in the list is damaged: {reason}")]


def test_a_damaged_perpetual_is_refused_by_name() -> None:
    listing = FUTURES.listing(perpetuals(PERPETUAL, PERPETUAL | {"symbol": "XUSDT", "baseCurrency": None}))
    assert listing.refused == [Refusal("XUSDT", "its row in the list is damaged: baseCurrency is no text: None")]


@pytest.mark.parametrize(
    "currencies", [None, [5], [{"currency": 5, "valueScale": 8}], [{"currency": "BTC", "valueScale": True}]]
)
def test_without_the_scale_of_any_currency_there_is_no_usable_pair(currencies: object) -> None:
    with pytest.raises(InvalidListing, match="no usable instrument of the spot market"):
        SPOT.listing(products(BTC, currencies=currencies))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            b'{"error":{"code":6001,"message":"invalid argument"},"id":null,"result":null}',
            "the venue answered with an error: 6001 'invalid argument'",
        ),
        (b'{"code":11001,"msg":"busy","data":null}', "the venue answered with an error: 11001 'busy'"),
        (b"{}", "the venue answered with an error: None None"),
        (b'{"data":{}}', "the reply is no instrument list: it has no array 'products'"),
        (b'{"data":{"products":[]}}', "the instrument list is empty: 'products' holds no row"),
        (b"not JSON", "the instrument list is not JSON: the reply begins with 'not JSON'"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message


def test_a_list_of_2021_has_no_futures_of_ours() -> None:
    with pytest.raises(InvalidListing, match="no array 'perpProductsV2'"):
        FUTURES.listing(products(BTC, INVERSE))
