"""The message that METDC exists for, as bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire import trade
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Trade, is_id, revive
from tests.unit.wire.examples import BTC, TRADE

PEPE = Instrument(
    exchange="phemex",
    market="futures",
    name="u1000PEPEUSDT",
    base="PEPE",
    quote="USDT",
    multiplier="10",
    unit_factor="1000",
)


def test_a_plain_trade_is_written_as_the_contract_shows_it() -> None:
    assert trade.encode(TRADE._replace(sent=1790001515464000000)) == (
        b'{"v":1,"exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT","id":"5312345678",'
        b'"seq":"5312345678","price":"80227.01","quantity":"0.00042","side":"sell","time":1790001515463000000,'
        b'"received":1790001515465120331,"sent":1790001515464000000}'
    )


def test_what_applies_to_few_trades_follows_in_fixed_order() -> None:
    full = Trade(
        PEPE,
        id="agg:9",
        seq=None,
        price="0.00001",
        quantity="10000",
        side="buy",
        time=1,
        received=2,
        sent=3,
        kind="block",
        contracts="1",
        aggregate=Aggregate("7", "8"),
        backfilled=True,
        late=True,
    )
    assert list(json.loads(trade.encode(full)).items())[5:] == [
        ("id", "agg:9"),
        ("seq", None),
        ("price", "0.00001"),
        ("quantity", "10000"),
        ("side", "buy"),
        ("time", 1),
        ("received", 2),
        ("sent", 3),
        ("kind", "block"),
        ("contracts", "1"),
        ("multiplier", "10"),
        ("unit_factor", "1000"),
        ("aggregate", {"first_id": "7", "last_id": "8"}),
        ("backfilled", True),
        ("late", True),
    ]


@pytest.mark.parametrize(
    "written",
    [
        TRADE,
        TRADE._replace(instrument=PEPE, quantity=None, contracts="3", sent=5, backfilled=True),
        TRADE._replace(kind="block", seq=None, late=True, aggregate=Aggregate("7", "8")),
        TRADE._replace(instrument=Instrument("binance", "spot", "A-BUSDT", "A-B", "USDT")),
    ],
)
def test_what_is_revived_is_what_a_reader_would_read(written: Trade) -> None:
    payload, met = trade.encode(written), {}  # type: ignore[var-annotated]
    assert revive(payload, met) == revive(payload, met) == trade.decode(payload)
    assert len(met) == 1


def test_a_venues_own_word_for_the_kind_cannot_break_the_payload() -> None:
    kind = '","price":"0'
    assert json.loads(trade.encode(TRADE._replace(kind=kind)))["kind"] == kind


def test_a_trade_in_contracts_that_cannot_be_converted_says_so() -> None:
    record = json.loads(trade.encode(TRADE._replace(quantity=None, contracts="3")))
    assert (record["quantity"], record["contracts"]) == (None, "3")


def test_the_message_id_names_exchange_market_instrument_and_trade() -> None:
    assert TRADE.message_id == "binance.spot.BTCUSDT.5312345678"
    assert BTC.message_id("5312345678") == TRADE.message_id


def test_a_coin_whose_name_holds_a_dash_comes_back() -> None:
    odd = Instrument(exchange="binance", market="spot", name="A-BUSDT", base="A-B", quote="USDT")
    assert trade.decode(trade.encode(TRADE._replace(instrument=odd))).instrument == odd


def test_a_refusal_names_the_member() -> None:
    with pytest.raises(InvalidMessage, match=r"trade: side: 'SELL' is none of buy, sell"):
        trade.decode(trade.encode(TRADE).replace(b'"sell"', b'"SELL"'))


@pytest.mark.parametrize("value", [[], {}, ["binance"]])
def test_a_list_or_an_object_in_place_of_a_name_is_refused_by_that(value: object) -> None:
    record = json.loads(trade.encode(Trade(BTC, "1", "1", "1", "1", "buy", 1, received=1))) | {"exchange": value}
    with pytest.raises(InvalidMessage, match=r"trade: exchange: .* is no text"):
        trade.decode(json.dumps(record).encode())


def test_trades_of_one_instrument_share_it() -> None:
    one, other = (trade.decode(trade.encode(Trade(BTC, name, "1", "1", "1", "buy", 1, received=1))) for name in "12")
    assert one.instrument is other.instrument
    assert one.instrument == BTC


@pytest.mark.parametrize("text", ["5312345678", "agg:1", "1790-B-80227.01-0.5-0", "a_b", "9" * 120])
def test_an_id_of_plain_characters_is_one(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a b", 'a"b', "a\\b", "a\n", "é", "9" * 121, "*", ">"])
def test_an_id_that_would_need_escaping_is_none(text: str) -> None:
    assert not is_id(text)


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=4))
def test_an_id_needs_no_escape_in_json(text: str) -> None:
    assert not is_id(text) or json.dumps(text) == f'"{text}"'
