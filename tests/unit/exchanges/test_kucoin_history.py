"""KuCoin's REST history; the healthy rows are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.kucoin import FUTURES, SPOT
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("kucoin", "spot", "BTC-USDT", "BTC")
XBT = instrument("kucoin", "futures", "XBTUSDTM", "BTC", multiplier="0.001")
[NEWEST] = SPOT.sources
[NEWEST_F] = FUTURES.sources
MATCH: dict[str, Any] = {
    "sequence": "11067996711960577",
    "price": "67523",
    "size": "0.003",
    "side": "buy",
    "time": 1729843222921000001,
}
EXECUTION: dict[str, Any] = {
    "sequence": 1794100537695,
    "contractId": 1,
    "tradeId": "1794100537695",
    "ts": 1731898619520000001,
    "size": 2,
    "price": "90503.9",
    "side": "sell",
}


def read(*rows: object) -> Page:
    return NEWEST.read(frame({"code": "200000", "data": list(rows)}), BTC, RECEIVED)


def read_f(*rows: object) -> Page:
    return NEWEST_F.read(frame({"code": "200000", "data": list(rows)}), XBT, RECEIVED)


def test_the_newest_hundred_are_asked_for_by_name_alone() -> None:
    assert NEWEST.request(Span(BTC, None, None, 0, 1)) == Request("/api/v1/market/histories?symbol=BTC-USDT", weight=3)
    assert NEWEST_F.request(Span(XBT, None, None, 0, 1)) == Request("/api/v1/trade/history?symbol=XBTUSDTM", weight=5)


def test_there_is_no_way_to_older_ones() -> None:
    for source, of in ((NEWEST, BTC), (NEWEST_F, XBT)):
        span = Span(of, None, None, 0, 1)
        assert source.further(span, Request("/"), Page((), full=True)) is None
        assert (source.depth, source.aggregates, source.keyed) == (None, False, False)
    assert (NEWEST.name, NEWEST_F.name) == ("histories", "history")


@pytest.mark.parametrize("key", ["sequence", "price", "size", "side", "time"])
def test_of_a_pair_a_row_without_a_field_is_damaged(key: str) -> None:
    page = read({name: value for name, value in MATCH.items() if name != key}, MATCH)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize("key", ["sequence", "price", "size", "side", "ts"])
def test_of_a_contract_a_row_without_a_field_is_damaged(key: str) -> None:
    page = read_f({name: value for name, value in EXECUTION.items() if name != key}, EXECUTION)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sequence", 11067996711960577),
        ("time", "1729843222921000001"),
        ("time", True),
        ("time", 1729843222.5),
        ("time", 1729843222921),
        ("time", 10**200),
        ("size", 0.003),
        ("price", "NaN"),
        ("side", "BUY"),
    ],
)
def test_of_a_pair_a_row_with_a_field_that_is_none_is_damaged(key: str, value: object) -> None:
    page = read(MATCH | {key: value}, MATCH)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize("row", [None, 5, "x", [], [MATCH]])
def test_a_row_that_is_no_object_is_damaged(row: object) -> None:
    assert (read(row), read_f(row)) == (Page([], 1), Page([], 1))


def test_a_part_of_a_lot_is_taken_as_it_is_written() -> None:
    body = frame({"code": "200000", "data": [EXECUTION | {"size": "SIZE"}]})
    page = NEWEST_F.read(body.replace(b'"SIZE"', b"0.1000000000000000000000001"), XBT, RECEIVED)
    assert [(trade.contracts, trade.quantity) for trade in page.trades] == [
        ("0.1000000000000000000000001", "0.0001000000000000000000000001")
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_whatever_the_order_of_rows_trades_come_oldest_first(turned: bool) -> None:
    numbers = range(98, 103)  # as text their order would be another
    rows = [MATCH | {"sequence": str(number)} for number in numbers]
    page = read(*(rows[::-1] if turned else rows))
    assert [trade.id for trade in page.trades] == [str(number) for number in numbers]


def test_a_hundred_rows_are_a_full_page_even_if_some_are_damaged() -> None:
    rows = [EXECUTION | {"sequence": number} for number in range(100)]
    assert (read_f(*rows[1:]).full, read_f(*rows[1:], None).full, read_f(*rows).full) == (False, True, True)
    assert read() == Page([])


def test_a_trade_is_the_one_of_the_socket_but_for_where_it_came_from() -> None:
    data = MATCH | {"symbol": "BTC-USDT", "time": "1729843222921000001"}
    push = {"topic": "/market/match:BTC-USDT", "type": "message", "subject": "trade.l3match", "data": data}
    [streamed] = converse("kucoin", "spot", BTC).receive(frame(push), RECEIVED).trades
    assert list(read(MATCH).trades) == [streamed._replace(backfilled=True)]
    data = EXECUTION | {"symbol": "XBTUSDTM"}
    push = {"topic": "/contractMarket/execution:XBTUSDTM", "type": "message", "subject": "match", "data": data}
    [streamed] = converse("kucoin", "futures", XBT).receive(frame(push), RECEIVED).trades
    assert list(read_f(EXECUTION).trades) == [streamed._replace(backfilled=True)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"msg":"Invalid symbol.","code":"200003"}', "the venue refused: 'Invalid symbol.' (code '200003')"),
        (b'{"code":200000,"data":[]}', "refused: None (code 200000)"),
        (b'{"data":[]}', "refused: None (code None)"),
        (b'{"code":"200000","data":null}', "no array of trades: None"),
        (b'{"code":"200000","data":{"a":1}}', "no array of trades: dict"),
        (b"[]", "no JSON object: list"),
        (b"", "not JSON"),
        (b'{"code":"200000","data":[', "not JSON"),
        (b"\xff{}", "not JSON"),
    ],
)
def test_a_reply_that_is_no_list_is_refused_in_words(body: bytes, words: str) -> None:
    for source, of in ((NEWEST, BTC), (NEWEST_F, XBT)):
        with pytest.raises(InvalidReply) as error:
            source.read(body, of, RECEIVED)
        assert words in str(error.value)
