"""OKX's past trades over REST; the plain healthy forms are in tests/golden."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.history import Page, Source, Span
from metdc_collector.exchanges.okx import FUTURES, SPOT
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument
from tests.unit.exchanges.past import (
    MS,
    START,
    Asked,
    first,
    ids,
    mark,
    parameters,
    read_beside,
    refusal,
    span,
    spoilt,
    walk,
)

BTC = instrument("okx", "spot", "BTC-USDT", "BTC")
SWAP = instrument("okx", "futures", "BTC-USDT-SWAP", "BTC", multiplier="0.01")
NEWEST, HISTORY = SPOT.sources
ROW: dict[str, Any] = {
    "instId": "BTC-USDT",
    "side": "sell",
    "sz": "0.00001",
    "px": "29963.2",
    "source": "0",
    "tradeId": "242720720",
    "ts": "1654161646974",
}


def envelope(data: object) -> dict[str, object]:
    return {"code": "0", "msg": "", "data": data}


def reply(*rows: object) -> bytes:
    return json.dumps(envelope(rows)).encode()


def around(rows: str) -> str:
    return f'{{"code":"0","msg":"","data":{rows}}}'


def rows(*numbers: int, every: int = MS) -> list[dict[str, Any]]:
    return [ROW | {"tradeId": str(number), "ts": str((START + number * every) // MS)} for number in numbers]


def page(*numbers: int, full: bool = True) -> Page:
    found = HISTORY.read(reply(*rows(*numbers)), BTC, RECEIVED)
    return Page(found.trades, found.damaged, full)


def follow(asked: Span, found: Page) -> dict[str, str] | None:
    request = HISTORY.request(asked)
    assert request is not None
    further = HISTORY.further(asked, request, found)
    return None if further is None else parameters(further.path)


# -- requests


def test_the_newest_are_asked_for_whatever_the_span() -> None:
    for source in (NEWEST, FUTURES.sources[0]):
        request = source.request(span(BTC, mark(5), mark(9)))
        assert request is not None
        assert request == source.request(span(BTC))
        assert (request.path, request.weight) == ("/api/v5/market/trades?instId=BTC-USDT&limit=500", 1)
        assert (source.name, source.depth, source.aggregates, source.keyed) == ("trades", None, False, False)


def test_a_hole_is_read_downwards_from_the_trade_behind_it() -> None:
    for source in (HISTORY, FUTURES.sources[1]):
        request = source.request(span(BTC, mark(5), mark(9)))
        assert request is not None
        assert request.path == "/api/v5/market/history-trades?instId=BTC-USDT&type=1&after=9&limit=100"
        assert (source.name, source.depth, source.aggregates) == ("history-trades", 90 * 86400, False)
        assert (request.keyed, source.keyed) == (False, False)


@pytest.mark.parametrize("after", [None, mark(9, seq=False)])
def test_without_a_number_behind_it_a_hole_is_read_downwards_from_its_end(after: Any) -> None:
    asked = first(HISTORY, span(BTC, mark(5), after, end=START + MS - 1))
    assert (asked["type"], asked["after"]) == ("2", str(START // MS + 1))


def test_one_budget_keeps_to_the_limit_of_each_path() -> None:
    for venue in (SPOT, FUTURES):
        newest, history = (source.request(span(BTC, mark(5), mark(9))) for source in venue.sources)
        assert newest is not None
        assert history is not None
        rate = venue.limits.rest_weight
        asked = (newest, history, venue.listing_request())
        assert [rate.count // each.weight for each in asked] == [100, 20, 20]
        assert rate.seconds == 2


# -- pages


def test_the_newest_come_in_one_page() -> None:
    assert len(walk(NEWEST, span(BTC, mark(5)), lambda _: envelope(rows(*range(500))))) == 1


def test_the_next_page_is_older_than_the_oldest_trade_of_this_one() -> None:
    for after in (mark(9), None):
        asked = follow(span(BTC, mark(5), after), page(8, 7))
        assert asked is not None
        assert (asked["type"], asked["after"]) == ("1", "7")


def test_pages_end_at_the_known_trade_before() -> None:
    assert follow(span(BTC, mark(5), mark(9)), page(8, 7)) is not None
    assert follow(span(BTC, mark(6), mark(9)), page(8, 7)) is None


def test_pages_end_by_time_where_no_number_is_known_before() -> None:
    for time, passed in ((START + 7 * MS, False), (START + 7 * MS + 1, True)):
        without_number = span(BTC, mark(1, time, seq=False), mark(9))
        assert (follow(without_number, page(8, 7)) is None) is passed
        without_trade = span(BTC, None, mark(9), start=time)
        assert (follow(without_trade, page(8, 7)) is None) is passed


def test_pages_end_where_one_is_not_full_or_holds_nothing() -> None:
    assert follow(span(BTC, mark(5), mark(9)), page(8, 7, full=False)) is None
    assert follow(span(BTC, mark(5), mark(9)), page()) is None


@pytest.mark.parametrize("oldest", [9, 10])
def test_a_page_that_does_not_advance_is_the_last(oldest: int) -> None:
    assert follow(span(BTC, mark(5), mark(9)), page(oldest)) is None


@given(st.integers(0, 500), st.integers(1, 450), st.booleans(), st.booleans())
def test_a_walk_finds_every_trade_of_the_span(known: int, missing: int, open: bool, new: bool) -> None:
    last = known + missing
    every = rows(*range(1, last + 30))

    def answer(asked: Asked) -> object:
        field, most = ("tradeId" if asked["type"] == "1" else "ts"), int(asked["limit"])
        older = [row for row in every if int(row[field]) < int(asked["after"])]
        return envelope(older[::-1][:most])

    before = None if new else mark(known, START + known * MS)
    after = None if open else mark(last + 1, START + (last + 1) * MS)
    hole = span(BTC, before, after, start=START + known * MS, end=START + last * MS)
    pages = walk(HISTORY, hole, answer)
    wanted = [str(number) for number in range(known + 1, last + 1)]
    found = sorted(map(int, ids(pages)))
    assert [str(number) for number in found][-missing:] == wanted
    assert len(pages) <= missing // 100 + 2


# -- rows


def test_a_fill_is_the_trade_that_the_socket_gives_but_for_where_it_came_from() -> None:
    for market, coin, sources in (("spot", BTC, SPOT.sources), ("futures", SWAP, FUTURES.sources)):
        row = ROW | {"instId": coin.name, "source": "1"}
        push = {"arg": {"channel": "trades-all", "instId": coin.name}, "data": [row]}
        (live,) = converse("okx", market, coin).receive(frame(push), RECEIVED).trades
        for source in sources:
            (trade,) = source.read(reply(row), coin, RECEIVED).trades
            assert trade == live._replace(backfilled=True)


def test_contracts_whose_coins_are_not_known_have_no_quantity() -> None:
    unknown = instrument("okx", "futures", "BTC-USDT-SWAP", "BTC")
    (trade,) = FUTURES.sources[1].read(reply(ROW | {"instId": unknown.name}), unknown, RECEIVED).trades
    assert (trade.quantity, trade.contracts) == (None, "0.00001")


def test_trades_leave_in_the_order_of_their_ids() -> None:
    assert [trade.id for trade in page(1000, 999, 1001).trades] == ["999", "1000", "1001"]


@pytest.mark.parametrize(("source", "most"), [(NEWEST, 500), (HISTORY, 100)])
def test_a_page_is_full_with_as_many_rows_as_a_reply_can_have(source: Source, most: int) -> None:
    for count, full in ((most - 1, False), (most, True)):
        assert source.read(reply(*rows(*range(count))), BTC, RECEIVED).full is full


# -- damage


@pytest.mark.parametrize("field", ["instId", "tradeId", "px", "sz", "side", "ts"])
def test_of_a_damaged_row_nothing_comes_out_and_its_neighbours_do(field: str) -> None:
    for text in spoilt(ROW, field):
        found = read_beside(HISTORY, BTC, around, text, json.dumps(ROW))
        assert (len(found.trades), found.damaged) == (2, 1), text


@pytest.mark.parametrize("row", ["null", "5", '"x"', "[]", "{}", '{"source":5}'])
def test_a_row_is_an_object_with_the_fields_of_a_trade(row: str) -> None:
    assert HISTORY.read(around(f"[{row}]").encode(), BTC, RECEIVED) == Page([], 1)


def test_a_row_of_another_instrument_is_damaged() -> None:
    assert HISTORY.read(reply(ROW | {"instId": "ETH-USDT"}), BTC, RECEIVED) == Page([], 1)


@pytest.mark.parametrize("source", SPOT.sources)
def test_the_venues_refusal_is_told_in_its_words(source: Source) -> None:
    body = b'{"code":"51000","msg":"Parameter instType error","data":[]}'
    assert refusal(source, BTC, body) == "the venue refused: 'Parameter instType error' (code '51000')"


@pytest.mark.parametrize("body", ["[]", "null", "5", '"x"', "NaN"])
def test_a_reply_that_is_no_object_is_refused(body: str) -> None:
    assert refusal(HISTORY, BTC, body.encode()).startswith("the reply is no JSON object: ")


def test_an_object_without_the_code_of_success_is_refused() -> None:
    for body in ("{}", '{"code":0,"data":[]}', '{"code":null,"data":[]}'):
        assert refusal(HISTORY, BTC, body.encode()).startswith("the venue refused: None (code ")


@pytest.mark.parametrize("data", ["null", "{}", "5", '"x"', "NaN"])
def test_a_reply_without_an_array_of_rows_is_refused(data: str) -> None:
    assert refusal(HISTORY, BTC, around(data).encode()).startswith("the reply holds no array of trades: ")
