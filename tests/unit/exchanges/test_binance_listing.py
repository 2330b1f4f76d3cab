"""Binance's exchangeInfo becomes instruments."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal
from metdc_collector.exchanges.binance import FUTURES, SPOT
from metdc_collector.wire.instrument import Instrument
from tests.unit.exchanges.examples import body, futures_row, spot_row

FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "stepSize": "0.00001000"},
]


def names(listing: Listing) -> dict[str, str]:
    return {name: instrument.symbol for name, instrument in listing.instruments.items()}


def test_a_pair_has_base_quote_and_steps_from_the_venues_own_fields() -> None:
    pair = SPOT.listing(body([spot_row("BTCUSDT", "BTC", filters=FILTERS)])).instruments["BTCUSDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("binance", "spot", "BTC", "USDT")
    assert (pair.tick, pair.lot, pair.status) == ("0.01", "0.00001", "trading")
    assert (pair.price_scale, pair.quantity_scale, pair.multiplier, pair.unit_factor) == (None, None, None, None)


def test_instruments_keep_the_order_of_the_list() -> None:
    listing = SPOT.listing(body([spot_row("ETHBTC", "ETH", "BTC"), spot_row("BTCUSDT", "BTC"), spot_row("AUSDT", "A")]))
    assert list(listing.instruments) == ["ETHBTC", "BTCUSDT", "AUSDT"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("TRADING", "trading"),
        ("PRE_TRADING", "pending"),
        ("HALT", "halted"),
        ("BREAK", "halted"),
        ("CANCEL_ONLY", "halted"),
        ("SOMETHING_NEW", "halted"),
        ("SETTLING", "delisted"),
    ],
)
def test_an_instrument_is_kept_whatever_its_status(word: str, status: str) -> None:
    assert SPOT.listing(body([spot_row("AUSDT", "A", status=word)])).instruments["AUSDT"].status == status


def test_a_pair_without_spot_trading_does_not_trade() -> None:
    row = spot_row("AUSDT", "A", isSpotTradingAllowed=False)
    assert SPOT.listing(body([row])).instruments["AUSDT"].status == "halted"


def test_steps_that_are_missing_or_damaged_are_unknown() -> None:
    for filters in (
        None,
        [],
        [5],
        [{"filterType": "PRICE_FILTER", "tickSize": True}],
        [{"filterType": "LOT_SIZE", "stepSize": "x"}],
    ):
        pair = SPOT.listing(body([spot_row("AUSDT", "A", filters=filters)])).instruments["AUSDT"]
        assert (pair.tick, pair.lot) == (None, None)


def test_only_perpetuals_margined_in_usdt_are_futures_of_ours() -> None:
    rows = [
        futures_row("BTCUSDT", "BTC"),
        futures_row("BTCUSDC", "BTC", "USDC"),
        futures_row("BTCUSDT_210924", "BTC", contractType="CURRENT_QUARTER"),
        futures_row("TSLAUSDT", "TSLA", contractType="TRADIFI_PERPETUAL"),
        futures_row("BTCSTUSDT", "BTCST", contractType=""),
        futures_row("ETHUSDT", "ETH", marginAsset="USDC"),
    ]
    assert names(FUTURES.listing(body(rows))) == {"BTCUSDT": "BTC-USDT"}


def test_times_of_listing_and_of_a_planned_end_are_known() -> None:
    rows = [
        futures_row("AUSDT", "A", onboardDate=1569398400000, deliveryDate=4133404800000),
        futures_row("BUSDT", "B", onboardDate=0, deliveryDate=1790000000000),
    ]
    first, second = FUTURES.listing(body(rows)).instruments.values()
    assert (first.listed, first.delisted) == (1569398400000000000, None)
    assert (second.listed, second.delisted) == (None, 1790000000000000000)


def test_a_unit_of_a_thousand_is_counted_in_coins() -> None:
    contract = FUTURES.listing(body([futures_row("1000PEPEUSDT", "1000PEPE")])).instruments["1000PEPEUSDT"]
    assert (contract.base, contract.unit_factor) == ("PEPE", "1000")


def test_a_unit_keeps_its_name_beside_the_bare_coin() -> None:
    rows = [futures_row("1000PEPEUSDT", "1000PEPE"), futures_row("PEPEUSDT", "PEPE")]
    assert names(FUTURES.listing(body(rows))) == {"1000PEPEUSDT": "1000PEPE-USDT", "PEPEUSDT": "PEPE-USDT"}


def test_the_bare_coin_in_another_quote_is_no_obstacle() -> None:
    rows = [spot_row("1000CATUSDT", "1000CAT"), spot_row("CATBTC", "CAT", "BTC")]
    assert names(SPOT.listing(body(rows))) == {"1000CATUSDT": "CAT-USDT", "CATBTC": "CAT-BTC"}


def test_a_delisted_bare_coin_is_no_obstacle() -> None:
    rows = [futures_row("PEPEUSDT", "PEPE", status="SETTLING"), futures_row("1000PEPEUSDT", "1000PEPE")]
    assert names(FUTURES.listing(body(rows))) == {"1000PEPEUSDT": "PEPE-USDT"}


def test_of_two_that_claim_one_subject_the_earlier_listed_wins() -> None:
    rows = [
        futures_row("1000PEPEUSDT", "1000PEPE", onboardDate=1700000000000),
        futures_row("PEPE1000USDT", "PEPE1000", onboardDate=1600000000000),
        futures_row("BTCUSDT", "BTC"),
    ]
    listing = FUTURES.listing(body(rows))
    assert names(listing) == {"PEPE1000USDT": "PEPE-USDT", "BTCUSDT": "BTC-USDT"}
    assert listing.refused == [
        Refusal("1000PEPEUSDT", "PEPE1000USDT holds the subject trades.binance.futures.PEPE.USDT")
    ]


def test_of_two_listed_at_the_same_time_the_lesser_name_wins() -> None:
    rows = [futures_row("PEPE1000USDT", "PEPE1000"), futures_row("1000PEPEUSDT", "1000PEPE")]
    listing = FUTURES.listing(body(rows))
    assert (list(listing.instruments), listing.refused[0].name) == (["1000PEPEUSDT"], "PEPE1000USDT")


def test_what_left_the_market_holds_no_subject_against_what_trades() -> None:
    listing = SPOT.listing(body([spot_row("BEAMUSDT", "BEAM", status="BREAK"), spot_row("BEAMXUSDT", "BEAMX")]))
    assert names(listing) == {"BEAMXUSDT": "BEAM-USDT"}
    assert not listing.refused


def test_a_name_that_is_listed_twice_counts_as_it_trades() -> None:
    rows = [spot_row("AUSDT", "A", status="BREAK"), spot_row("AUSDT", "A")]
    listing = SPOT.listing(body(rows))
    assert (listing.instruments["AUSDT"].status, listing.refused) == ("trading", [])


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (5, Refusal("row 1", "its row in the list is damaged: it is no object: 5")),
        (spot_row("A USDT", "A"), Refusal("row 1", "its row in the list is damaged: symbol is no name: 'A USDT'")),
        (spot_row("AUSDT", ""), Refusal("AUSDT", "its row in the list is damaged: baseAsset is no text: ''")),
        (
            spot_row("AUSDT", "A", status=None),
            Refusal("AUSDT", "its row in the list is damaged: status is no text: None"),
        ),
        (spot_row("AUSDT", "\ud800"), Refusal("AUSDT", "its row in the list is damaged: baseAsset is no text: None")),
    ],
)
def test_a_damaged_row_is_refused_by_name_and_the_rest_run(row: object, refusal: Refusal) -> None:
    listing = SPOT.listing(body([spot_row("BTCUSDT", "BTC"), row]))
    assert (list(listing.instruments), listing.refused) == (["BTCUSDT"], [refusal])


def test_a_damaged_row_of_futures_is_refused_too() -> None:
    assert FUTURES.listing(body([futures_row("BTCUSDT", "BTC"), 5])).refused[0].name == "row 1"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b" \n", "the instrument list is empty: the reply has no body"),
        (
            b"<html>Bad Gateway</html>",
            "the instrument list is not JSON: the reply begins with '<html>Bad Gateway</html>'",
        ),
        (b'{"symbols":[', "the instrument list is not JSON: the reply begins with '{\"symbols\":['"),
        (b"\xff\x00", r"the instrument list is not JSON: the reply begins with '\ufffd\x00'"),
        pytest.param(
            gzip.compress(b"{}", mtime=0), "the instrument list is not JSON: the reply is compressed (gzip)", id="gzip"
        ),
        (b"[]", "the instrument list is no JSON object: list"),
        (b"{}", "the reply is no instrument list: it has no array 'symbols'"),
        (b'{"symbols":{}}', "the reply is no instrument list: it has no array 'symbols'"),
        (b'{"symbols":[]}', "the instrument list is empty: 'symbols' holds no row"),
        (b'{"symbols":[5]}', "the instrument list holds no usable instrument of the spot market"),
        (
            b'{"code":-1003,"msg":"Too many requests; banned"}',
            "the venue answered with an error: -1003 'Too many requests; banned'",
        ),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message


def test_a_futures_list_without_a_perpetual_of_ours_is_told_in_words() -> None:
    with pytest.raises(InvalidListing, match="no usable instrument of the futures market"):
        FUTURES.listing(body([futures_row("BTCUSDC", "BTC", "USDC")]))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
rows = st.lists(
    st.fixed_dictionaries(
        {"symbol": st.text(max_size=6) | anything, "status": st.sampled_from(["TRADING", "BREAK"]) | anything},
        optional={
            "baseAsset": st.sampled_from(["A", "1000A", "A1000", "XBT", "BTC"]) | anything,
            "quoteAsset": st.just("USDT") | anything,
            "marginAsset": st.just("USDT") | anything,
            "contractType": st.just("PERPETUAL") | anything,
            "onboardDate": anything,
            "filters": anything,
        },
    )
    | anything,
    max_size=6,
)


@given(rows)
def test_any_list_is_read_or_refused_and_no_subject_is_held_twice(given_rows: list[object]) -> None:
    reply = json.dumps({"symbols": given_rows}).encode()
    for adapter in (SPOT, FUTURES):
        try:
            listing = adapter.listing(reply)
        except InvalidListing:
            continue
        held = [instrument.subject for instrument in listing.instruments.values()]
        assert len(held) == len(set(held))
        assert all(refusal.reason for refusal in listing.refused)


# -- names that were published


def pepe() -> Mapping[str, Instrument]:
    rows = [futures_row("1000PEPEUSDT", "1000PEPE", onboardDate=1700000000000)]
    return FUTURES.listing(body(rows)).instruments


def test_a_published_name_holds_though_the_bare_coin_is_listed_now() -> None:
    rows = [futures_row("1000PEPEUSDT", "1000PEPE", onboardDate=1700000000000), futures_row("PEPEUSDT", "PEPE")]
    listing = FUTURES.listing(body(rows), known=pepe())
    assert listing.instruments == pepe()
    assert listing.refused == [
        Refusal("PEPEUSDT", "1000PEPEUSDT holds the subject trades.binance.futures.PEPE.USDT"),
    ]


def test_what_held_a_subject_before_keeps_it_from_what_is_older() -> None:
    older = futures_row("PEPEUSDT", "PEPE", onboardDate=1600000000000)
    rows = [futures_row("1000PEPEUSDT", "1000PEPE", onboardDate=1700000000000), older]
    assert list(FUTURES.listing(body(rows), known=pepe()).instruments) == ["1000PEPEUSDT"]


def test_what_no_longer_lives_gives_its_subject_to_what_does() -> None:
    rows = [futures_row("1000PEPEUSDT", "1000PEPE", status="CLOSE"), futures_row("PEPEUSDT", "PEPE")]
    assert list(FUTURES.listing(body(rows), known=pepe()).instruments) == ["PEPEUSDT"]


def test_a_name_of_another_quote_is_named_anew() -> None:
    known = {"BTCUSDT": replace(next(iter(pepe().values())), name="BTCUSDT", base="XBT", quote="EUR")}
    assert FUTURES.listing(body([futures_row("BTCUSDT", "BTC")]), known=known).instruments["BTCUSDT"].base == "BTC"
