"""OKX's trade frames; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from metdc_collector.exchanges.okx import SPOT
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("okx", "spot", "BTC-USDT", "BTC")
SWAP = instrument("okx", "futures", "BTC-USDT-SWAP", "BTC", multiplier="0.01")
ROW: dict[str, Any] = {
    "instId": "BTC-USDT",
    "tradeId": "242720720",
    "px": "80227.10",
    "sz": "0.1200",
    "side": "sell",
    "ts": "1790000000123",
    "source": "0",
}


def push(*rows: object, channel: str = "trades-all", name: object = "BTC-USDT") -> bytes:
    return frame({"arg": {"channel": channel, "instId": name}, "data": list(rows)})


def reason(row: object) -> str:
    parsed = converse("okx", "spot", BTC).receive(push(row), RECEIVED)
    assert (parsed.kind, list(parsed.trades), parsed.replayed) == (Kind.MALFORMED, [], False)
    return parsed.reason


def test_rows_of_one_frame_leave_in_the_order_of_their_ids() -> None:
    rows = [ROW | {"tradeId": number} for number in ("1000", "999", "1001")]
    parsed = converse("okx", "spot", BTC).receive(push(*rows), RECEIVED)
    assert [trade.id for trade in parsed.trades] == ["999", "1000", "1001"]


def test_a_row_says_nothing_of_when_it_was_sent() -> None:
    (trade,) = converse("okx", "spot", BTC).receive(push(ROW), RECEIVED).trades
    assert (trade.sent, trade.received) == (None, RECEIVED)


@pytest.mark.parametrize("field", ["instId", "tradeId", "px", "sz", "side", "ts"])
def test_a_row_without_a_field_is_malformed_and_the_field_is_named(field: str) -> None:
    assert reason({key: value for key, value in ROW.items() if key != field}) == f"no '{field}'"


@pytest.mark.parametrize("row", [None, 5, "x", [], [ROW]])
def test_a_row_is_an_object(row: object) -> None:
    assert "a row is no object" in reason(row)


@pytest.mark.parametrize("name", [None, 5, "ETH-USDT", ["BTC-USDT"]])
def test_a_row_is_of_its_frames_instrument(name: object) -> None:
    assert "instId of a row is not that of its frame" in reason(ROW | {"instId": name})


@pytest.mark.parametrize(
    "number", [5, None, True, "", "-1", "+1", "007", "1.0", "1e3", " 1", "1_0", "٣", str(2**63), "1" * 400, ["1"]]
)
def test_an_id_is_digits_of_at_most_63_bits(number: object) -> None:
    assert "tradeId is no whole number in text" in reason(ROW | {"tradeId": number})


@pytest.mark.parametrize("number", ["0", str(2**63 - 1)])
def test_the_least_and_the_greatest_id_are_ids(number: str) -> None:
    (trade,) = converse("okx", "spot", BTC).receive(push(ROW | {"tradeId": number}), RECEIVED).trades
    assert (trade.id, trade.seq) == (number, number)


@pytest.mark.parametrize("field", ["px", "sz"])
@pytest.mark.parametrize("value", [5, 80227.01, None, "", "0", "0.00", "-1", "NaN", "1e400", "1" * 61])
def test_price_and_quantity_are_decimals_above_zero_in_text(field: str, value: object) -> None:
    assert "px or sz is" in reason(ROW | {field: value})


@pytest.mark.parametrize("value", [None, True, "Buy", "SELL", "", ["buy"]])
def test_the_takers_side_is_buy_or_sell(value: object) -> None:
    assert "side is neither buy nor sell" in reason(ROW | {"side": value})


@pytest.mark.parametrize("value", [1790000000123, None, "", "0", "1790000000", "4102444800000", "soon"])
def test_a_time_is_milliseconds_in_text(value: object) -> None:
    assert "ts is no" in reason(ROW | {"ts": value})


@pytest.mark.parametrize("value", [0, None, "", "a b", "x" * 21, ["1"]])
def test_a_source_is_a_mark(value: object) -> None:
    assert "source is no mark" in reason(ROW | {"source": value})


@pytest.mark.parametrize(("source", "kind"), [("0", None), ("1", "elp"), ("2", "source_2"), ("RPI", "source_rpi")])
def test_a_source_that_is_new_is_marked_by_its_own_name(source: str, kind: str | None) -> None:
    (trade,) = converse("okx", "spot", BTC).receive(push(ROW | {"source": source}), RECEIVED).trades
    assert trade.kind == kind


@pytest.mark.parametrize("count", [3, None, "", "0", "-3", "242720722", "01", ["3"]])
def test_a_count_makes_a_range_of_ids(count: object) -> None:
    assert "count" in reason(ROW | {"count": count})


def test_an_aggregate_may_reach_back_to_the_first_id() -> None:
    row = ROW | {"tradeId": "4", "count": "5"}
    (trade,) = converse("okx", "spot", BTC).receive(push(row, channel="trades"), RECEIVED).trades
    assert (trade.id, trade.seq, trade.aggregate) == ("agg:4", "4", Aggregate("0", "4"))


def test_a_damaged_row_costs_its_neighbours_nothing() -> None:
    rows = [ROW, ROW | {"px": 5}, {}, ROW | {"tradeId": "242720721"}]
    parsed = converse("okx", "spot", BTC).receive(push(*rows), RECEIVED)
    assert (parsed.kind, parsed.replayed) == (Kind.MALFORMED, True)
    assert [trade.id for trade in parsed.trades] == ["242720720", "242720721"]
    assert parsed.reason == "px or sz is no text: 5, '0.1200'"


@pytest.mark.parametrize("name", [None, 5, "", "A B", "A\nB", ["BTC-USDT"]])
def test_a_frame_of_nothing_is_malformed(name: object) -> None:
    parsed = converse("okx", "spot", BTC).receive(push(ROW, name=name), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert "instId is no name" in parsed.reason


def test_rows_of_an_instrument_that_is_not_wanted_are_out_of_scope_one_by_one() -> None:
    parsed = converse("okx", "spot", BTC).receive(push(ROW, ROW, name="UNI-USD-SWAP"), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("UNI-USD-SWAP", "UNI-USD-SWAP"))


def test_an_instrument_may_join_and_leave_while_the_connection_runs() -> None:
    wanted: dict[str, Instrument] = {}
    conversation = SPOT.converse(wanted, SPOT.channels[0])
    assert conversation.receive(push(ROW), RECEIVED).out_of_scope == ("BTC-USDT",)
    wanted["BTC-USDT"] = BTC
    assert len(conversation.receive(push(ROW), RECEIVED).trades) == 1
    del wanted["BTC-USDT"]
    assert conversation.receive(push(ROW), RECEIVED).out_of_scope == ("BTC-USDT",)


def test_a_quantity_that_grows_too_long_in_coins_is_malformed() -> None:
    contract = instrument("okx", "futures", "BTC-USDT-SWAP", "BTC", multiplier="1000")
    row = ROW | {"instId": "BTC-USDT-SWAP", "sz": "9" * 60}
    parsed = converse("okx", "futures", contract).receive(push(row, name="BTC-USDT-SWAP"), RECEIVED)
    assert (parsed.kind, list(parsed.trades)) == (Kind.MALFORMED, [])


def test_contracts_are_kept_as_they_were_sent_beside_the_coins() -> None:
    row = ROW | {"instId": "BTC-USDT-SWAP", "sz": "3.70"}
    (trade,) = converse("okx", "futures", SWAP).receive(push(row, name="BTC-USDT-SWAP"), RECEIVED).trades
    assert (trade.contracts, trade.quantity, trade.price) == ("3.7", "0.037", "80227.1")


def test_a_unit_of_a_thousand_coins_is_counted_in_coins() -> None:
    pair = instrument("okx", "spot", "1000CAT-USDT", "CAT", unit_factor="1000")
    row = ROW | {"instId": "1000CAT-USDT", "px": "0.0123", "sz": "2.5"}
    (trade,) = converse("okx", "spot", pair).receive(push(row, name="1000CAT-USDT"), RECEIVED).trades
    assert (trade.price, trade.quantity) == ("0.0000123", "2500")
