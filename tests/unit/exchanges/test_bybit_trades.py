"""Bybit's trade frames; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from metdc_collector.exchanges.bybit import SPOT
from metdc_collector.wire.instrument import Instrument
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("bybit", "spot", "BTCUSDT", "BTC")
SHIB = instrument("bybit", "futures", "SHIB1000USDT", "SHIB", unit_factor="1000")
ROW: dict[str, Any] = {
    "i": "2100000000007764263",
    "T": 1790000486866,
    "p": "80227.01",
    "v": "0.00042",
    "S": "Sell",
    "seq": 1783284618,
    "s": "BTCUSDT",
    "BT": False,
    "RPI": False,
}


def push(*rows: object, **more: Any) -> bytes:
    envelope = {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1790000486868}
    return frame(envelope | {"data": list(rows)} | more)


def reason(damaged: object) -> str:
    """What is said of a row between two healthy ones, which must not suffer."""
    first, last = ROW | {"i": "first"}, ROW | {"i": "last"}
    parsed = converse("bybit", "spot", BTC).receive(push(first, damaged, last), RECEIVED)
    assert parsed.kind is Kind.MALFORMED
    assert [trade.id for trade in parsed.trades] == ["first", "last"]
    return parsed.reason


def test_a_full_frame_of_1024_rows_keeps_their_order() -> None:
    rows = [ROW | {"i": str(number)} for number in range(1024)]
    parsed = converse("bybit", "spot", BTC).receive(push(*rows), RECEIVED)
    assert (parsed.kind, parsed.replayed) == (Kind.TRADE, False)
    assert [trade.id for trade in parsed.trades] == [str(number) for number in range(1024)]


def test_rows_stay_as_they_stand_even_if_their_times_go_back() -> None:
    rows = [ROW | {"T": 1790000486866}, ROW | {"T": 1790000486865}]
    parsed = converse("bybit", "spot", BTC).receive(push(*rows), RECEIVED)
    assert [trade.time for trade in parsed.trades] == [1790000486866000000, 1790000486865000000]


def test_a_frame_without_rows_is_a_frame_of_no_trades() -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(), RECEIVED)
    assert (parsed.kind, list(parsed.trades)) == (Kind.TRADE, [])


@pytest.mark.parametrize("field", ["s", "i", "p", "v", "S", "T", "BT"])
def test_a_row_without_a_field_is_malformed_and_the_field_is_named(field: str) -> None:
    assert reason({key: value for key, value in ROW.items() if key != field}) == f"a row: no '{field}'"


@pytest.mark.parametrize("row", [None, 5, "row", [ROW], True])
def test_a_row_is_an_object(row: object) -> None:
    assert "it is no object" in reason(row)


@pytest.mark.parametrize("name", [None, 5, "", "ETHUSDT", "btcusdt", ["BTCUSDT"]])
def test_a_row_names_the_instrument_of_its_topic(name: object) -> None:
    assert "s is not that of its topic" in reason(ROW | {"s": name})


@pytest.mark.parametrize("number", [None, 5, True, "", "a b", "a\nb", "é", "x" * 121, ["1"]])
def test_an_id_is_text_that_a_header_can_hold(number: object) -> None:
    assert "i is no id" in reason(ROW | {"i": number})


@pytest.mark.parametrize("field", ["p", "v"])
@pytest.mark.parametrize("value", [5, 80227.01, None, "", "0", "0.00", "-1", "NaN", "1e400", "1" * 61])
def test_price_and_quantity_are_decimals_above_zero_in_text(field: str, value: object) -> None:
    assert "p or v is" in reason(ROW | {field: value})


@pytest.mark.parametrize("value", ["buy", "BUY", "", None, 1, ["Buy"]])
def test_the_takers_side_is_one_of_two_words(value: object) -> None:
    assert "S is neither Buy nor Sell" in reason(ROW | {"S": value})


@pytest.mark.parametrize("value", ["1790000486866", 0, True, None, 1790000486, 1790000486866.0])
def test_a_time_is_in_milliseconds(value: object) -> None:
    assert "T is no time" in reason(ROW | {"T": value})


@pytest.mark.parametrize("value", ["1783284618", -1, 2**63, 1.0, True, None])
def test_an_ordering_number_is_an_integer(value: object) -> None:
    assert "seq is no ordering number" in reason(ROW | {"seq": value})


@pytest.mark.parametrize("field", ["BT", "RPI"])
@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_the_marks_are_bools(field: str, value: object) -> None:
    assert "BT or RPI is no bool" in reason(ROW | {field: value})


def test_the_first_damage_is_told() -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(ROW | {"i": 5}, 5, ts=5), RECEIVED)
    assert (parsed.kind, list(parsed.trades), parsed.reason) == (Kind.MALFORMED, [], "a row: i is no id: 5")


def test_a_row_of_no_json_number_costs_its_neighbours_nothing() -> None:
    damaged = push(ROW, ROW | {"T": 0}).replace(b'"T": 0', b'"T": NaN')
    parsed = converse("bybit", "spot", BTC).receive(damaged, RECEIVED)
    assert (parsed.kind, len(parsed.trades)) == (Kind.MALFORMED, 1)


def test_a_row_may_grow_new_fields() -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(ROW | {"new": [1]}), RECEIVED)
    assert (parsed.kind, len(parsed.trades)) == (Kind.TRADE, 1)


@pytest.mark.parametrize("ts", [None, "1790000486868", 0, True])
def test_a_damaged_time_of_sending_is_told_and_costs_no_row(ts: object) -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(ROW, ts=ts), RECEIVED)
    assert parsed.kind is Kind.MALFORMED
    assert parsed.reason.startswith("ts is no time")
    assert [trade.sent for trade in parsed.trades] == [None]


@pytest.mark.parametrize("data", [None, {}, {"0": ROW}, "rows", 5])
def test_rows_come_in_an_array(data: object) -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(data=data), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert "data is no array" in parsed.reason


def test_a_quantity_that_grows_too_long_in_coins_is_malformed() -> None:
    row = ROW | {"s": "SHIB1000USDT", "v": "9" * 60}
    message = push(row, topic="publicTrade.SHIB1000USDT")
    parsed = converse("bybit", "futures", SHIB).receive(message, RECEIVED)
    assert (parsed.kind, list(parsed.trades)) == (Kind.MALFORMED, [])
    assert "p or v is no decimal" in parsed.reason


def test_rows_of_an_instrument_that_is_not_wanted_are_out_of_scope_one_by_one() -> None:
    parsed = converse("bybit", "spot").receive(push(ROW, ROW), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("BTCUSDT", "BTCUSDT"))


@pytest.mark.parametrize("name", ["", "A B", "A\nB", "A" * 101])
def test_a_topic_of_no_instrument_is_malformed(name: str) -> None:
    parsed = converse("bybit", "spot", BTC).receive(push(ROW, topic=f"publicTrade.{name}"), RECEIVED)
    assert (parsed.kind, parsed.out_of_scope) == (Kind.MALFORMED, ())
    assert "topic holds no name" in parsed.reason


def test_an_instrument_may_join_and_leave_while_the_connection_runs() -> None:
    wanted: dict[str, Instrument] = {}
    conversation = SPOT.converse(wanted, SPOT.channels[0])
    assert conversation.receive(push(ROW), RECEIVED).out_of_scope == ("BTCUSDT",)
    wanted["BTCUSDT"] = BTC
    assert len(conversation.receive(push(ROW), RECEIVED).trades) == 1
    del wanted["BTCUSDT"]
    assert conversation.receive(push(ROW), RECEIVED).out_of_scope == ("BTCUSDT",)
