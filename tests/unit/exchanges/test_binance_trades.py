"""Binance's trade events; the healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.wire.instrument import Instrument
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("binance", "spot", "BTCUSDT", "BTC")
PEPE = instrument("binance", "futures", "1000PEPEUSDT", "PEPE", unit_factor="1000")
TRADE: dict[str, Any] = {
    "e": "trade",
    "E": 1790001515464,
    "s": "BTCUSDT",
    "t": 5312345678,
    "p": "80227.01000000",
    "q": "0.00042000",
    "T": 1790001515463,
    "m": True,
}
AGGREGATE: dict[str, Any] = TRADE | {"e": "aggTrade", "a": 7, "f": 3, "l": 5}


def reason(message: object) -> str:
    parsed = converse("binance", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.skipped) == (Kind.MALFORMED, (), ())
    return parsed.reason


@pytest.mark.parametrize("field", ["t", "p", "q", "T", "E", "m"])
def test_a_trade_without_a_field_is_malformed_and_the_field_is_named(field: str) -> None:
    assert reason({key: value for key, value in TRADE.items() if key != field}) == f"no '{field}'"


@pytest.mark.parametrize("symbol", [None, 5, "", "A B", ["BTCUSDT"]])
def test_a_trade_of_nothing_is_malformed(symbol: object) -> None:
    assert "s is no name" in reason(TRADE | {"s": symbol})


@pytest.mark.parametrize("number", [True, "5", 5.0, -1, 2**63, 10**30, None, [5]])
def test_an_id_is_an_integer_of_at_most_63_bits(number: object) -> None:
    assert "no id" in reason(TRADE | {"t": number})
    assert "no id" in reason(AGGREGATE | {"a": number})


@pytest.mark.parametrize("field", ["p", "q"])
@pytest.mark.parametrize("value", [5, 80227.01, None, "", "0", "0.00", "-1", "NaN", "1e400", "1" * 61])
def test_price_and_quantity_are_decimals_above_zero_in_text(field: str, value: object) -> None:
    assert "p or q is" in reason(TRADE | {field: value})


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_the_makers_side_is_a_bool(value: object) -> None:
    assert "m is no bool" in reason(TRADE | {"m": value})


@pytest.mark.parametrize("value", [5, None, "", "a b", "X" * 41, ["ADL"]])
def test_a_kind_is_a_word(value: object) -> None:
    assert "X is no kind" in reason(TRADE | {"X": value})


@pytest.mark.parametrize(("first", "last"), [(6, 5), (-1, 5), (3, 2**63), (True, 5), (3, "5"), (None, None)])
def test_an_aggregate_joins_a_range_of_ids(first: object, last: object) -> None:
    assert "no range of ids" in reason(AGGREGATE | {"f": first, "l": last})


def test_an_aggregate_without_its_range_is_malformed() -> None:
    assert "no range of ids" in reason({key: value for key, value in AGGREGATE.items() if key not in "fl"})


def test_a_stream_of_another_instrument_is_malformed() -> None:
    assert "'ethusdt@trade' is not that of trade and 'BTCUSDT'" in reason({"stream": "ethusdt@trade", "data": TRADE})


def test_a_stream_of_another_event_is_malformed_also_after_healthy_frames() -> None:
    conversation = converse("binance", "spot", BTC)
    healthy = frame({"stream": "btcusdt@trade", "data": TRADE})
    assert conversation.receive(healthy, RECEIVED).kind is Kind.TRADE
    assert conversation.receive(healthy, RECEIVED).kind is Kind.TRADE
    crossed = conversation.receive(frame({"stream": "btcusdt@trade", "data": AGGREGATE}), RECEIVED)
    assert (crossed.kind, crossed.trades) == (Kind.MALFORMED, ())


@pytest.mark.parametrize("kind", ["LIQUIDATION", "RPI_2"])
def test_a_kind_that_is_new_is_marked_in_lower_case(kind: str) -> None:
    (trade,) = converse("binance", "spot", BTC).receive(frame(TRADE | {"X": kind}), RECEIVED).trades
    assert trade.kind == kind.lower()


def test_a_trade_of_an_instrument_that_is_not_wanted_is_out_of_scope() -> None:
    for message in (TRADE, {"stream": "btcusdt@trade", "data": TRADE}):
        parsed = converse("binance", "spot").receive(frame(message), RECEIVED)
        assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("BTCUSDT",))


def test_an_instrument_may_join_and_leave_while_the_connection_runs() -> None:
    wanted: dict[str, Instrument] = {}
    conversation = SPOT.converse(wanted, SPOT.channels[0])
    message = frame({"stream": "btcusdt@trade", "data": TRADE})
    assert conversation.receive(message, RECEIVED).out_of_scope == ("BTCUSDT",)
    wanted["BTCUSDT"] = BTC
    assert len(conversation.receive(message, RECEIVED).trades) == 1
    del wanted["BTCUSDT"]
    assert conversation.receive(message, RECEIVED).out_of_scope == ("BTCUSDT",)


def test_a_quantity_that_grows_too_long_in_coins_is_malformed() -> None:
    message = TRADE | {"s": "1000PEPEUSDT", "q": "9" * 60}
    parsed = converse("binance", "futures", PEPE).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
