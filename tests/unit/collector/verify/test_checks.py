"""Each assumption is held, broken or not seen by what was observed; nothing seen never counts as held."""

from collections import deque
from dataclasses import replace

import pytest

from metdc_collector.exchanges.base import Kind, Parsed, Refusal
from metdc_collector.exchanges.registry import MARKETS
from metdc_collector.verify import checks
from metdc_collector.verify.assumed import ASSUMED, Answer, Assumed, Cut, Opening, Rows
from metdc_collector.verify.checks import Result, Seen, Verdict
from metdc_collector.verify.heard import Heard
from tests.unit.collector.made import MOMENT, SECOND
from tests.unit.collector.verify.made import (
    ASKED,
    MS,
    NAME,
    RHYTHM,
    STRANGER,
    UNTIL,
    at,
    frame,
    heard,
    live,
    other,
    raw,
    seen,
)

PLAIN = Assumed(instruments=2)
HELD, BROKEN, NOT_SEEN = Verdict.HELD, Verdict.BROKEN, Verdict.NOT_SEEN


def verdict(result: Result | None) -> Verdict:
    assert result is not None
    return result.verdict


def test_there_are_assumptions_about_every_market() -> None:
    assert ASSUMED.keys() == {(exchange, market) for exchange, markets in MARKETS.items() for market in markets}


def test_of_a_market_that_was_not_reached_nothing_counts_as_held() -> None:
    assert {result.verdict for result in checks.judge(PLAIN, Seen(RHYTHM))} == {NOT_SEEN}


def test_a_market_in_which_all_is_as_assumed_has_nothing_broken() -> None:
    results = checks.judge(PLAIN, seen(heard(*live()), heard(*live())))
    assert {result.verdict for result in results} == {HELD, NOT_SEEN}


# -- REST


@pytest.mark.parametrize(
    ("trading", "damaged", "expected"),
    [(None, [], NOT_SEEN), (3, [], HELD), (2, [], BROKEN), (3, ["row 7: it is no object"], BROKEN)],
)
def test_the_list_is_long_enough_and_read_whole(trading: int | None, damaged: list[str], expected: Verdict) -> None:
    assert checks.instrument_list(PLAIN, Seen(RHYTHM, trading=trading, damaged=damaged)).verdict is expected


@pytest.mark.parametrize(("replies", "without", "expected"), [(0, 0, NOT_SEEN), (2, 0, HELD), (2, 1, BROKEN)])
def test_each_reply_has_the_header(replies: int, without: int, expected: Verdict) -> None:
    assumed = replace(PLAIN, header="x-left")
    found = checks.limit_headers(assumed, Seen(RHYTHM, replies=replies, without_header=without))
    assert verdict(found) is expected


def test_of_a_venue_that_has_no_such_header_none_is_expected() -> None:
    assert checks.limit_headers(PLAIN, Seen(RHYTHM, replies=1)) is None


@pytest.mark.parametrize(
    ("replies", "stops", "expected"), [(0, [], NOT_SEEN), (2, [], HELD), (2, [429], BROKEN), (0, [418], BROKEN)]
)
def test_a_refusal_breaks_what_we_think_of_limits(replies: int, stops: list[int], expected: Verdict) -> None:
    assert checks.within_limits(PLAIN, Seen(RHYTHM, replies=replies, stops=stops)).verdict is expected


# -- the connections' manners


def test_connections_that_last_hold() -> None:
    assert checks.lasting(PLAIN, seen(heard(), heard())).verdict is HELD


def test_a_connection_that_ends_by_itself_is_told_with_its_reason() -> None:
    ended = heard()
    ended.ended = "closed by the venue: 1008"
    result = checks.lasting(PLAIN, seen(heard(), ended))
    assert (result.verdict, result.observed) == (BROKEN, "closed by the venue: 1008")


def test_a_connection_that_never_opened_is_not_seen_and_says_why() -> None:
    never = Heard(digit=MS, consecutive=True, ended="HTTP 451: refuses this region")
    result = checks.lasting(PLAIN, seen(never))
    assert (result.verdict, result.observed) == (NOT_SEEN, "HTTP 451: refuses this region")


def test_each_subscription_is_acknowledged() -> None:
    assert checks.acknowledgements(PLAIN, seen(heard())).verdict is HELD


def test_a_subscription_that_is_answered_late_is_broken() -> None:
    late = heard()
    late.acknowledged[NAME] = ASKED + 11 * SECOND
    result = checks.acknowledgements(PLAIN, seen(late))
    assert (result.verdict, result.observed) == (BROKEN, "0 of 1, the slowest in 11.00 s")


def test_a_subscription_that_is_refused_is_told_with_its_reason() -> None:
    refused = heard()
    refused.acknowledged.clear()
    refused.take(b"{}", Parsed(Kind.CONTROL, refused=[Refusal(NAME, "no")]), UNTIL)
    result = checks.acknowledgements(PLAIN, seen(refused))
    assert result.verdict is BROKEN
    assert result.observed.endswith("refused BTCUSDT: no")


