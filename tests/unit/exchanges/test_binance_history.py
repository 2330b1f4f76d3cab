"""Binance's past trades over REST; the plain healthy forms are in tests/golden."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.binance import FUTURES, SPOT
from metdc_collector.exchanges.history import Page, Source, Span
from metdc_collector.wire.trade import Trade
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument
from tests.unit.exchanges.past import (
    DAY,
    HOUR,
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

BTC = instrument("binance", "spot", "BTCUSDT", "BTC")
PERPETUAL = instrument("binance", "futures", "BTCUSDT", "BTC")
PEPE = instrument("binance", "futures", "1000PEPEUSDT", "PEPE", unit_factor="1000")
NEWEST, FILLS = SPOT.sources
NEWEST_OF_FUTURES, KEYED, AGGREGATES = FUTURES.sources
FILL: dict[str, Any] = {
    "id": 5312345678,
    "price": "80227.01000000",
    "qty": "0.00042000",
    "quoteQty": "33.69534420",
    "time": 1790001515463,
    "isBuyerMaker": True,
    "isBestMatch": True,
}
AGGREGATE: dict[str, Any] = {
    "a": 3190727436,
    "p": "70974.50",
    "q": "0.002",
    "nq": "0.002",
    "f": 7413816280,
    "l": 7413816284,
    "T": 1773136021194,
    "m": False,
}


def rows(source: Source, *numbers: int, every: int = MS) -> list[dict[str, Any]]:
    """Rows with these numbers, one each millisecond (or ``every`` ns) from START on."""
    if source.aggregates:
        return [AGGREGATE | {"a": number, "T": (START + number * every) // MS} for number in numbers]
    return [FILL | {"id": number, "time": (START + number * every) // MS} for number in numbers]


def page(source: Source, *numbers: int, full: bool = True) -> Page:
    body = json.dumps(rows(source, *numbers)).encode()
    found = source.read(body, BTC, RECEIVED)
    return Page(found.trades, found.damaged, full)


def follow(source: Source, asked: Span, found: Page) -> dict[str, str] | None:
    request = source.request(asked)
    assert request is not None
    further = source.further(asked, request, found)
    return None if further is None else parameters(further.path)


# -- requests


def test_the_newest_are_asked_for_whatever_the_span() -> None:
    for source, path, weight in ((NEWEST, "/api/v3", 25), (NEWEST_OF_FUTURES, "/fapi/v1", 5)):
        request = source.request(span(BTC, mark(5), mark(9)))
        assert request is not None
        assert request == source.request(span(BTC))
        assert (request.path, request.weight) == (f"{path}/trades?symbol=BTCUSDT&limit=1000", weight)
        assert (source.name, source.depth, source.aggregates, source.keyed) == ("trades", None, False, False)


def test_fills_are_asked_for_from_the_one_behind_the_known() -> None:
    for source, path, most in ((FILLS, "/api/v3", 1000), (KEYED, "/fapi/v1", 500)):
        request = source.request(span(BTC, mark(5), mark(9)))
        assert request is not None
        assert request.path == f"{path}/historicalTrades?symbol=BTCUSDT&limit={most}&fromId=6"


def test_spot_goes_all_the_way_back_without_a_key_and_futures_a_month_with_one() -> None:
    assert (FILLS.name, FILLS.depth, FILLS.keyed, FILLS.aggregates) == ("historicalTrades", math.inf, False, False)
    assert (KEYED.name, KEYED.depth, KEYED.keyed, KEYED.aggregates) == ("historicalTrades", 30 * 86400, True, False)
    for source, market, weight in ((FILLS, SPOT, 25), (KEYED, FUTURES, 200)):
        request = source.request(span(BTC, mark(5)))
        assert request is not None
        assert (request.weight, request.keyed) == (weight, source.keyed)
        assert source.keyed is (market.key_header is not None)
    assert FUTURES.key_header == "X-MBX-APIKEY"


def test_the_fills_of_a_new_instrument_are_asked_for_from_the_first() -> None:
    assert first(FILLS, span(BTC))["fromId"] == "0"
    assert first(KEYED, span(PERPETUAL, None, mark(9)))["fromId"] == "0"


def test_fills_are_not_asked_for_where_the_known_trades_are_aggregates() -> None:
    assert KEYED.request(span(PERPETUAL, mark(5, prefix="agg:"), mark(9))) is None
    assert KEYED.request(span(PERPETUAL, None, mark(9, prefix="agg:"))) is None


def test_nothing_is_asked_for_behind_a_trade_without_a_number() -> None:
    assert FILLS.request(span(BTC, mark(5, seq=False))) is None
    assert AGGREGATES.request(span(PERPETUAL, mark(5, prefix="agg:", seq=False))) is None


def test_aggregates_are_asked_for_from_the_one_behind_the_known() -> None:
    request = AGGREGATES.request(span(PERPETUAL, mark(5, prefix="agg:"), mark(9, prefix="agg:")))
    assert request is not None
    assert (request.path, request.weight) == ("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000&fromId=6", 20)
    assert (AGGREGATES.name, AGGREGATES.depth, AGGREGATES.aggregates) == ("aggTrades", 90 * 86400, True)
    assert not AGGREGATES.keyed


@pytest.mark.parametrize("before", [None, mark(5)])
def test_aggregates_are_asked_for_by_time_where_none_is_known(before: Any) -> None:
    asked = first(AGGREGATES, span(PERPETUAL, before, start=START + 5, end=START + 7 * MS))
    assert asked == {
        "symbol": "BTCUSDT",
        "limit": "1000",
        "startTime": str(START // MS),
        "endTime": str(START // MS + 7),
    }


def test_aggregates_are_asked_for_by_less_than_an_hour_and_no_further_back_than_there_are_any() -> None:
    asked = first(AGGREGATES, span(PERPETUAL, start=0, end=START))
    assert int(asked["startTime"]) == (START - 90 * DAY) // MS
    assert int(asked["endTime"]) - int(asked["startTime"]) == HOUR // MS - 1


# -- pages


def test_the_newest_come_in_one_page() -> None:
    assert walk(NEWEST, span(BTC, mark(5)), lambda _: rows(NEWEST, *range(1000))) != []
    assert follow(NEWEST, span(BTC, mark(5)), page(NEWEST, 6, 7)) is None


def test_the_next_page_begins_behind_the_last_fill() -> None:
    asked = follow(FILLS, span(BTC, mark(5), mark(9)), page(FILLS, 6, 7))
    assert asked is not None
    assert asked["fromId"] == "8"


@pytest.mark.parametrize("source", [FILLS, AGGREGATES])
def test_pages_end_at_the_known_trade_behind(source: Source) -> None:
    prefix = "agg:" if source.aggregates else ""
    before = mark(5, prefix=prefix)
    assert follow(source, span(BTC, before, mark(9, prefix=prefix)), page(source, 6, 7)) is not None
    assert follow(source, span(BTC, before, mark(8, prefix=prefix)), page(source, 6, 7)) is None


@pytest.mark.parametrize("source", [FILLS, AGGREGATES])
def test_pages_end_where_one_is_not_full_or_holds_nothing(source: Source) -> None:
    asked = span(BTC, mark(5, prefix="agg:" if source.aggregates else ""))
    assert follow(source, asked, page(source, 6, 7, full=False)) is None
    assert follow(source, asked, page(source)) is None


@pytest.mark.parametrize("source", [FILLS, AGGREGATES])
def test_pages_end_at_the_spans_end_while_no_trade_is_known_behind(source: Source) -> None:
    before = mark(5, prefix="agg:" if source.aggregates else "")
    assert follow(source, span(BTC, before, end=START + 7 * MS), page(source, 6, 7)) is not None
    assert follow(source, span(BTC, before, end=START + 7 * MS - 1), page(source, 6, 7)) is None


@pytest.mark.parametrize(("prefix", "seq"), [("agg:", True), ("", False)])
def test_pages_of_fills_end_by_time_where_the_known_trade_behind_counts_otherwise(prefix: str, seq: bool) -> None:
    for time, passed in ((START + 7 * MS, False), (START + 7 * MS - 1, True)):
        asked = span(BTC, mark(5), mark(1, time, prefix=prefix, seq=seq))
        assert (follow(FILLS, asked, page(FILLS, 6, 7)) is None) is passed


def test_pages_of_aggregates_end_by_time_where_a_fill_is_known_behind() -> None:
    asked = span(BTC, mark(5, prefix="agg:"), mark(1, START + 7 * MS - 1))
    assert follow(AGGREGATES, asked, page(AGGREGATES, 6, 7)) is None


@pytest.mark.parametrize("source", [FILLS, AGGREGATES])
def test_a_page_that_does_not_advance_is_the_last(source: Source) -> None:
    asked = span(BTC, mark(5, prefix="agg:" if source.aggregates else ""), end=START + DAY)
    assert follow(source, asked, page(source, 4, 5)) is None


def test_an_instrument_that_is_not_new_after_all_is_not_walked_through_from_its_first_trade() -> None:
    old = span(BTC, start=START + 2 * DAY, end=START + 3 * DAY)
    assert follow(FILLS, old, page(FILLS, 0, 1)) is None
    new = span(BTC, start=START + HOUR, end=START + 3 * DAY)
    assert follow(FILLS, new, page(FILLS, 0, 1)) is not None


def test_hours_without_aggregates_are_passed_until_the_first_is_found() -> None:
    asked: list[Asked] = []

    def answer(parameters: Asked) -> object:
        asked.append(parameters)
        return rows(AGGREGATES, 2, 3, every=HOUR) if len(asked) == 3 else []

    found = walk(AGGREGATES, span(PERPETUAL, start=START, end=START + 10 * HOUR), answer)
    assert ids(found) == ["agg:2", "agg:3"]
    begin = START // MS
    hour = HOUR // MS
    times = [(int(one["startTime"]), int(one["endTime"])) for one in asked[:3]]
    assert times == [(begin + n * hour, begin + (n + 1) * hour - 1) for n in range(3)]
    assert [one.get("fromId") for one in asked] == [None, None, None, "4"]


def test_the_last_hour_is_no_longer_than_the_span_and_ends_it() -> None:
    asked: list[Asked] = []

    def answer(parameters: Asked) -> object:
        asked.append(parameters)
        return []

    assert walk(AGGREGATES, span(PERPETUAL, start=START, end=START + HOUR + MS), answer) == [[], []]
    assert asked[1]["endTime"] == str((START + HOUR + MS) // MS)


def test_an_hour_that_holds_the_rest_of_the_span_is_the_last_unless_it_is_full() -> None:
    short = span(PERPETUAL, start=START, end=START + 10 * MS)
    assert follow(AGGREGATES, short, page(AGGREGATES, 6, 7, full=False)) is None
    assert follow(AGGREGATES, short, page(AGGREGATES, 6, 7)) is not None


@given(
    st.sampled_from([FILLS, KEYED, AGGREGATES]),
    st.integers(0, 3_000),
    st.integers(1, 2_500),
    st.booleans(),
    st.integers(0, 5_000_000),
)
def test_a_walk_finds_every_trade_of_the_span(source: Source, known: int, missing: int, open: bool, every: int) -> None:
    last, newest = known + missing, known + missing + 700
    most = 500 if source is KEYED else 1_000
    prefix = "agg:" if source.aggregates else ""

    def answer(asked: Asked) -> object:
        begin = int(asked["fromId"])
        return rows(source, *range(begin, min(begin + most, newest + 1)), every=every)

    after = None if open else mark(last + 1, START + (last + 1) * every, prefix=prefix)
    hole = span(BTC, mark(known, prefix=prefix), after, end=START + (last + 1) * every)
    found = ids(walk(source, hole, answer))
    assert found[:missing] == [f"{prefix}{number}" for number in range(known + 1, last + 1)]


@given(st.lists(st.integers(0, 20 * HOUR // MS), unique=True, max_size=300), st.integers(1, 20 * HOUR))
def test_a_walk_by_time_finds_every_aggregate_of_the_span(times: list[int], length: int) -> None:
    every = [AGGREGATE | {"a": number, "T": START // MS + time} for number, time in enumerate(sorted(times))]

    def answer(asked: Asked) -> object:
        if "fromId" in asked:
            return [row for row in every if row["a"] >= int(asked["fromId"])]
        return [row for row in every if int(asked["startTime"]) <= row["T"] <= int(asked["endTime"])]

    found = ids(walk(AGGREGATES, span(PERPETUAL, start=START, end=START + length), answer))
    wanted = [f"agg:{row['a']}" for row in every if row["T"] * MS <= START + length]
    assert found[: len(wanted)] == wanted


# -- rows


def pushed(market: str, event: str, of: dict[str, Any]) -> Trade:
    """The same trade from the socket."""
    row = of | {"e": event, "s": "BTCUSDT", "E": 1790001515464}
    (trade,) = (
        converse("binance", market, PERPETUAL if market == "futures" else BTC).receive(frame(row), RECEIVED).trades
    )
    return trade


@pytest.mark.parametrize("improved", [False, True])
def test_a_fill_is_the_trade_that_the_socket_gives_but_for_where_it_came_from(improved: bool) -> None:
    fill = {"t": 5312345678, "p": "80227.01000000", "q": "0.00042000", "T": 1790001515463, "m": True, "X": "MARKET"}
    row = FILL | {"isRPITrade": improved}
    (trade,) = KEYED.read(json.dumps([row]).encode(), PERPETUAL, RECEIVED).trades
    assert trade == pushed("futures", "trade", fill)._replace(sent=None, backfilled=True)


def test_an_aggregate_is_the_one_that_the_socket_gives_but_for_where_it_came_from() -> None:
    (trade,) = AGGREGATES.read(json.dumps([AGGREGATE]).encode(), PERPETUAL, RECEIVED).trades
    assert trade == pushed("futures", "aggTrade", AGGREGATE)._replace(sent=None, backfilled=True)


def test_a_unit_factor_is_taken_out() -> None:
    row = FILL | {"price": "0.0123", "qty": "5"}
    (trade,) = NEWEST_OF_FUTURES.read(json.dumps([row]).encode(), PEPE, RECEIVED).trades
    assert (trade.price, trade.quantity) == ("0.0000123", "5000")


@pytest.mark.parametrize("source", [NEWEST, KEYED, AGGREGATES])
def test_trades_leave_in_the_order_of_their_numbers(source: Source) -> None:
    assert [trade.seq for trade in page(source, 1000, 999, 1001).trades] == ["999", "1000", "1001"]


@pytest.mark.parametrize(("source", "most"), [(NEWEST, 1000), (FILLS, 1000), (KEYED, 500), (AGGREGATES, 1000)])
def test_a_page_is_full_with_as_many_rows_as_a_reply_can_have(source: Source, most: int) -> None:
    for count, full in ((most - 1, False), (most, True)):
        body = json.dumps(rows(source, *range(count))).encode()
        assert source.read(body, BTC, RECEIVED).full is full


def test_a_damaged_row_counts_towards_a_full_page() -> None:
    body = json.dumps([*rows(NEWEST, *range(999)), None]).encode()
    found = NEWEST.read(body, BTC, RECEIVED)
    assert (len(found.trades), found.damaged, found.full) == (999, 1, True)


# -- damage


@pytest.mark.parametrize(
    ("source", "row", "field"),
    [(FILLS, FILL, field) for field in ("id", "price", "qty", "time", "isBuyerMaker")]
    + [(AGGREGATES, AGGREGATE, field) for field in "apqflTm"],
)
def test_of_a_damaged_row_nothing_comes_out_and_its_neighbours_do(source: Source, row: Any, field: str) -> None:
    for text in spoilt(row, field):
        if field in ("isBuyerMaker", "m") and text == json.dumps(row | {field: True}):
            continue
        found = read_beside(source, BTC, str, text, json.dumps(row))
        assert (len(found.trades), found.damaged) == (2, 1), text


@pytest.mark.parametrize("row", ["null", "5", '"x"', "[]", "[{}]", "{}"])
@pytest.mark.parametrize("source", [FILLS, AGGREGATES])
def test_a_row_is_an_object_with_the_fields_of_a_trade(source: Source, row: str) -> None:
    assert source.read(f"[{row}]".encode(), BTC, RECEIVED) == Page([], 1)


@pytest.mark.parametrize("source", [*SPOT.sources, *FUTURES.sources])
def test_the_venues_refusal_is_told_in_its_words(source: Source) -> None:
    words = refusal(source, BTC, b'{"code":-1121,"msg":"Invalid symbol."}')
    assert words == "the venue refused: 'Invalid symbol.' (code -1121)"


@pytest.mark.parametrize("body", ["{}", "null", "5", '"x"', "NaN"])
def test_a_reply_that_is_no_array_is_refused(body: str) -> None:
    assert refusal(FILLS, BTC, body.encode()).startswith("the reply holds no array of trades: ")
