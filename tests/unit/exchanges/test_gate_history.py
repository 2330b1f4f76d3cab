"""Gate's REST history; the healthy rows are in tests/golden."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.gate import FUTURES, SPOT
from metdc_collector.exchanges.history import Mark, Page, Source, Span
from metdc_collector.wire.instrument import Instrument
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("gate", "spot", "BTC_USDT", "BTC")
CONTRACT = instrument("gate", "futures", "BTC_USDT", "BTC", multiplier="0.0001")
SECOND = 1_000_000_000
START = 1790000003 * SECOND
PAIR_ROW: dict[str, Any] = {
    "id": "309143071",
    "create_time": "1790000003",
    "create_time_ms": "1790000003119.4578",
    "currency_pair": "BTC_USDT",
    "side": "sell",
    "amount": "0.5",
    "price": "80227.1",
    "sequence_id": "917144",
}
ROW: dict[str, Any] = {
    "id": 560345679,
    "create_time": 1790000003.119,
    "create_time_ms": 1790000003.119,
    "contract": "BTC_USDT",
    "size": "-108",
    "price": "80227.1",
}
NEWEST, BY_TIME = SPOT.sources
NEWEST_F, BY_TIME_F = FUTURES.sources


def read(*rows: object) -> Page:
    return NEWEST.read(frame(list(rows)), BTC, RECEIVED)


def read_f(*rows: object) -> Page:
    return NEWEST_F.read(frame(list(rows)), CONTRACT, RECEIVED)


def query(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def span(*, of: Instrument = BTC, before: Mark | None = None, start: int = START, end: int = START + SECOND) -> Span:
    return Span(of, before, None, start, end)


def test_the_newest_thousand_are_asked_for_by_name_alone() -> None:
    request = NEWEST.request(span())
    assert request is not None
    assert request.path == "/api/v4/spot/trades?currency_pair=BTC_USDT&limit=1000"
    request = NEWEST_F.request(span(of=instrument("gate", "futures", "币安人生_USDT", "币安人生")))
    assert request is not None
    assert request.path == ("/api/v4/futures/usdt/trades?contract=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F_USDT&limit=1000")


@pytest.mark.parametrize("source", [NEWEST, NEWEST_F])
def test_nothing_leads_from_the_newest_to_older_ones(source: Source) -> None:
    request = source.request(span())
    assert request is not None
    assert source.further(span(), request, Page((), full=True)) is None


def test_each_market_says_how_far_back_it_goes() -> None:
    assert [(source.name, source.depth) for source in (*SPOT.sources, *FUTURES.sources)] == [
        ("trades", None),
        ("trades by time", 2_592_000),
        ("trades", None),
        ("trades by time", 1_209_600),
    ]
    assert not any(source.keyed or source.aggregates for source in (*SPOT.sources, *FUTURES.sources))


@given(st.integers(0, 2 * 10**18), st.integers(0, 10**15))
def test_the_seconds_asked_for_hold_the_span_whether_they_are_included_or_not(start: int, length: int) -> None:
    for source in (BY_TIME, BY_TIME_F):
        request = source.request(span(start=start, end=start + length))
        assert request is not None
        asked = query(request.path)
        assert int(asked["from"]) * SECOND < start or int(asked["from"]) == 0
        assert int(asked["to"]) * SECOND > start + length


@pytest.mark.parametrize("key", ["id", "create_time_ms", "currency_pair", "side", "amount", "price"])
def test_of_a_pair_a_row_without_a_field_is_damaged(key: str) -> None:
    page = read({name: value for name, value in PAIR_ROW.items() if name != key}, PAIR_ROW)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize("key", ["id", "create_time_ms", "contract", "size", "price"])
def test_of_a_contract_a_row_without_a_field_is_damaged(key: str) -> None:
    page = read_f({name: value for name, value in ROW.items() if name != key}, ROW)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", 309143071),
        ("id", "0309143071"),
        ("id", ""),
        ("id", "-1"),
        ("id", "٣"),
        ("id", "9" * 19),
        ("id", "9" * 400),
        ("sequence_id", 917144),
        ("sequence_id", None),
        ("sequence_id", "x"),
        ("create_time_ms", "1790000003"),
        ("create_time_ms", "x"),
        ("currency_pair", "ETH_USDT"),
        ("currency_pair", ["BTC_USDT"]),
        ("side", "SELL"),
        ("amount", "0"),
        ("amount", 0.5),
        ("price", "NaN"),
    ],
)
def test_of_a_pair_a_row_with_a_field_that_is_none_is_damaged(key: str, value: object) -> None:
    page = read(PAIR_ROW | {key: value}, PAIR_ROW)
    assert (len(page.trades), page.damaged) == (1, 1)


@pytest.mark.parametrize("row", [None, 5, "x", [], [PAIR_ROW]])
def test_a_row_that_is_no_object_is_damaged(row: object) -> None:
    assert (read(row), read_f(row)) == (Page([], 1), Page([], 1))


def test_a_pair_of_before_market_ids_is_ordered_by_id() -> None:
    old = {name: value for name, value in PAIR_ROW.items() if name != "sequence_id"}
    page = read(PAIR_ROW, old | {"id": "309143070"}, old | {"id": "309143069"})
    assert [(trade.id, trade.seq) for trade in page.trades] == [
        ("309143069", None),
        ("309143070", None),
        ("309143071", "917144"),
    ]


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1790000003.119", 1790000003119000000),
        ("1790000003", 1790000003000000000),
        ("1790000003.1190000001999999999999999999", 1790000003119000000),
        ("1790000003.119457899999999999999999999", 1790000003119457899),
        ("1790000003119", 1790000003119000000),
        ("1790000003119.5", 1790000003119500000),
        ("1.790000003119E9", 1790000003119000000),
    ],
)
def test_a_contracts_time_is_in_seconds_below_a_hundred_billion_and_else_in_ms(written: str, time: int) -> None:
    body = frame([ROW | {"create_time_ms": "TIME"}]).replace(b'"TIME"', written.encode())
    assert [trade.time for trade in NEWEST_F.read(body, CONTRACT, RECEIVED).trades] == [time]


@pytest.mark.parametrize(
    "written", ["1", "-1790000003", "0.5", "179000000.5", "17900000030.5", "NaN", "1e400", "1e-99999999999", "null"]
)
def test_a_contract_of_no_sensible_time_is_damaged(written: str) -> None:
    body = frame([ROW | {"create_time_ms": "TIME"}, ROW]).replace(b'"TIME"', written.encode())
    page = NEWEST_F.read(body, CONTRACT, RECEIVED)
    assert (len(page.trades), page.damaged) == (1, 1)


def test_a_trade_is_the_one_of_the_socket_but_for_where_it_came_from() -> None:
    pair = PAIR_ROW | {"id": 309143071, "id_market": 917144}
    push = frame({"time": 1, "channel": "spot.trades", "event": "update", "result": pair})
    [streamed] = converse("gate", "spot", BTC).receive(push, RECEIVED).trades
    assert list(read(PAIR_ROW).trades) == [streamed._replace(backfilled=True)]
    contract = ROW | {"create_time_ms": 1790000003119}
    push = frame({"time": 1, "channel": "futures.trades", "event": "update", "result": [contract]})
    [streamed] = converse("gate", "futures", CONTRACT).receive(push, RECEIVED).trades
    assert list(read_f(ROW).trades) == [streamed._replace(backfilled=True)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"label":"CONTRACT_NOT_FOUND","message":"no such"}',
            "the venue refused: 'no such' (code 'CONTRACT_NOT_FOUND')",
        ),
        (b'{"label":["x"]}', "refused: None (code list)"),
        (b"{}", "no array of trades: dict; it begins with '{}'"),
        (b"null", "no array of trades: None"),
        (b"", "not JSON"),
        (b"<html>", "not JSON: it begins with '<html>'"),
        (b'[{"id":"309143071"', "not JSON"),
        (b"\xff[]", "not JSON"),
        (b"[" * 50_000, "not JSON"),
    ],
)
def test_a_reply_that_is_no_list_is_refused_in_words(body: bytes, words: str) -> None:
    for source in (*SPOT.sources, *FUTURES.sources):
        with pytest.raises(InvalidReply) as error:
            source.read(body, BTC, RECEIVED)
        assert words in str(error.value)


class Gate:
    """A venue with these trades: (second, number), numbers rising; it pages as the documents say."""

    def __init__(self, source: Source, times: list[int]) -> None:
        self.source, self.spot = source, source is BY_TIME
        self.rows = [self.row(second, number) for number, second in enumerate(sorted(times))]
        self.asked: list[dict[str, str]] = []

    def row(self, second: int, number: int) -> dict[str, Any]:
        if self.spot:
            own = {"id": str(number), "sequence_id": str(number), "create_time_ms": f"{second}000"}
            return PAIR_ROW | own
        return ROW | {"id": number, "create_time_ms": second}

    def reply(self, path: str) -> bytes:
        asked = query(path)
        self.asked.append(asked)
        begin, end = int(asked["from"]), int(asked["to"])
        place = (int(asked["page"]) - 1) * 1000 if self.spot else int(asked["offset"])
        assert asked["limit"] == "1000"
        assert place <= 100_000
        found = [row for row in self.rows if begin <= int(str(row["create_time_ms"])[:10]) <= end]
        return json.dumps(found[::-1][place : place + 1000]).encode()

    def walk(self, whole: Span) -> list[int]:
        """The ids of what comes of a span."""
        found: set[int] = set()
        request = self.source.request(whole)
        while request is not None:
            page = self.source.read(self.reply(request.path), whole.instrument, RECEIVED)
            found |= {int(trade.id) for trade in page.trades}
            request = self.source.further(whole, request, page)
        return sorted(found)


SOURCES = pytest.mark.parametrize(("source", "of"), [(BY_TIME, BTC), (BY_TIME_F, CONTRACT)], ids=["spot", "futures"])
BEGIN = START // SECOND


@SOURCES
@pytest.mark.parametrize("step", [1, 7, 500, 3000])
def test_paging_brings_every_trade_of_a_span(source: Source, of: Instrument, step: int) -> None:
    venue = Gate(source, [BEGIN + number // step for number in range(3500)])
    whole = span(of=of, start=START, end=START + 4000 * SECOND)
    assert venue.walk(whole) == list(range(3500))
    assert len(venue.asked) == 4


@SOURCES
def test_paging_ends_where_the_trade_before_the_span_is_reached(source: Source, of: Instrument) -> None:
    venue = Gate(source, [BEGIN + number for number in range(5000)])
    before = Mark("2500", (BEGIN + 2500) * SECOND, "2500")
    # The span's beginning is less certain than the known trade.
    found = venue.walk(span(of=of, before=before, start=START, end=START + 5000 * SECOND))
    assert found == list(range(2000, 5000))


def test_a_pair_without_market_ids_is_done_when_the_time_is_passed() -> None:
    whole = span(before=Mark("5", START))
    request = BY_TIME.request(whole)
    assert request is not None
    for time, done in [(START - 1_000_000, True), (START, False)]:
        page = Page(read(PAIR_ROW | {"create_time_ms": str(time // 1_000_000)}).trades, full=True)
        assert (BY_TIME.further(whole, request, page) is None) is done


def test_a_page_that_is_all_damaged_is_passed_over() -> None:
    whole = span(before=Mark("5", START, "5"))
    request = BY_TIME.request(whole)
    assert request is not None
    following = BY_TIME.further(whole, request, Page((), 1000, full=True))
    assert following is not None
    assert query(following.path)["page"] == "2"


@SOURCES
def test_what_is_too_far_to_be_skipped_to_is_asked_for_by_an_earlier_end(source: Source, of: Instrument) -> None:
    whole = span(of=of, start=0, end=START)
    request = source.request(whole)
    row: dict[str, Any] = PAIR_ROW if of is BTC else ROW
    page = Page(source.read(frame([row]), of, RECEIVED).trades, full=True)
    older = Page([page.trades[0]._replace(time=START - 60 * SECOND)], full=True)
    for _ in range(100):
        assert request is not None
        request = source.further(whole, request, older)
    assert request is not None
    last = query(request.path)
    assert (last.get("page"), last.get("offset")) in {("101", None), (None, "100000")}
    following = source.further(whole, request, older)
    assert following is not None
    again = query(following.path)
    assert (again.get("page"), again.get("offset")) in {("1", None), (None, "0")}
    assert int(last["to"]) - int(again["to"]) == 60
    # A page that doesn't lead on ends it, and so does one that nothing can be read of.
    assert source.further(whole, request, page) is None
    assert source.further(whole, request, Page((), 1000, full=True)) is None


@settings(max_examples=20)  # hundreds of pages each
@given(st.lists(st.integers(-3, 3), max_size=300))
def test_paging_ends_whatever_the_pages_hold(times: list[int]) -> None:
    for source, of, row in ((BY_TIME, BTC, PAIR_ROW), (BY_TIME_F, CONTRACT, ROW)):
        whole = span(of=of)
        [trade] = source.read(frame([row]), of, RECEIVED).trades
        request, count = source.request(whole), 0
        while request is not None:
            pages = [Page([trade._replace(time=trade.time + shift * SECOND)], full=True) for shift in times or [0]]
            request = source.further(whole, request, pages[count % len(pages)])
            count += 1
        assert count <= 101 * 8
