"""KuCoin's trade pushes; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("kucoin", "spot", "BTC-USDT", "BTC")
SATS = instrument("kucoin", "spot", "1000SATS-USDT", "SATS", unit_factor="1000")
XBT = instrument("kucoin", "futures", "XBTUSDTM", "BTC", multiplier="0.001")
MATCH: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "sequence": "11067996711960577",
    "price": "67523",
    "size": "0.003",
    "side": "buy",
    "time": "1729843222921000000",
    "tradeId": "11067996711960577",
    "type": "match",
}
EXECUTION: dict[str, Any] = {
    "symbol": "XBTUSDTM",
    "sequence": 1794100537695,
    "side": "buy",
    "size": 2,
    "price": "90503.9",
    "tradeId": "1794100537695",
    "ts": 1731898619520000000,
}


def match(data: object = MATCH, **more: Any) -> bytes:
    envelope = {"topic": "/market/match:BTC-USDT", "type": "message", "subject": "trade.l3match", "data": data}
    return frame(envelope | more)


def execution(data: object = EXECUTION, **more: Any) -> bytes:
    envelope = {"topic": "/contractMarket/execution:XBTUSDTM", "type": "message", "subject": "match", "data": data}
    return frame(envelope | more)


def test_the_id_is_the_sequence_whatever_the_trade_id() -> None:
    data = MATCH | {"tradeId": "6085c09769bc506996295e36", "sequence": "1612701563869"}
    (trade,) = converse("kucoin", "spot", BTC).receive(match(data), RECEIVED).trades
    assert (trade.id, trade.seq, trade.message_id) == (
        "1612701563869",
        "1612701563869",
        "kucoin.spot.BTC-USDT.1612701563869",
    )


def test_a_push_may_lack_and_grow_members_that_are_not_used() -> None:
    data = {key: value for key, value in MATCH.items() if key not in {"tradeId", "type"}} | {"new": {}}
    parsed = converse("kucoin", "spot", BTC).receive(match(data, sn=5), RECEIVED)
    assert (parsed.kind, len(parsed.trades), parsed.replayed) == (Kind.TRADE, 1, False)


@pytest.mark.parametrize("key", ["symbol", "sequence", "price", "size", "side", "time"])
def test_a_match_that_lacks_a_member_is_malformed(key: str) -> None:
    data = {name: value for name, value in MATCH.items() if name != key}
    parsed = converse("kucoin", "spot", BTC).receive(match(data), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert key in parsed.reason


@pytest.mark.parametrize("key", ["symbol", "sequence", "price", "size", "side", "ts"])
def test_an_execution_that_lacks_a_member_is_malformed(key: str) -> None:
    data = {name: value for name, value in EXECUTION.items() if name != key}
    parsed = converse("kucoin", "futures", XBT).receive(execution(data), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert key in parsed.reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sequence", 11067996711960577),
        ("sequence", ""),
        ("sequence", "-5"),
        ("sequence", "07"),
        ("sequence", "٣"),
        ("sequence", "6085c09769bc506996295e36"),
        ("sequence", "1" * 20),
        ("price", 67523),
        ("price", "0"),
        ("price", "-1"),
        ("price", "abc"),
        ("size", None),
        ("size", "0.000"),
        ("size", "1" * 61),
        ("side", "Buy"),
        ("side", ["buy"]),
        ("side", None),
        ("time", 1729843222921000000),
        ("time", "1729843222921"),
        ("time", "4102444800000000000"),
        ("time", "now"),
    ],
)
def test_of_a_damaged_match_nothing_is_taken(key: str, value: object) -> None:
    parsed = converse("kucoin", "spot", BTC).receive(match(MATCH | {key: value}), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason.startswith(key if key not in {"price", "size"} else "price or size")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sequence", "1794100537695"),
        ("sequence", -1),
        ("sequence", 1 << 63),
        ("sequence", True),
        ("sequence", 1.5),
        ("price", 90503.9),
        ("price", "0"),
        ("size", "2"),
        ("size", 0),
        ("size", -2),
        ("size", -0.5),
        ("size", 0.0),
        ("size", True),
        ("size", None),
        ("size", 1 << 63),
        ("size", 10**30),
        ("side", "SELL"),
        ("side", {}),
        ("ts", "1731898619520000000"),
        ("ts", 1731898619520),
        ("ts", 1.7e18),
    ],
)
def test_of_a_damaged_execution_nothing_is_taken(key: str, value: object) -> None:
    parsed = converse("kucoin", "futures", XBT).receive(execution(EXECUTION | {key: value}), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason.startswith(key)


@pytest.mark.parametrize(
    ("written", "contracts", "quantity"),
    [
        (b"2.0", "2", "0.002"),
        (b"0.25", "0.25", "0.00025"),
        (b"0.1000000000000000055", "0.1000000000000000055", "0.0001000000000000000055"),
        (b"5e-1", "0.5", "0.0005"),
    ],
)
def test_a_part_of_a_lot_is_never_a_rounded_number(written: bytes, contracts: str, quantity: str) -> None:
    pushed = execution().replace(b'"size": 2', b'"size": ' + written)
    (trade,) = converse("kucoin", "futures", XBT).receive(pushed, RECEIVED).trades
    assert (trade.contracts, trade.quantity) == (contracts, quantity)


@pytest.mark.parametrize("written", [b"1e400", b"1e99999999999999999999", b"NaN", b"-Infinity", b"1" + b"0" * 400])
def test_lots_beyond_all_sense_are_malformed(written: bytes) -> None:
    pushed = execution().replace(b'"size": 2', b'"size": ' + written)
    parsed = converse("kucoin", "futures", XBT).receive(pushed, RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())


def test_a_quantity_too_long_in_units_of_its_name_is_malformed() -> None:
    data = MATCH | {"symbol": "1000SATS-USDT", "size": "9" * 60}
    parsed = converse("kucoin", "spot", SATS).receive(match(data, topic="/market/match:1000SATS-USDT"), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())


@pytest.mark.parametrize(
    "envelope",
    [
        {"data": None},
        {"data": [MATCH]},
        {"subject": "trade.l3received"},
        {"subject": None},
        {"topic": "/market/match:ETH-USDT"},
        {"topic": "/market/match:BTC-USDT,ETH-USDT"},
        {"topic": None},
        {"topic": ""},
        {"type": None},
    ],
)
def test_of_a_damaged_envelope_nothing_is_taken(envelope: dict[str, object]) -> None:
    parsed = converse("kucoin", "spot", BTC).receive(match(**envelope), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason


def test_a_trade_of_an_instrument_that_is_not_wanted_is_out_of_scope() -> None:
    data = MATCH | {"symbol": "ETH-USDT"}
    parsed = converse("kucoin", "spot", BTC).receive(match(data, topic="/market/match:ETH-USDT"), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("ETH-USDT",))


@pytest.mark.parametrize("name", ["", "A B", "A\nB"])
def test_a_name_that_could_not_be_published_is_malformed(name: str) -> None:
    data = MATCH | {"symbol": name}
    parsed = converse("kucoin", "spot", BTC).receive(match(data, topic=f"/market/match:{name}"), RECEIVED)
    assert (parsed.kind, parsed.out_of_scope) == (Kind.MALFORMED, ())
