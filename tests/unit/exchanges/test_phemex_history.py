"""Phemex's REST history; the healthy rows are in tests/golden."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.phemex import FUTURES, SPOT
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

SBTC = instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8, quantity_scale=8)
PEPE = instrument("phemex", "futures", "u1000PEPEUSDT", "PEPE", unit_factor="1000")
[NEWEST] = SPOT.sources
[NEWEST_F] = FUTURES.sources
TIME = 1666860389799499001
ROW = [TIME, "Buy", "20702.1", "0.949"]


def reply(*rows: object, **more: Any) -> bytes:
    result = {"sequence": 5, "symbol": "u1000PEPEUSDT", "trades_p": list(rows), "type": "snapshot"} | more
    return frame({"error": None, "id": 0, "result": result})


def read(*rows: object) -> Page:
    return NEWEST_F.read(reply(*rows), PEPE, RECEIVED)


def rows_of(count: int) -> list[list[object]]:
    """So many rows of different times, newest first."""
    return [[TIME + number, "Buy", "1", "1"] for number in reversed(range(count))]


def test_the_newest_trades_are_asked_for_by_name_alone() -> None:
    assert NEWEST.request(Span(SBTC, None, None, 0, 1)) == Request("/md/trade?symbol=sBTCUSDT")
    assert NEWEST_F.request(Span(PEPE, None, None, 0, 1)) == Request("/md/v2/trade?symbol=u1000PEPEUSDT")


def test_there_is_no_way_to_older_ones() -> None:
    for source, of in ((NEWEST, SBTC), (NEWEST_F, PEPE)):
        assert source.further(Span(of, None, None, 0, 1), Request("/"), Page((), full=True)) is None
        assert (source.name, source.depth, source.aggregates, source.keyed) == ("trade", None, False, False)


def test_a_trade_is_the_one_of_a_snapshot_but_for_where_it_came_from() -> None:
    rows = [ROW, ROW, [TIME - 1, "Sell", "1", "2"], ROW]
    push = {"dts": TIME, "sequence": 9, "symbol": "u1000PEPEUSDT", "trades_p": rows, "type": "snapshot"}
    streamed = converse("phemex", "futures", PEPE).receive(frame(push), RECEIVED).trades
    assert list(read(*rows).trades) == [trade._replace(sent=None, backfilled=True) for trade in streamed]


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        [],
        ROW[1:],
        ROW[:3],
        [float(TIME), *ROW[1:]],
        [str(TIME), *ROW[1:]],
        [TIME // 1000, *ROW[1:]],
        [TIME, "buy", *ROW[2:]],
        [*ROW[:2], 20702.1, "1"],
        [*ROW[:2], "NaN", "1"],
        [*ROW[:3], "0"],
        [*ROW[:3], "1" * 61],
    ],
)
def test_a_damaged_row_is_counted_and_costs_no_other(row: object) -> None:
    page = read(row, ROW)
    assert [trade.id for trade in page.trades] == [f"{TIME}-B-20.7021-949-0"]
    assert page.damaged == 1


def test_a_quantity_whose_scale_is_not_known_is_counted() -> None:
    unknown = instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8)
    body = reply(trades=[[TIME, "Buy", 2070210000000, 94900000]], symbol="sBTCUSDT")
    [trade] = NEWEST.read(body, unknown, RECEIVED).trades
    assert (trade.price, trade.quantity, trade.contracts) == ("20702.1", None, "94900000")


def test_a_reply_of_few_rows_is_whole() -> None:
    page = read(*rows_of(199))
    assert (len(page.trades), page.damaged, page.full) == (199, 0, False)
    assert read() == Page([])


def test_of_a_full_reply_the_rows_of_the_oldest_time_are_left_out_and_not_counted_as_damaged() -> None:
    newer = [[TIME + 5, "Buy", "1", "1"], *rows_of(199), [TIME, "Sell", "1", "1"]]
    page = read(*newer)
    assert [trade.time for trade in page.trades[:2]] == [TIME + 1, TIME + 2]
    assert (len(page.trades), page.damaged, page.full) == (199, 0, True)


def test_a_full_reply_whose_rows_are_all_damaged_has_none() -> None:
    assert read(*[None] * 200) == Page([], 200, full=True)


@given(st.integers(0, 1 << 32), st.integers(0, 60), st.booleans())
def test_no_row_of_a_reply_that_begins_anywhere_has_another_id_than_in_the_whole(
    seed: int, cut: int, turned: bool
) -> None:
    random = Random(seed)
    times = sorted(TIME + random.randrange(30) for _ in range(260))
    rows: list[list[Any]] = [[time, random.choice(["Buy", "Sell"]), random.choice("12"), "1"] for time in times]
    push = {"symbol": "u1000PEPEUSDT", "trades_p": rows[::-1], "type": "snapshot"}
    whole = converse("phemex", "futures", PEPE).receive(frame(push), RECEIVED).trades
    rest = rows[cut:]
    page = read(*(rest if turned else rest[::-1]))
    assert list(page.trades) == [trade._replace(backfilled=True) for trade in whole if trade.time > rest[0][0]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"error":{"code":6001,"message":"invalid argument"},"id":null,"result":null}',
            "the venue refused: 'invalid argument' (code 6001)",
        ),
        (b'{"error":null,"id":0,"result":null}', "no result: error None, result None"),
        (b'{"error":"x","id":0,"result":{}}', "no result: error 'x', result dict"),
        (b'{"error":null,"result":{"symbol":"BTCUSDT","trades_p":[]}}', "its symbol is 'BTCUSDT'"),
        (b'{"error":null,"result":{"trades_p":[]}}', "its symbol is None"),
        (reply(trades_p=None), "no array of trades: None"),
        (reply(trades_p={}), "no array of trades: dict"),
        (b"[]", "no JSON object: list"),
        (b"", "not JSON"),
        (reply(ROW)[:-9], "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_reply_that_is_no_list_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(InvalidReply) as error:
        NEWEST_F.read(body, PEPE, RECEIVED)
    assert words in str(error.value)


def test_rows_of_the_other_market_are_refused() -> None:
    with pytest.raises(InvalidReply, match="no array of trades: None"):
        NEWEST.read(reply(ROW, symbol="sBTCUSDT"), SBTC, RECEIVED)