def stranger(parsed: Parsed | None) -> Seen:
    one = Heard(digit=MS, consecutive=True)
    one.ask([STRANGER.name], ASKED)
    if parsed is not None:
        one.take(b"{}", parsed, UNTIL)
    return Seen(RHYTHM, stranger=one, stranger_name=STRANGER.name)


ACCEPTING = Parsed(Kind.CONTROL, acknowledged=[STRANGER.name])
REFUSING = Parsed(Kind.CONTROL, refused=[Refusal(STRANGER.name, "no such symbol")])


@pytest.mark.parametrize(
    ("assumed", "answer", "expected"),
    [
        (Answer.REFUSED, REFUSING, HELD),
        (Answer.REFUSED, ACCEPTING, BROKEN),
        (Answer.REFUSED, None, BROKEN),
        (Answer.ACCEPTED, ACCEPTING, HELD),
        (Answer.ACCEPTED, REFUSING, BROKEN),
        (Answer.ACCEPTED, None, BROKEN),
    ],
)
def test_an_unknown_instrument_is_answered_as_assumed(
    assumed: Answer, answer: Parsed | None, expected: Verdict
) -> None:
    assert checks.unknown_instrument(replace(PLAIN, unknown=assumed), stranger(answer)).verdict is expected


def test_an_unknown_instrument_that_trades_is_not_unknown_to_the_venue() -> None:
    trading = stranger(ACCEPTING)
    assert trading.stranger is not None
    trading.stranger.take(b"{}", frame(at(1, 1)), UNTIL)
    result = checks.unknown_instrument(replace(PLAIN, unknown=Answer.ACCEPTED), trading)
    assert (result.verdict, result.observed) == (BROKEN, "NOSUCHCOINUSDT: acknowledged, and it trades")


def test_an_unknown_instrument_that_was_not_asked_for_is_not_seen() -> None:
    unasked = Seen(RHYTHM, stranger=Heard(digit=MS, consecutive=True), stranger_name=STRANGER.name)
    assert checks.unknown_instrument(PLAIN, unasked).verdict is NOT_SEEN


@pytest.mark.parametrize(
    ("answers", "waiting", "expected"),
    [
        ([], [], NOT_SEEN),
        ([SECOND], [], HELD),
        ([SECOND], [UNTIL - SECOND], HELD),
        ([SECOND], [UNTIL - 6 * SECOND], BROKEN),
        ([6 * SECOND], [], BROKEN),
    ],
    ids=["none sent", "answered", "one just sent", "one lost", "one late"],
)
def test_heartbeats_are_answered(answers: list[int], waiting: list[int], expected: Verdict) -> None:
    one = heard()
    one.answers, one.beats = answers, deque(waiting)
    assert verdict(checks.heartbeats(PLAIN, seen(one))) is expected


def test_where_the_venue_pings_no_heartbeat_of_ours_is_expected() -> None:
    assert checks.heartbeats(PLAIN, replace(seen(heard()), rhythm=replace(RHYTHM, heartbeat=None))) is None


CUT = replace(PLAIN, cut=Cut(4004, 30))


@pytest.mark.parametrize(
    ("code", "lasted", "expected"),
    [(4004, 30.0, HELD), (1001, 30.0, BROKEN), (None, 30.0, BROKEN), (4004, 1.0, BROKEN)],
    ids=["as assumed", "another code", "no code", "before a heartbeat was due"],
)
def test_a_silent_client_is_cut_as_assumed(code: int | None, lasted: float, expected: Verdict) -> None:
    mute = Heard(digit=MS, consecutive=True, opened=ASKED, ended="closed", code=code, lasted=lasted)
    assert verdict(checks.silent_client(CUT, Seen(RHYTHM, mute=mute))) is expected


def test_a_silent_client_without_heartbeats_has_no_least_time() -> None:
    mute = Heard(digit=MS, consecutive=True, opened=ASKED, ended="closed", code=4004, lasted=0.1)
    assert verdict(checks.silent_client(CUT, Seen(replace(RHYTHM, heartbeat=None), mute=mute))) is HELD


def test_a_silent_client_that_still_lasts_is_not_seen() -> None:
    mute = Heard(digit=MS, consecutive=True, opened=ASKED)
    result = checks.silent_client(CUT, Seen(RHYTHM, mute=mute, until=UNTIL))
    assert result is not None
    assert (result.verdict, result.observed) == (NOT_SEEN, "lasts after 60 s")


def test_where_the_venue_pings_no_silent_client_is_cut() -> None:
    assert checks.silent_client(PLAIN, Seen(RHYTHM)) is None


# -- frames


@pytest.mark.parametrize(
    "parsed",
    [Parsed(Kind.MALFORMED, reason="bad"), Parsed(Kind.OTHER), Parsed(Kind.TRADE, out_of_scope=("ETHUSDT",))],
    ids=["damaged", "unknown", "not asked for"],
)
def test_a_frame_that_is_not_understood_is_named(parsed: Parsed) -> None:
    assert checks.understood(PLAIN, seen(heard(parsed))).verdict is BROKEN


