"""Gate's trade frames; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("gate", "spot", "BTC_USDT", "BTC")
CONTRACT = instrument("gate", "futures", "BTC_USDT", "BTC", multiplier="0.0001")
TIME = 1790000003119
PAIR_ROW: dict[str, Any] = {
    "id": 309143071,
    "create_time": 1790000003,
    "create_time_ms": "1790000003119.4578",
    "side": "sell",
    "currency_pair": "BTC_USDT",
    "amount": "0.5",
    "price": "80227.1",
    "range": "5-5",
    "id_market": 5,
}
ROW: dict[str, Any] = {
    "id": 560345679,
    "size": "-108",
    "create_time": 1790000003,
    "create_time_ms": TIME,
    "price": "80227.1",
    "contract": "BTC_USDT",
}


def push(row: object, **more: Any) -> bytes:
    return frame({"time": 1790000003, "channel": "spot.trades", "event": "update", "result": row} | more)


def push_f(*rows: object, **more: Any) -> bytes:
    return frame({"time": 1790000003, "channel": "futures.trades", "event": "update", "result": list(rows)} | more)


def raw(size: str = "-108", time: str = str(TIME)) -> bytes:
    """A futures frame whose size and time stand as JSON text."""
    return (
        push_f(ROW | {"size": "SIZE", "create_time_ms": "TIME"})
        .replace(b'"SIZE"', size.encode())
        .replace(b'"TIME"', time.encode())
    )


def without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


@pytest.mark.parametrize("key", ["id", "create_time_ms", "side", "currency_pair", "amount", "price"])
def test_a_pair_without_a_field_is_malformed(key: str) -> None:
    parsed = converse("gate", "spot", BTC).receive(push(without(PAIR_ROW, key)), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])
    assert key in parsed.reason


@pytest.mark.parametrize("key", ["create_time", "range", "id_market"])
def test_a_pair_needs_no_second_time_and_no_market_id(key: str) -> None:
    parsed = converse("gate", "spot", BTC).receive(push(without(PAIR_ROW, key)), RECEIVED)
    assert (parsed.kind, len(parsed.trades)) == (Kind.TRADE, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "309143071"),
        ("id", True),
        ("id", -1),
        ("id", 2**63),
        ("id", 5.0),
        ("id_market", "917144"),
        ("id_market", None),
        ("id_market", -1),
        ("id_market", 2**63),
        ("id_market", 5.5),
        ("side", "Sell"),
        ("side", None),
        ("side", ["sell"]),
        ("amount", "0"),
        ("amount", 0.5),
        ("amount", "-1"),
        ("price", "0.000"),
        ("price", 80227),
        ("price", "abc"),
        ("create_time_ms", None),
        ("create_time_ms", ""),
        ("create_time_ms", "1790000003"),
        ("create_time_ms", "1790000003119."),
        ("create_time_ms", "1790000003119.x"),
        ("create_time_ms", "1790000003119.5.5"),
        ("create_time_ms", "٣790000003119"),
        ("create_time_ms", "1000000000000.0"),
        ("create_time_ms", "9000000000000.0"),
        ("create_time_ms", 1790000003),
        ("create_time_ms", 1790000003.5),
    ],
)
def test_of_a_damaged_pair_nothing_is_taken(key: str, value: object) -> None:
    parsed = converse("gate", "spot", BTC).receive(push(PAIR_ROW | {key: value}), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])
    assert key in parsed.reason


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1790000003119", 1790000003119000000),
        ("1790000003119.0", 1790000003119000000),
        ("1790000003119.4578", 1790000003119457800),
        ("1790000003119.116", 1790000003119116000),
        ("1790000003119.000001", 1790000003119000001),
        ("1790000003119.0000019", 1790000003119000001),
        (1790000003119, 1790000003119000000),
    ],
)
def test_a_time_has_any_number_of_decimals_and_is_read_to_the_nanosecond(written: object, time: int) -> None:
    (trade,) = converse("gate", "spot", BTC).receive(push(PAIR_ROW | {"create_time_ms": written}), RECEIVED).trades
    assert trade.time == time


def test_the_id_of_a_pair_counts_its_market_and_the_trade_keeps_that_of_the_venue() -> None:
    (trade,) = converse("gate", "spot", BTC).receive(push(PAIR_ROW), RECEIVED).trades
    assert (trade.id, trade.seq, trade.kind, trade.contracts) == ("309143071", "5", None, None)


def test_a_pair_of_a_thousand_coins_too_long_to_convert_is_malformed() -> None:
    unit = instrument("gate", "spot", "BTC_USDT", "BTC", unit_factor="1000")
    parsed = converse("gate", "spot", unit).receive(push(PAIR_ROW | {"price": f"0.{'1' * 60}"}), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])


@pytest.mark.parametrize("result", [None, [PAIR_ROW], "x", 5])
def test_a_pair_frame_holds_one_object(result: object) -> None:
    parsed = converse("gate", "spot", BTC).receive(push(result), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])
    assert parsed.reason.startswith("a row is no object")


@pytest.mark.parametrize("result", [None, ROW, "x", 5])
def test_a_futures_frame_holds_an_array(result: object) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(result=result), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason.startswith("result is no array")


def test_a_futures_frame_without_rows_is_a_frame_of_no_trades() -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.TRADE, [])


@pytest.mark.parametrize(
    ("written", "side", "contracts", "quantity"),
    [
        ("108", "buy", "108", "0.0108"),
        ("-108", "sell", "108", "0.0108"),
        ('"108"', "buy", "108", "0.0108"),
        ('"-10.50"', "sell", "10.5", "0.00105"),
        ('"0.1"', "buy", "0.1", "0.00001"),
        ("-10.5", "sell", "10.5", "0.00105"),
        ("0.1", "buy", "0.1", "0.00001"),
        ("1e2", "buy", "100", "0.01"),
        (
            "1.2345678901234567890123456789012345",
            "buy",
            "1.2345678901234567890123456789012345",
            "0.00012345678901234567890123456789012345",
        ),
    ],
)
def test_the_sign_of_a_size_is_the_takers_side_whatever_its_json_type(
    written: str, side: str, contracts: str, quantity: str
) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(raw(size=written), RECEIVED)
    (trade,) = parsed.trades
    assert (parsed.kind, trade.side, trade.contracts, trade.quantity) == (Kind.TRADE, side, contracts, quantity)


@pytest.mark.parametrize(
    "written",
    ["0", '"0"', '"-0.0"', "0.0", "-0.0", '""', '"-"', '"--1"', '"+1"', '" 1"', "true", "null", "[1]", "1e400", "NaN"]
    + [str(2**63), str(-(2**63)), "1e-99", '"1e400"'],
)
def test_a_size_that_is_none_or_zero_is_damage(written: str) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(raw(size=written), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])
    assert parsed.reason.startswith("size is")


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1790000003119.5", 1790000003119500000),
        ("1790000003119.123456", 1790000003119123456),
        ("1790000003119.1234569", 1790000003119123456),
        ("1.790000003119E12", 1790000003119000000),
    ],
)
def test_a_time_with_a_fraction_as_a_number_is_read_exactly(written: str, time: int) -> None:
    (trade,) = converse("gate", "futures", CONTRACT).receive(raw(time=written), RECEIVED).trades
    assert trade.time == time


@pytest.mark.parametrize("written", ["1790000003.5", "1e999999", "-1790000003119.5", "9000000000000.5", "1e400", "[]"])
def test_a_time_that_is_none_is_damage(written: str) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(raw(time=written), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, [])
    assert parsed.reason.startswith("create_time_ms is no time")


def test_the_id_of_a_contract_orders_its_trades_too() -> None:
    (trade,) = converse("gate", "futures", CONTRACT).receive(push_f(ROW), RECEIVED).trades
    assert (trade.id, trade.seq) == ("560345679", "560345679")


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
def test_rows_leave_in_the_order_of_their_ids(order: list[int]) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(*(ROW | {"id": each} for each in order)), RECEIVED)
    assert [trade.id for trade in parsed.trades] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("mark", "kind"), [({}, None), ({"is_internal": True}, "internal"), ({"is_internal": False}, None)]
)
def test_a_position_that_was_taken_over_is_marked_and_kept(mark: dict[str, bool], kind: str | None) -> None:
    (trade,) = converse("gate", "futures", CONTRACT).receive(push_f(ROW | mark), RECEIVED).trades
    assert trade.kind == kind


def test_without_a_list_contracts_stay_contracts() -> None:
    unlisted = instrument("gate", "futures", "BTC_USDT", "BTC")
    (trade,) = converse("gate", "futures", unlisted).receive(push_f(ROW), RECEIVED).trades
    assert (trade.contracts, trade.quantity) == ("108", None)


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        5,
        "x",
        *(without(ROW, key) for key in ("id", "size", "create_time_ms", "price", "contract")),
        ROW | {"id": "560345679"},
        ROW | {"id": True},
        ROW | {"id": -1},
        ROW | {"id": 5.5},
        ROW | {"price": 80227.1},
        ROW | {"price": "0"},
        ROW | {"contract": None},
        ROW | {"contract": ["BTC_USDT"]},
        ROW | {"contract": "BTC\nUSDT"},
        ROW | {"is_internal": None},
        ROW | {"is_internal": 1},
        ROW | {"is_internal": "true"},
    ],
)
def test_a_damaged_row_costs_its_neighbours_nothing(damaged: object) -> None:
    healthy = [ROW | {"id": 1}, ROW | {"id": 3}]
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(healthy[0], damaged, healthy[1]), RECEIVED)
    assert (parsed.kind, [trade.id for trade in parsed.trades]) == (Kind.MALFORMED, ["1", "3"])
    assert parsed.reason


def test_what_was_wrong_first_is_told() -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(ROW | {"id": "a"}, ROW | {"price": "b"}), RECEIVED)
    assert parsed.reason == "no id: 'a'"


def test_rows_of_instruments_that_are_not_wanted_are_out_of_scope_one_by_one() -> None:
    rows = [ROW | {"contract": "ETH_USDT"}, ROW, ROW | {"contract": "ETH_USDT"}]
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(*rows), RECEIVED)
    assert (parsed.kind, len(parsed.trades), parsed.out_of_scope) == (Kind.TRADE, 1, ["ETH_USDT", "ETH_USDT"])


def test_a_pair_that_is_not_wanted_is_out_of_scope() -> None:
    parsed = converse("gate", "spot").receive(push(PAIR_ROW), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, [], ["BTC_USDT"])


@pytest.mark.parametrize("damaged", [None, "1790000003123", 0, 1790000003, True, 1790000003123.5])
def test_a_damaged_time_of_sending_is_told_and_costs_no_row(damaged: object) -> None:
    parsed = converse("gate", "futures", CONTRACT).receive(push_f(ROW, time_ms=damaged), RECEIVED)
    assert (parsed.kind, [trade.sent for trade in parsed.trades]) == (Kind.MALFORMED, [None])
    assert parsed.reason.startswith("time_ms is no time")


def test_a_frame_without_a_time_of_sending_is_healthy() -> None:
    parsed = converse("gate", "spot", BTC).receive(push(PAIR_ROW), RECEIVED)
    assert (parsed.kind, [trade.sent for trade in parsed.trades]) == (Kind.TRADE, [None])
