"""Upbit's past trades over REST; the plain healthy forms are in tests/golden."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.history import Page, Source, Span
from metdc_collector.exchanges.upbit import SPOT
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument
from tests.unit.exchanges.past import (
    DAY,
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

BTC = instrument("upbit", "spot", "KRW-BTC", "BTC", quote="KRW")
NEWEST, HISTORY = SPOT.sources
NOON = START // DAY * DAY + DAY // 2
ROW: dict[str, Any] = {
    "market": "KRW-BTC",
    "trade_date_utc": "2026-08-26",
    "trade_time_utc": "07:15:54",
    "timestamp": 1787728554797,
    "trade_price": 109847000.0,
    "trade_volume": 0.00509799,
    "prev_closing_price": 109165000.0,
    "change_price": 682000.0,
    "ask_bid": "ASK",
    "sequential_id": 17877285547970000,
}


def row(time: int, counter: int = 0) -> dict[str, Any]:
    """The row of a trade at a time in ns; its id is its time, as the venue makes them."""
    return ROW | {"timestamp": time // MS, "sequential_id": number(time, counter)}


def number(time: int, counter: int = 0) -> int:
    return time // MS * 10_000 + counter


def reply(*rows: object) -> bytes:
    return json.dumps(rows).encode()


def page(*times: int, full: bool = True) -> Page:
    found = HISTORY.read(reply(*map(row, times)), BTC, RECEIVED)
    return Page(found.trades, found.damaged, full)


def follow(asked: Span, found: Page, days: int = 0) -> dict[str, str] | None:
    request = HISTORY.request(asked)
    assert request is not None
    if days:
        request = Request(f"{request.path}&days_ago={days}")
    further = HISTORY.further(asked, request, found)
    return None if further is None else parameters(further.path)


def hole(begin: int, end: int | None) -> Span:
    """A hole between two trades at these times, or from the first on."""
    after = None if end is None else mark(number(end), end, seq=False)
    return span(BTC, mark(number(begin), begin, seq=False), after, start=begin, end=end or NOON)


# -- requests


def test_the_newest_are_asked_for_whatever_the_span() -> None:
    request = NEWEST.request(span(BTC, mark(5), mark(9)))
    assert request is not None
    assert request == NEWEST.request(span(BTC))
    assert (request.path, request.weight, request.keyed) == ("/v1/trades/ticks?market=KRW-BTC&count=500", 1, False)
    assert (NEWEST.name, NEWEST.depth, NEWEST.aggregates, NEWEST.keyed) == ("ticks", None, False, False)


def test_a_hole_is_read_downwards_from_the_trade_behind_it() -> None:
    asked = first(HISTORY, hole(NOON - MS, NOON))
    assert asked == {"market": "KRW-BTC", "count": "500", "cursor": str(number(NOON))}
    assert (HISTORY.name, HISTORY.depth, HISTORY.aggregates) == ("ticks by cursor", 7 * 86400, False)
    assert not HISTORY.keyed


def test_without_a_trade_behind_it_a_hole_is_read_downwards_from_the_newest() -> None:
    assert first(HISTORY, hole(NOON - MS, None)) == {"market": "KRW-BTC", "count": "500"}


# -- pages


def test_the_newest_come_in_one_page() -> None:
    full = [row(NOON + place) for place in range(500)]
    assert len(walk(NEWEST, span(BTC), lambda _: full)) == 1


def test_the_next_page_is_older_than_the_oldest_trade_of_this_one() -> None:
    for end in (NOON, None):
        asked = follow(hole(NOON - 9 * MS, end), page(NOON - MS, NOON - 2 * MS))
        assert asked == {"market": "KRW-BTC", "count": "500", "cursor": str(number(NOON - 2 * MS))}


def test_pages_end_once_they_are_older_than_the_known_trade() -> None:
    assert follow(hole(NOON - 2 * MS, NOON), page(NOON - 2 * MS)) is not None
    assert follow(hole(NOON - 2 * MS, NOON), page(NOON - 3 * MS)) is None


def test_pages_end_before_the_span_where_no_trade_is_known_before() -> None:
    asked = span(BTC, None, mark(number(NOON), NOON), start=NOON - 2 * MS)
    assert follow(asked, page(NOON - 2 * MS)) is not None
    assert follow(asked, page(NOON - 3 * MS)) is None


def test_a_page_that_does_not_advance_is_the_last() -> None:
    for newer in (NOON, NOON + MS):
        assert follow(hole(NOON - 9 * MS, NOON), page(newer)) is None


def test_a_full_page_of_damage_is_the_last() -> None:
    assert follow(hole(NOON - 9 * MS, NOON), Page([], 500, full=True)) is None


def test_the_last_page_of_the_day_on_which_the_hole_begins_is_the_last() -> None:
    assert follow(hole(NOON - 9 * MS, NOON), page(NOON - MS, full=False)) is None


def test_after_the_last_page_of_a_later_day_the_day_before_is_asked_for() -> None:
    asked = follow(hole(NOON - DAY, NOON), page(NOON - MS, full=False))
    assert asked == {"market": "KRW-BTC", "count": "500", "cursor": str(number(NOON - MS)), "days_ago": "1"}
    asked = follow(hole(NOON - 2 * DAY, NOON), Page([]), days=1)
    assert asked == {"market": "KRW-BTC", "count": "500", "cursor": str(number(NOON)), "days_ago": "2"}


def test_a_full_page_of_another_day_is_followed_by_that_day() -> None:
    asked = follow(hole(NOON - 3 * DAY, NOON), page(NOON - DAY), days=1)
    assert asked is not None
    assert asked["days_ago"] == "1"


def test_no_more_than_seven_days_are_asked_for() -> None:
    asked: list[Asked] = []

    def answer(parameters: Asked) -> object:
        asked.append(parameters)
        return []

    walk(HISTORY, hole(NOON - 30 * DAY, NOON), answer)
    assert [one.get("days_ago", "0") for one in asked] == [str(day) for day in range(8)]
    asked.clear()
    walk(HISTORY, hole(NOON - 30 * DAY, None), answer)
    assert [one.get("days_ago", "0") for one in asked] == [str(day) for day in range(8)]


@given(
    st.lists(st.integers(0, 3 * DAY // MS), max_size=60).map(sorted),
    st.integers(0, 3 * DAY // MS),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
)
def test_a_walk_finds_every_trade_of_the_span_whether_days_are_apart_or_not(
    times: list[int], begin: int, daily: bool, open: bool, late: int
) -> None:
    start, end = NOON - 4 * DAY + begin * MS, NOON - DAY
    every = [row(NOON - 4 * DAY + time * MS, counter) for counter, time in enumerate(times)]
    today = (end + (0 if open else late) * DAY) // DAY

    def answer(asked: Asked) -> object:
        rows = [one for one in every if one["sequential_id"] < int(asked.get("cursor", 10**18))]
        if daily or "days_ago" in asked:
            day = today - int(asked.get("days_ago", "0"))
            rows = [one for one in rows if one["timestamp"] * MS // DAY == day]
        # A page of five rows stands for one of five hundred.
        return sorted(rows, key=lambda one: -one["sequential_id"])[:5]

    pages = walk(_Short(), hole(start, None if open else end), answer)
    wanted = {str(one["sequential_id"]) for one in every if start <= one["timestamp"] * MS < end}
    assert wanted <= set(ids(pages))
    assert len(ids(pages)) == len(set(ids(pages)))


class _Short:
    """The source, of which a page is full with five rows."""

    name, depth, aggregates, keyed = HISTORY.name, HISTORY.depth, False, False
    request, further = HISTORY.request, HISTORY.further

    def read(self, body: bytes, instrument: Any, received: int) -> Page:
        found = HISTORY.read(body, instrument, received)
        return Page(found.trades, found.damaged, len(found.trades) == 5)


# -- rows


def test_a_trade_is_the_one_that_the_socket_gives_but_for_where_it_came_from() -> None:
    push = {
        "type": "trade",
        "code": "KRW-BTC",
        "timestamp": 1787728554853,
        "trade_timestamp": 1787728554797,
        "stream_type": "REALTIME",
    }
    push |= {name: ROW[name] for name in ("trade_price", "trade_volume", "ask_bid", "sequential_id")}
    (live,) = converse("upbit", "spot", BTC).receive(frame(push), RECEIVED).trades
    (trade,) = HISTORY.read(reply(ROW), BTC, RECEIVED).trades
    assert trade == live._replace(sent=None, backfilled=True)


def test_amounts_are_taken_digit_by_digit() -> None:
    body = reply(ROW).replace(b"109847000.0", b"1.16539E8").replace(b"0.00509799", b"0.1234567890123456789")
    (trade,) = NEWEST.read(body, BTC, RECEIVED).trades
    assert (trade.price, trade.quantity) == ("116539000", "0.1234567890123456789")


def test_rows_are_turned_round() -> None:
    assert [trade.time for trade in page(NOON, NOON - MS).trades] == [NOON - MS, NOON]


def test_a_page_is_full_with_as_many_rows_as_a_reply_can_have() -> None:
    assert [HISTORY.read(reply(*[ROW] * count), BTC, RECEIVED).full for count in (499, 500)] == [False, True]


# -- damage


@pytest.mark.parametrize("field", ["market", "timestamp", "trade_price", "trade_volume", "ask_bid", "sequential_id"])
def test_of_a_damaged_row_nothing_comes_out_and_its_neighbours_do(field: str) -> None:
    for text in spoilt(ROW, field):
        if field in ("trade_price", "trade_volume") and text == json.dumps(ROW | {field: 1.5}):
            continue
        found = read_beside(HISTORY, BTC, str, text, json.dumps(ROW))
        assert (len(found.trades), found.damaged) == (2, 1), text


@pytest.mark.parametrize("one", ["null", "5", '"x"', "[]", "{}"])
def test_a_row_is_an_object_with_the_fields_of_a_trade(one: str) -> None:
    assert HISTORY.read(f"[{one}]".encode(), BTC, RECEIVED) == Page([], 1)


@pytest.mark.parametrize("source", SPOT.sources)
def test_the_venues_refusal_is_told_in_its_words(source: Source) -> None:
    body = b'{"error":{"name":404,"message":"Code not found"}}'
    assert refusal(source, BTC, body) == "the venue refused: 'Code not found' (code 404)"


@pytest.mark.parametrize("body", ["{}", "null", "5", '"x"', "NaN", '{"error":5}'])
def test_a_reply_that_is_no_array_is_refused(body: str) -> None:
    assert refusal(HISTORY, BTC, body.encode()).startswith("the reply holds no array of trades: ")