def test_frames_of_every_connection_are_looked_at() -> None:
    odd = heard(Parsed(Kind.OTHER))
    assert checks.understood(PLAIN, Seen(RHYTHM, connections=[heard()], stranger=odd)).verdict is BROKEN


OLD = other(at(1, -60), received=ASKED)


@pytest.mark.parametrize(
    ("expected", "first", "result"),
    [
        (Opening.LIVE, frame(at(1, 5)), HELD),
        (Opening.LIVE, frame(OLD), BROKEN),
        (Opening.LIVE, frame(at(1, 5), replayed=True), BROKEN),
        (Opening.LAST, frame(OLD), HELD),
        (Opening.LAST, frame(OLD, OLD), BROKEN),
        (Opening.LAST, frame(at(1, 5)), BROKEN),
        (Opening.SNAPSHOT, frame(OLD, replayed=True), HELD),
        (Opening.SNAPSHOT, frame(at(1, 5)), BROKEN),
    ],
)
def test_what_comes_first_is_what_is_assumed(expected: Opening, first: Parsed, result: Verdict) -> None:
    assert checks.opening(replace(PLAIN, opening=expected), seen(heard(first))).verdict is result


def test_an_instrument_that_did_not_trade_says_nothing_of_what_comes_first() -> None:
    assert checks.opening(PLAIN, seen(heard())).verdict is NOT_SEEN


def rows(*, newest_first: bool = False, shuffled: bool = False) -> Seen:
    told = [at(1, 1), at(2, 2), at(3, 3)]
    one = heard()
    order = told[::-1] if newest_first else [told[1], told[0], told[2]] if shuffled else told
    one.take(raw(order), frame(*told), UNTIL)
    return seen(one)


@pytest.mark.parametrize(
    ("assumed", "frames", "expected"),
    [
        (Rows.OLDEST_FIRST, rows(), HELD),
        (Rows.OLDEST_FIRST, rows(newest_first=True), BROKEN),
        (Rows.OLDEST_FIRST, rows(shuffled=True), BROKEN),
        (Rows.NEWEST_FIRST, rows(newest_first=True), HELD),
        (Rows.NEWEST_FIRST, rows(), BROKEN),
        (Rows.ONE, rows(), BROKEN),
        (Rows.ONE, seen(heard(*live())), HELD),
        (Rows.OLDEST_FIRST, seen(heard(*live())), NOT_SEEN),
    ],
)
def test_rows_of_a_frame_stand_as_assumed(assumed: Rows, frames: Seen, expected: Verdict) -> None:
    assert checks.raw_order(replace(PLAIN, rows=assumed), frames).verdict is expected


# -- trades


def test_ids_come_once() -> None:
    assert checks.unique(PLAIN, seen(heard(*live()))).verdict is HELD
    assert checks.unique(PLAIN, seen(heard(frame(at(1, 1)), frame(at(1, 1))))).verdict is BROKEN


def test_consecutive_ids_step_by_one() -> None:
    held = checks.numbers(PLAIN, seen(heard(*live())))
    broken = checks.numbers(PLAIN, seen(heard(frame(at(1, 1)), frame(at(3, 3)))))
    assert (verdict(held), verdict(broken)) == (HELD, BROKEN)


def test_other_ids_never_go_back_where_they_are_ordered() -> None:
    back = seen(heard(frame(at(2, 1)), frame(at(1, 3)), consecutive=False))
    assert verdict(checks.numbers(PLAIN, back)) is BROKEN
    assert checks.numbers(replace(PLAIN, ordered=False), back) is None


def test_venues_without_numbers_have_no_step() -> None:
    assert checks.numbers(PLAIN, seen(heard(consecutive=False))) is None


def test_times_never_fall_where_they_are_ordered() -> None:
    back = seen(heard(frame(at(1, 3)), frame(at(2, 1))))
    assert verdict(checks.times(PLAIN, seen(heard(*live())))) is HELD
    assert verdict(checks.times(PLAIN, back)) is BROKEN
    assert checks.times(replace(PLAIN, ordered=False), back) is None


@pytest.mark.parametrize(("lag", "expected"), [(1, HELD), (6, BROKEN), (-6, BROKEN)])
def test_times_are_near_our_clock(lag: int, expected: Verdict) -> None:
    late = other(at(2, 20), received=MOMENT + (20 + lag) * SECOND)
    assert checks.clock(PLAIN, seen(heard(frame(at(1, 1)), frame(late)))).verdict is expected


@pytest.mark.parametrize(("sent", "expected"), [(20, HELD), (19, BROKEN)])
def test_trades_are_sent_after_they_happened(sent: int, expected: Verdict) -> None:
    told = other(at(2, 20), sent=MOMENT + sent * SECOND)
    assert verdict(checks.sending(PLAIN, seen(heard(frame(at(1, 1)), frame(told))))) is expected
