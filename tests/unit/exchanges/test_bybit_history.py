"""Bybit's past trades over REST; the plain healthy forms are in tests/golden."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.bybit import FUTURES, SPOT
from metdc_collector.exchanges.history import Page
from metdc_collector.wire.instrument import Instrument
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument
from tests.unit.exchanges.past import mark, read_beside, refusal, span, spoilt, walk

BTC = instrument("bybit", "spot", "BTCUSDT", "BTC")
LINEAR = instrument("bybit", "futures", "BTCUSDT", "BTC")
(SOURCE,) = SPOT.sources
(LINEAR_SOURCE,) = FUTURES.sources
ROW: dict[str, Any] = {
    "execId": "20f43950-d8dd-5b31-9112-a178eb6023af",
    "symbol": "BTCUSDT",
    "price": "16578.50",
    "size": "0.001",
    "side": "Buy",
    "time": "1672304486865",
    "isBlockTrade": False,
    "isRPITrade": False,
    "seq": "1783284617",
}


def around(rows: str) -> str:
    return f'{{"retCode":0,"retMsg":"OK","result":{{"category":"linear","list":{rows}}},"time":1672304487000}}'


def reply(*rows: object) -> bytes:
    return around(json.dumps(rows)).encode()


def test_the_newest_are_asked_for_whatever_the_span() -> None:
    for source, category, most in ((SOURCE, "spot", 60), (LINEAR_SOURCE, "linear", 1000)):
        request = source.request(span(BTC, mark(5), mark(9)))
        assert request is not None
        assert request == source.request(span(BTC))
        path = f"/v5/market/recent-trade?category={category}&symbol=BTCUSDT&limit={most}"
        assert (request.path, request.weight, request.keyed) == (path, 1, False)
        assert (source.name, source.depth, source.aggregates, source.keyed) == ("recent-trade", None, False, False)


def test_the_newest_come_in_one_page() -> None:
    full = json.loads(reply(*[ROW] * 60))
    assert len(walk(SOURCE, span(BTC, mark(5)), lambda _: full)) == 1


def test_rows_are_turned_round() -> None:
    found = SOURCE.read(reply(ROW | {"execId": "2"}, ROW | {"execId": "1"}), BTC, RECEIVED)
    assert [trade.id for trade in found.trades] == ["1", "2"]


@pytest.mark.parametrize(("block", "improved"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize(("market", "coin", "source"), [("spot", BTC, SOURCE), ("futures", LINEAR, LINEAR_SOURCE)])
def test_a_fill_is_the_trade_that_the_socket_gives_but_for_where_it_came_from(
    block: bool, improved: bool, market: str, coin: Instrument, source: Any
) -> None:
    push = {"i": ROW["execId"], "T": 1672304486865, "p": "16578.50", "v": "0.001", "S": "Buy", "s": "BTCUSDT"}
    push |= {"BT": block, "RPI": improved, "seq": 1783284617}
    text = frame({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1672304486868, "data": [push]})
    (live,) = converse("bybit", market, coin).receive(text, RECEIVED).trades
    (trade,) = source.read(reply(ROW | {"isBlockTrade": block, "isRPITrade": improved}), coin, RECEIVED).trades
    assert trade == live._replace(sent=None, backfilled=True)


def test_times_and_ordering_numbers_may_be_numbers() -> None:
    (trade,) = SOURCE.read(reply(ROW | {"time": 1672304486865, "seq": 1783284617}), BTC, RECEIVED).trades
    assert (trade.time, trade.seq) == (1672304486865000000, "1783284617")


def test_a_row_may_lack_what_is_younger_than_the_rest() -> None:
    old = {name: value for name, value in ROW.items() if name not in ("seq", "isRPITrade")}
    (trade,) = SOURCE.read(reply(old), BTC, RECEIVED).trades
    assert (trade.seq, trade.kind) == (None, None)


def test_a_unit_factor_is_taken_out() -> None:
    pepe = instrument("bybit", "futures", "1000PEPEUSDT", "PEPE", unit_factor="1000")
    row = ROW | {"symbol": pepe.name, "price": "0.0123", "size": "5"}
    (trade,) = LINEAR_SOURCE.read(reply(row), pepe, RECEIVED).trades
    assert (trade.price, trade.quantity) == ("0.0000123", "5000")


def test_a_page_is_full_with_as_many_rows_as_a_reply_can_have() -> None:
    assert [SOURCE.read(reply(*[ROW] * count), BTC, RECEIVED).full for count in (59, 60)] == [False, True]
    assert [LINEAR_SOURCE.read(reply(*[ROW] * count), BTC, RECEIVED).full for count in (999, 1000)] == [False, True]


@pytest.mark.parametrize("field", ["execId", "symbol", "price", "size", "side", "time", "isBlockTrade"])
def test_of_a_damaged_row_nothing_comes_out_and_its_neighbours_do(field: str) -> None:
    # An id is any text of its characters.
    sound = {"isBlockTrade": (True,), "execId": ("NaN", "-1", "1e400")}.get(field, ())
    for text in spoilt(ROW, field):
        if text in {json.dumps(ROW | {field: value}) for value in sound}:
            continue
        found = read_beside(SOURCE, BTC, around, text, json.dumps(ROW))
        assert (len(found.trades), found.damaged) == (2, 1), text


@pytest.mark.parametrize("field", ["seq", "isRPITrade"])
@pytest.mark.parametrize("wrong", [None, "x", 1.5, [], {}, -1, "-1", 10**40])
def test_a_field_that_may_be_missing_may_not_be_damaged(field: str, wrong: object) -> None:
    assert SOURCE.read(reply(ROW | {field: wrong}), BTC, RECEIVED) == Page([], 1)


@pytest.mark.parametrize("row", ["null", "5", '"x"', "[]", "{}"])
def test_a_row_is_an_object_with_the_fields_of_a_trade(row: str) -> None:
    assert SOURCE.read(around(f"[{row}]").encode(), BTC, RECEIVED) == Page([], 1)


def test_the_venues_refusal_is_told_in_its_words() -> None:
    body = b'{"retCode":10001,"retMsg":"params error: symbol invalid","result":{},"retExtInfo":{},"time":1672304487000}'
    assert refusal(SOURCE, BTC, body) == "the venue refused: 'params error: symbol invalid' (code 10001)"


@pytest.mark.parametrize("body", ["[]", "null", "5", '"x"', "NaN"])
def test_a_reply_that_is_no_object_is_refused(body: str) -> None:
    assert refusal(SOURCE, BTC, body.encode()).startswith("the reply is no JSON object: ")


@pytest.mark.parametrize("code", ["null", "false", '"0"', "0.0"])
def test_an_object_without_the_code_of_success_is_refused(code: str) -> None:
    body = f'{{"retCode":{code},"result":{{"list":[]}}}}'
    assert refusal(SOURCE, BTC, body.encode()).startswith("the venue refused: None (code ")


@pytest.mark.parametrize("result", ["null", "{}", "[]", "5", '"x"', "NaN", '{"list":null}', '{"list":{}}'])
def test_a_reply_without_an_array_of_rows_is_refused(result: str) -> None:
    body = f'{{"retCode":0,"retMsg":"OK","result":{result}}}'
    assert refusal(SOURCE, BTC, body.encode()).startswith("the reply holds no array of trades: ")
