"""Bybit's instruments-info becomes instruments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal
from metdc_collector.exchanges.bybit import FUTURES, SPOT

PERPETUAL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "symbolId": 5,
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "symbolType": "",
    "launchTime": "1584230400000",
    "deliveryTime": "0",
    "priceScale": "2",
    "isPreListing": False,
    "preListingInfo": None,
    "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
    "lotSizeFilter": {"minOrderQty": "0.001", "maxOrderQty": "1190.000", "qtyStep": "0.001", "minNotionalValue": "5"},
}
PAIR: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "innovation": "0",
    "status": "Trading",
    "symbolType": "",
    "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.00000001", "minOrderQty": "0.000001"},
    "priceFilter": {"tickSize": "0.01"},
}


def page(*rows: object, cursor: object = "") -> bytes:
    result = {"category": "linear", "nextPageCursor": cursor, "list": list(rows)}
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1}).encode()


def spot(*rows: object) -> bytes:
    result = {"category": "spot", "list": list(rows)}
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1}).encode()


def perpetual(base: str, **more: object) -> dict[str, Any]:
    return PERPETUAL | {"symbol": f"{base}USDT", "baseCoin": base} | more


def names(listing: Listing) -> dict[str, str]:
    return {name: instrument.symbol for name, instrument in listing.instruments.items()}


def test_a_pair_has_base_quote_and_steps_from_the_venues_own_fields() -> None:
    pair = SPOT.listing(spot(PAIR)).instruments["BTCUSDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("bybit", "spot", "BTC", "USDT")
    assert (pair.tick, pair.lot, pair.status) == ("0.01", "0.000001", "trading")
    assert (pair.multiplier, pair.unit_factor, pair.listed, pair.delisted) == (None, None, None, None)


def test_a_perpetual_has_its_steps_and_times_and_counts_coins() -> None:
    contract = FUTURES.listing(page(PERPETUAL)).instruments["BTCUSDT"]
    assert (contract.exchange, contract.market, contract.base, contract.quote) == ("bybit", "futures", "BTC", "USDT")
    assert (contract.tick, contract.lot, contract.multiplier, contract.status) == ("0.1", "0.001", None, "trading")
    assert (contract.listed, contract.delisted) == (1584230400000000000, None)


def test_a_planned_delisting_is_known() -> None:
    contract = FUTURES.listing(page(perpetual("A", deliveryTime="1790000000000"))).instruments["AUSDT"]
    assert contract.delisted == 1790000000000000000


@pytest.mark.parametrize("time", [None, "", "0", "soon", 1584230400000, "9" * 40])
def test_a_time_that_is_none_is_unknown(time: object) -> None:
    assert FUTURES.listing(page(PERPETUAL | {"launchTime": time})).instruments["BTCUSDT"].listed is None


@pytest.mark.parametrize(
    ("market", "filters"),
    [
        ("spot", {"priceFilter": None, "lotSizeFilter": []}),
        ("futures", {"priceFilter": {}, "lotSizeFilter": {"qtyStep": "x"}}),
    ],
)
def test_steps_that_are_missing_or_damaged_are_unknown(market: str, filters: dict[str, object]) -> None:
    listing = SPOT.listing(spot(PAIR | filters)) if market == "spot" else FUTURES.listing(page(PERPETUAL | filters))
    assert (listing.instruments["BTCUSDT"].tick, listing.instruments["BTCUSDT"].lot) == (None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [("Trading", "trading"), ("Delivering", "delisted"), ("Closed", "delisted"), ("SomethingNew", "halted")],
)
def test_an_instrument_is_kept_whatever_its_status(word: str, status: str) -> None:
    assert FUTURES.listing(page(PERPETUAL | {"status": word})).instruments["BTCUSDT"].status == status


@pytest.mark.parametrize(
    "other",
    [
        {"contractType": "LinearFutures"},
        {"contractType": "InversePerpetual"},
        {"settleCoin": "USDC", "quoteCoin": "USDC"},
        {"status": "PreLaunch"},
        {"isPreListing": True},
        {"symbolType": "stock"},
        {"symbolType": "commodity"},
        {"symbolType": "forex"},
        {"symbolType": "xstocks"},
    ],
)
def test_only_open_perpetuals_on_coins_settled_in_usdt_are_futures_of_ours(other: dict[str, object]) -> None:
    listing = FUTURES.listing(page(PERPETUAL, perpetual("X", **other)))
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT"], [])


def test_tokens_of_stocks_are_no_pairs_of_ours() -> None:
    stock = PAIR | {"symbol": "TSLAXUSDT", "baseCoin": "TSLAX", "symbolType": "xstocks"}
    listing = SPOT.listing(spot(stock, PAIR))
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT"], [])


@pytest.mark.parametrize("group", ["", "innovation", "adventure", "something_new", None, 5, ["stock"]])
def test_every_other_group_is_of_coins(group: object) -> None:
    assert list(SPOT.listing(spot(PAIR | {"symbolType": group})).instruments) == ["BTCUSDT"]


def test_a_row_without_a_group_is_of_coins() -> None:
    row = {key: value for key, value in PAIR.items() if key != "symbolType"}
    assert list(SPOT.listing(spot(row)).instruments) == ["BTCUSDT"]


def test_a_unit_before_or_after_the_name_is_counted_in_coins() -> None:
    listing = FUTURES.listing(page(perpetual("1000PEPE"), perpetual("SHIB1000"), perpetual("1INCH")))
    assert names(listing) == {
        "1000PEPEUSDT": "PEPE-USDT",
        "SHIB1000USDT": "SHIB-USDT",
        "1INCHUSDT": "1INCH-USDT",
    }
    assert [instrument.unit_factor for instrument in listing.instruments.values()] == ["1000", "1000", None]


def test_a_spot_list_has_one_page_and_asks_for_no_size() -> None:
    assert SPOT.listing_request().path == "/v5/market/instruments-info?category=spot"
    assert SPOT.next_page(page(PAIR, cursor="more")) is None


def test_a_linear_list_is_asked_for_page_by_page() -> None:
    path = "/v5/market/instruments-info?category=linear&limit=1000"
    assert FUTURES.listing_request().path == path
    following = FUTURES.next_page(page(PERPETUAL, cursor="page2"))
    assert following is not None
    assert following.path == f"{path}&cursor=page2"


@pytest.mark.parametrize(
    ("cursor", "sent"), [("first%3DBTCUSDT%26last%3DX", "first%3DBTCUSDT%26last%3DX"), ("a&b=c #", "a%26b%3Dc%20%23")]
)
def test_a_cursor_keeps_its_own_escapes_and_cannot_break_out_of_the_query(cursor: str, sent: str) -> None:
    following = FUTURES.next_page(page(PERPETUAL, cursor=cursor))
    assert following is not None
    assert following.path.endswith(f"&cursor={sent}")


@pytest.mark.parametrize(
    "body",
    [
        page(PERPETUAL),
        page(PERPETUAL, cursor=None),
        page(PERPETUAL, cursor=5),
        b'{"retCode":0,"result":{"list":[]}}',
        b'{"retCode":10006,"retMsg":"Too many visits!","result":{}}',
        b'{"result":[]}',
        b"[]",
        b"<html>",
        b"",
    ],
)
def test_after_a_page_without_a_cursor_comes_none(body: bytes) -> None:
    assert FUTURES.next_page(body) is None


def test_the_pages_make_one_list_in_which_a_row_of_two_pages_counts_once() -> None:
    pages = [page(PERPETUAL, perpetual("A"), cursor="x"), page(perpetual("A"), perpetual("B"), cursor="y"), page()]
    listing = FUTURES.listing(*pages)
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT", "AUSDT", "BUSDT"], [])


def test_a_row_that_is_damaged_on_two_pages_is_refused_once() -> None:
    damaged = perpetual("A", baseCoin=5)
    listing = FUTURES.listing(page(PERPETUAL, damaged), page(damaged))
    assert listing.refused == [Refusal("AUSDT", "its row in the list is damaged: baseCoin is no text: 5")]


def test_a_row_that_is_damaged_on_one_page_and_healthy_on_another_is_taken() -> None:
    listing = FUTURES.listing(page(PERPETUAL, perpetual("A", baseCoin=5)), page(perpetual("A")))
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT", "AUSDT"], [])


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (5, Refusal("row 1", "its row in the list is damaged: it is no object: 5")),
        (PAIR | {"symbol": "A B"}, Refusal("row 1", "its row in the list is damaged: symbol is no name: 'A B'")),
        (
            PAIR | {"symbol": "AUSDT", "quoteCoin": ""},
            Refusal("AUSDT", "its row in the list is damaged: quoteCoin is no text: ''"),
        ),
        (
            PAIR | {"symbol": "AUSDT", "status": None},
            Refusal("AUSDT", "its row in the list is damaged: status is no text: None"),
        ),
    ],
)
def test_a_damaged_row_is_refused_by_name_and_the_rest_run(row: object, refusal: Refusal) -> None:
    listing = SPOT.listing(spot(PAIR, row))
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT"], [refusal])


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            b'{"retCode":10006,"retMsg":"Too many visits!","result":{},"retExtInfo":{},"time":1}',
            "the venue answered with an error: 10006 'Too many visits!'",
        ),
        (b'{"retCode":null}', "the venue answered with an error: None None"),
        (b"{}", "the reply is no instrument list: it has no array 'list'"),
        (b'{"retCode":0,"result":[]}', "the reply is no instrument list: it has no array 'list'"),
        (b'{"retCode":0,"result":{"list":{}}}', "the reply is no instrument list: it has no array 'list'"),
        (b'{"retCode":0,"result":{"list":[]}}', "the instrument list is empty: 'list' holds no row"),
        (
            b'{"retCode":0,"result":{"list":[5]}}',
            "the instrument list holds no usable instrument of the futures market",
        ),
        (b"access too frequent", "the instrument list is not JSON: the reply begins with 'access too frequent'"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        FUTURES.listing(reply)
    assert str(error.value) == message


def test_a_page_that_is_an_error_spoils_the_list_since_half_a_list_is_none() -> None:
    with pytest.raises(InvalidListing, match="10006"):
        FUTURES.listing(page(PERPETUAL, cursor="x"), b'{"retCode":10006,"retMsg":"Too many visits!"}')


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
rows = st.lists(
    st.fixed_dictionaries(
        {"symbol": st.text(max_size=6) | anything, "status": st.sampled_from(["Trading", "Closed"]) | anything},
        optional={
            "baseCoin": st.sampled_from(["A", "1000A", "A1000", "BTC"]) | anything,
            "quoteCoin": st.just("USDT") | anything,
            "settleCoin": st.just("USDT") | anything,
            "contractType": st.just("LinearPerpetual") | anything,
            "symbolType": anything,
            "isPreListing": anything,
            "launchTime": anything,
            "priceFilter": anything,
        },
    )
    | anything,
    max_size=6,
)


@given(rows, anything)
def test_any_list_is_read_or_refused_and_no_subject_is_held_twice(given_rows: list[object], cursor: object) -> None:
    for adapter in (SPOT, FUTURES):
        adapter.next_page(page(*given_rows, cursor=cursor))
        try:
            listing = adapter.listing(page(*given_rows))
        except InvalidListing:
            continue
        held = [instrument.subject for instrument in listing.instruments.values()]
        assert len(held) == len(set(held))
        assert all(refusal.reason for refusal in listing.refused)
