"""Upbit's trade rows; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind, Parsed
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("upbit", "spot", "KRW-BTC", "BTC", quote="KRW")
UNIT = instrument("upbit", "spot", "KRW-1000X", "X", quote="KRW", unit_factor="1000")
ROW: dict[str, Any] = {
    "type": "trade",
    "code": "KRW-BTC",
    "timestamp": 1787728554853,
    "trade_timestamp": 1787728554797,
    "trade_price": 109847000,
    "trade_volume": 0.5,
    "ask_bid": "ASK",
    "sequential_id": 17877285547970000,
    "stream_type": "REALTIME",
}
SHORT = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "trade_timestamp": "ttms",
    "trade_price": "tp",
    "trade_volume": "tv",
    "ask_bid": "ab",
    "sequential_id": "sid",
    "stream_type": "st",
}


def short(row: dict[str, Any]) -> dict[str, Any]:
    return {SHORT[name]: value for name, value in row.items()}


def receive(message: object) -> Parsed:
    return converse("upbit", "spot", BTC, UNIT).receive(frame(message), RECEIVED)


def written(price: str, volume: str) -> Parsed:
    """The row with these numbers as the venue writes them."""
    text = frame(ROW).decode().replace("109847000", price).replace("0.5,", f"{volume},")
    return converse("upbit", "spot", BTC).receive(text.encode(), RECEIVED)


@pytest.mark.parametrize(
    ("price", "volume", "expected"),
    [
        ("109847000.0", "0.00509799", ("109847000", "0.00509799")),
        ("1.16539E8", "1E-8", ("116539000", "0.00000001")),
        ("1.16539e+8", "2.5e1", ("116539000", "25")),
        ("0.00000113", "3416.89061628", ("0.00000113", "3416.89061628")),
        (
            "0.1234567890123456789",
            "12345678901234567.00000001",
            ("0.1234567890123456789", "12345678901234567.00000001"),
        ),
    ],
)
def test_numbers_are_taken_digit_by_digit(price: str, volume: str, expected: tuple[str, str]) -> None:
    (trade,) = written(price, volume).trades
    assert (trade.price, trade.quantity) == expected


@pytest.mark.parametrize("number", ["0", "0.0", "0E-8", "-1", "-0.5", "NaN", "1e400", "1E61", '"1.5"', "true", "null"])
def test_a_number_that_is_not_above_zero_costs_the_row(number: str) -> None:
    for parsed in (written(number, "0.5"), written("1", number)):
        assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
        assert "is no positive number" in parsed.reason


@pytest.mark.parametrize(("word", "side"), [("ASK", "sell"), ("BID", "buy")])
def test_the_side_is_the_takers(word: str, side: str) -> None:
    (trade,) = receive(ROW | {"ask_bid": word}).trades
    assert trade.side == side


@pytest.mark.parametrize("form", [lambda row: row, short])
@pytest.mark.parametrize(("stream", "replayed"), [("SNAPSHOT", True), ("REALTIME", False)])
def test_a_snapshot_may_have_been_sent_before(form: Any, stream: str, replayed: bool) -> None:
    parsed = receive(form(ROW | {"stream_type": stream}))
    assert (parsed.kind, len(parsed.trades), parsed.replayed) == (Kind.TRADE, 1, replayed)


def test_there_is_no_ordering_number_and_the_id_is_exact_beyond_2_to_the_53() -> None:
    (trade,) = receive(ROW | {"sequential_id": 17877285547970001}).trades
    assert (trade.id, trade.seq) == ("17877285547970001", None)


def test_a_unit_of_a_thousand_coins_is_counted_in_coins() -> None:
    (trade,) = receive(ROW | {"code": "KRW-1000X"}).trades
    assert (trade.price, trade.quantity) == ("109847", "500")


@pytest.mark.parametrize("form", [lambda row: row, short])
@pytest.mark.parametrize("name", ROW)
def test_no_field_may_be_missing(form: Any, name: str) -> None:
    row = form({key: value for key, value in ROW.items() if key != name})
    parsed = receive(row)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"code": 5}, "code is no code: 5"),
        ({"code": "A\nB"}, r"code is no code: 'A\nB'"),
        ({"code": ""}, "code is no code: ''"),
        ({"stream_type": "snapshot"}, "stream_type is neither SNAPSHOT nor REALTIME: 'snapshot'"),
        ({"stream_type": ["SNAPSHOT"]}, "stream_type is neither SNAPSHOT nor REALTIME: list"),
        ({"sequential_id": "17877285547970000"}, "no id: '17877285547970000'"),
        ({"sequential_id": -1}, "no id: -1"),
        ({"sequential_id": True}, "no id: True"),
        ({"sequential_id": 2**63}, "no id: 9223372036854775808"),
        ({"ask_bid": "SELL"}, "the side is neither ASK nor BID: 'SELL'"),
        ({"ask_bid": ["ASK"]}, "the side is neither ASK nor BID: list"),
        ({"trade_timestamp": 0}, "the trade's time is no time: 0"),
        ({"trade_timestamp": "1787728554797"}, "the trade's time is no time: '1787728554797'"),
        ({"timestamp": None}, "the time of sending is no time: None"),
    ],
)
def test_a_damaged_field_costs_the_row_and_is_named(damage: dict[str, object], reason: str) -> None:
    parsed = receive(ROW | damage)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.MALFORMED, (), reason)


@pytest.mark.parametrize("form", [lambda row: row, short])
def test_rows_may_come_in_an_array(form: Any) -> None:
    rows = [ROW, ROW | {"type": "ticker"}, ROW | {"sequential_id": 17877285547970001, "code": "KRW-1000X"}]
    parsed = receive([form(row) for row in rows])
    assert (parsed.kind, parsed.replayed, parsed.reason) == (Kind.TRADE, False, "")
    assert [trade.id for trade in parsed.trades] == ["17877285547970000", "17877285547970001"]


def test_one_replayed_row_has_all_rows_of_its_array_compared() -> None:
    parsed = receive([ROW | {"stream_type": "SNAPSHOT"}, ROW | {"sequential_id": 2}])
    assert (len(parsed.trades), parsed.replayed) == (2, True)


@pytest.mark.parametrize("damaged", [5, None, [], {}, ROW | {"trade_price": None}, ROW | {"type": None}])
def test_a_damaged_row_of_an_array_costs_its_neighbours_nothing(damaged: object) -> None:
    parsed = receive([damaged, ROW, damaged])
    assert (parsed.kind, [trade.id for trade in parsed.trades]) == (Kind.MALFORMED, ["17877285547970000"])
    assert parsed.reason


def test_a_code_that_is_not_wanted_is_out_of_scope() -> None:
    parsed = receive(ROW | {"code": "KRW-XRP"})
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("KRW-XRP",))
    parsed = receive([ROW | {"code": "KRW-XRP"}, ROW])
    assert (parsed.kind, len(parsed.trades), parsed.out_of_scope) == (Kind.TRADE, 1, ("KRW-XRP",))
