"""KuCoin's lists of pairs and contracts become instruments."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidListing, Refusal
from metdc_collector.exchanges.kucoin import FUTURES, SPOT
from tests.unit.exchanges.examples import frame

PAIR: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "name": "BTC-USDT",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "baseMinSize": "0.00001",
    "baseIncrement": "0.00000001",
    "priceIncrement": "0.1",
    "enableTrading": True,
    "st": False,
    "callauctionIsEnabled": False,
    "tradingStartTime": None,
}
CONTRACT: dict[str, Any] = {
    "symbol": "XBTUSDTM",
    "rootSymbol": "USDT",
    "type": "FFWCSX",
    "firstOpenDate": 1585555200000,
    "expireDate": None,
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "lotSize": 1,
    "tickSize": 0.1,
    "multiplier": 0.001,
    "isInverse": False,
    "isQuanto": False,
    "status": "Open",
    "marketStage": "NORMAL",
}


def listed(*rows: object) -> bytes:
    return frame({"code": "200000", "data": list(rows)})


def test_the_lists_are_asked_for_in_one_request_each() -> None:
    assert (SPOT.listing_request().path, FUTURES.listing_request().path) == (
        "/api/v2/symbols",
        "/api/v1/contracts/active",
    )
    assert FUTURES.listing_request().weight == 3
    assert SPOT.next_page(listed(PAIR)) is None


# -- spot


def test_a_pair_has_base_quote_and_steps_from_the_venues_own_fields() -> None:
    pair = SPOT.listing(listed(PAIR)).instruments["BTC-USDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("kucoin", "spot", "BTC", "USDT")
    assert (pair.tick, pair.lot, pair.multiplier, pair.unit_factor) == ("0.1", "0.00000001", None, None)
    assert (pair.status, pair.listed, pair.delisted) == ("trading", None, None)


def test_a_pair_of_2021_has_no_word_of_auctions() -> None:
    row = {key: PAIR[key] for key in ("symbol", "name", "baseCurrency", "quoteCurrency", "enableTrading")}
    pair = SPOT.listing(listed(row)).instruments["BTC-USDT"]
    assert (pair.status, pair.tick, pair.lot) == ("trading", None, None)


def test_a_renamed_coin_is_known_by_its_base_field() -> None:
    row = PAIR | {"symbol": "BCHSV-USDT", "name": "BSV-USDT", "baseCurrency": "BSV"}
    pair = SPOT.listing(listed(row)).instruments["BCHSV-USDT"]
    assert (pair.name, pair.symbol) == ("BCHSV-USDT", "BSV-USDT")


def test_a_unit_of_a_thousand_is_counted_in_coins() -> None:
    pair = SPOT.listing(listed(PAIR | {"symbol": "1000SATS-USDT", "baseCurrency": "1000SATS"})).instruments
    assert (pair["1000SATS-USDT"].base, pair["1000SATS-USDT"].unit_factor) == ("SATS", "1000")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"enableTrading": True}, "trading"),
        ({"enableTrading": False}, "halted"),
        ({"enableTrading": True, "callauctionIsEnabled": True}, "pending"),
        ({"enableTrading": False, "callauctionIsEnabled": True}, "pending"),
    ],
)
def test_a_pair_is_kept_whatever_its_status(fields: dict[str, bool], status: str) -> None:
    assert SPOT.listing(listed(PAIR | fields)).instruments["BTC-USDT"].status == status


def test_an_announced_start_of_trading_is_known() -> None:
    row = PAIR | {"callauctionIsEnabled": True, "tradingStartTime": 1790000000000}
    assert SPOT.listing(listed(row)).instruments["BTC-USDT"].listed == 1790000000000000000


# -- futures


def test_a_contract_counts_lots_of_the_lists_own_multiplier() -> None:
    contract = FUTURES.listing(listed(CONTRACT)).instruments["XBTUSDTM"]
    assert (contract.market, contract.symbol) == ("futures", "BTC-USDT")
    assert (contract.multiplier, contract.tick, contract.lot) == ("0.001", "0.1", "1")
    assert (contract.status, contract.listed, contract.delisted) == ("trading", 1585555200000000000, None)


@pytest.mark.parametrize(
    ("written", "multiplier"),
    [
        (b"10", "10"),
        (b"100.0", "100"),
        (b"1E-7", "0.0000001"),
        (b"1e+3", "1000"),
        (b"0.1000000000000000055", "0.1000000000000000055"),
    ],
)
def test_a_multiplier_is_exactly_what_is_written(written: bytes, multiplier: str) -> None:
    reply = listed(CONTRACT).replace(b'"multiplier": 0.001', b'"multiplier": ' + written)
    assert FUTURES.listing(reply).instruments["XBTUSDTM"].multiplier == multiplier


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Init", "pending"),
        ("Open", "trading"),
        ("Paused", "halted"),
        ("CancelOnly", "halted"),
        ("SomethingNew", "halted"),
        ("BeingSettled", "delisted"),
        ("Settled", "delisted"),
        ("Closed", "delisted"),
    ],
)
def test_a_contract_is_kept_whatever_its_status(word: str, status: str) -> None:
    assert FUTURES.listing(listed(CONTRACT | {"status": word})).instruments["XBTUSDTM"].status == status


def test_a_planned_end_is_known() -> None:
    contract = FUTURES.listing(listed(CONTRACT | {"expireDate": 1790000000000})).instruments["XBTUSDTM"]
    assert contract.delisted == 1790000000000000000


@pytest.mark.parametrize(
    "other",
    [
        {"type": "FFICSX"},
        {"quoteCurrency": "USD", "settleCurrency": "XBT", "isInverse": True, "multiplier": -1},
        {"isInverse": True, "multiplier": -1},
        {"quoteCurrency": "USDC", "settleCurrency": "USDC"},
        {"settleCurrency": "USDC"},
        {"marketStage": "PRE_MARKET"},
    ],
)
def test_only_perpetuals_settled_in_usdt_whose_market_is_open_are_futures_of_ours(other: dict[str, object]) -> None:
    listing = FUTURES.listing(listed(CONTRACT, CONTRACT | {"symbol": "XUSDTM"} | other))
    assert (list(listing.instruments), listing.refused) == (["XBTUSDTM"], [])


def test_a_contract_of_a_list_without_stages_is_of_an_open_market() -> None:
    row = {key: value for key, value in CONTRACT.items() if key not in {"marketStage", "isInverse"}}
    assert list(FUTURES.listing(listed(row)).instruments) == ["XBTUSDTM"]


@pytest.mark.parametrize("multiplier", [None, 0, -1, 0.0, -0.5, True, "x", [], {}])
def test_a_contract_without_a_positive_multiplier_is_refused_by_name(multiplier: object) -> None:
    listing = FUTURES.listing(listed(CONTRACT, CONTRACT | {"symbol": "XUSDTM", "multiplier": multiplier}))
    assert list(listing.instruments) == ["XBTUSDTM"]
    assert listing.refused[0].name == "XUSDTM"
    assert "multiplier is no positive number" in listing.refused[0].reason


# -- damage


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (5, Refusal("row 1", "its row in the list is damaged: it is no object: 5")),
        (PAIR | {"symbol": "A USDT"}, Refusal("row 1", "its row in the list is damaged: symbol is no name: 'A USDT'")),
        (PAIR | {"symbol": "A,B"}, Refusal("A,B", "its row in the list is damaged: symbol is no name: 'A,B'")),
        (PAIR | {"symbol": None}, Refusal("row 1", "its row in the list is damaged: symbol is no text: None")),
        (
            PAIR | {"symbol": "A-USDT", "baseCurrency": ""},
            Refusal("A-USDT", "its row in the list is damaged: baseCurrency is no text: ''"),
        ),
        (
            PAIR | {"symbol": "A-USDT", "enableTrading": "true"},
            Refusal("A-USDT", "its row in the list is damaged: enableTrading is no bool: 'true'"),
        ),
    ],
)
def test_a_damaged_row_is_refused_by_name_and_the_rest_run(row: object, refusal: Refusal) -> None:
    listing = SPOT.listing(listed(PAIR, row))
    assert (list(listing.instruments), listing.refused) == (["BTC-USDT"], [refusal])


def test_a_damaged_row_of_futures_is_refused_too() -> None:
    listing = FUTURES.listing(listed(CONTRACT, CONTRACT | {"symbol": "XUSDTM", "status": None}, 5))
    assert [refusal.name for refusal in listing.refused] == ["XUSDTM", "row 2"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            b'{"msg":"Too many requests","code":"429000"}',
            "the venue answered with an error: '429000' 'Too many requests'",
        ),
        (b'{"code":200003,"data":[]}', "the venue answered with an error: 200003 None"),
        (b"{}", "the reply is no instrument list: it has no array 'data'"),
        (b'{"code":"200000","data":{}}', "the reply is no instrument list: it has no array 'data'"),
        (b'{"code":"200000","data":[]}', "the instrument list is empty: 'data' holds no row"),
        (b'{"code":"200000","data":[5]}', "the instrument list holds no usable instrument of the spot market"),
        (b"[]", "the instrument list is no JSON object: list"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message
