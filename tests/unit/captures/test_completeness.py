"""What a capture lacks is told with its reason, by the records of those who collected."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from metdc_collector.backfill.proof import Proof
from metdc_collector.captures.completeness import Evidence, Judgement, Lack, Missing, Stream, judge, proven
from metdc_collector.captures.order import Order
from metdc_collector.wire.gap import Edge, Gap
from metdc_collector.wire.instrument import Instrument
from tests.unit.captures.made import AT, BINANCE, BYBIT, ORDER, SECOND

SOMI = Instrument("binance", "spot", "SOMIUSDT", "SOMI", "USDT")
SPOT = ("binance", "spot")
LATER = ORDER.end + 3 * SECOND
LONG_AFTER = ORDER.end + 900 * SECOND
STREAM = Stream("TRADES_BINANCE", ["trades.binance.>"], 0)
PROOF = Proof("binance-spot-0-a", AT - 3_600 * SECOND, LATER, LATER, frozenset({"SOMIUSDT", "BTCUSDT"}))
GAP = Gap(
    exchange="binance",
    market="spot",
    base="SOMI",
    quote="USDT",
    instrument="SOMIUSDT",
    before=Edge("10", AT + 3 * SECOND),
    after=Edge("15", AT + 5 * SECOND),
    start=AT + 3 * SECOND,
    end=AT + 5 * SECOND,
    cause="disconnected",
    state="open",
    at=AT + 6 * SECOND,
    first_missing="11",
    last_missing="14",
    missing=4,
    filled=0,
)


def evidence(**other: Any) -> Evidence:
    """A market that lists and collects the coin, and has proven the window."""
    plain: dict[str, Any] = {
        "streams": [STREAM],
        "changes": [(AT - 3_600 * SECOND, SOMI)],
        "listed": {SPOT: [SOMI]},
        "proofs": {SPOT: [PROOF]},
    }
    return Evidence(**plain | other)


def judged(known: Evidence, *, traded: bool = True, earlier: bool = True, now: int = LATER) -> Judgement:
    return judge(ORDER, known, {BINANCE: earlier} if traded else {}, now)


def lacks(known: Evidence, **other: Any) -> Sequence[Lack]:
    return judged(known, **other).markets[BINANCE]


def missing(known: Evidence, **other: Any) -> Sequence[Missing]:
    return judged(known, **other).missing


def test_what_is_proven_without_a_gap_is_whole_and_final_at_once() -> None:
    assert judged(evidence()) == Judgement({BINANCE: []}, [], "Final")


def test_an_instrument_that_was_collected_and_traded_nothing_is_whole_too() -> None:
    assert judged(evidence(), traded=False).markets == {BINANCE: []}


# -- gaps


def test_an_open_gap_in_the_window_makes_it_provisional() -> None:
    found = judged(evidence(gaps=[GAP]))
    (lack,) = found.markets[BINANCE]
    assert lack == Lack(
        "gap", AT + 3 * SECOND, AT + 5 * SECOND, "4 trades may be missing (disconnected): open", open=True
    )
    assert found.state == "Provisional"


def test_after_15_minutes_it_is_final_with_its_open_gap() -> None:
    found = judged(evidence(gaps=[GAP]), now=LONG_AFTER)
    assert (found.state, len(found.markets[BINANCE])) == ("Final", 1)
    assert judged(evidence(gaps=[GAP]), now=LONG_AFTER - 1).state == "Provisional"


@pytest.mark.parametrize(("state", "count"), [("filled", 0), ("empty", 0), ("partial", 1), ("unfillable", 1)])
def test_a_settled_gap_is_final_and_lacks_what_was_not_found(state: Any, count: int) -> None:
    found = judged(evidence(gaps=[replace(GAP, state=state)]))
    assert (found.state, len(found.markets[BINANCE])) == ("Final", count)


@pytest.mark.parametrize(("start", "end", "inside"), [(-90, -20, 0), (-90, -19, 1), (19, 90, 1), (20, 90, 0)])
def test_of_a_gap_the_part_within_the_window_counts(start: int, end: int, inside: int) -> None:
    found = lacks(evidence(gaps=[replace(GAP, start=AT + start * SECOND, end=AT + end * SECOND)]))
    assert len(found) == inside
    assert all(ORDER.start <= lack.start < lack.end <= ORDER.end for lack in found)


def test_where_numbers_do_not_count_a_gap_may_be_2_s_wider() -> None:
    found = lacks(evidence(gaps=[replace(GAP, first_missing=None, missing=None)]))
    assert [(one.start, one.end) for one in found] == [(AT + SECOND, AT + 7 * SECOND)]
    assert found[0].text == "trades may be missing (disconnected): open"


def test_a_gap_of_another_instrument_is_not_this_one_s() -> None:
    other = replace(GAP, instrument="SOMIUSDC", quote="USDC")
    found = judged(evidence(gaps=[other])).markets
    assert found[BINANCE] == []
    assert [market.symbol for market in found] == ["SOMI-USDC", "SOMI-USDT"]


# -- proofs


@pytest.mark.parametrize(("until", "begins"), [(5, 4), (-90, -20), (20, 19), (20.5, 19.5)])
def test_time_that_no_collector_has_proven_is_lacking_from_a_second_before(until: float, begins: float) -> None:
    down = replace(PROOF, at=AT + int(until * SECOND))
    (lack,) = lacks(evidence(proofs={SPOT: [down]}))
    assert (lack.reason, lack.start, lack.end) == ("not_proven", AT + int(begins * SECOND), ORDER.end)
    assert lack.open


def test_a_collector_that_still_looks_for_a_hole_proves_nothing_behind_it() -> None:
    looking = replace(PROOF, exceptions={"SOMIUSDT": AT})
    assert judged(evidence(proofs={SPOT: [looking]})).state == "Provisional"
    assert lacks(evidence(proofs={SPOT: [replace(PROOF, exceptions={"BTCUSDT": AT})]})) == []


def test_a_later_process_vouches_for_what_an_earlier_one_left() -> None:
    earlier = replace(PROOF, pod="a", at=AT)
    later = replace(PROOF, pod="b", since=AT + 2 * SECOND)
    assert lacks(evidence(proofs={SPOT: [earlier, later]})) == []


def test_without_any_proof_the_whole_window_is_unproven_and_final_after_15_minutes() -> None:
    found = judged(evidence(proofs={}), now=LONG_AFTER)
    assert [(one.start, one.end, one.open) for one in found.markets[BINANCE]] == [(ORDER.start, ORDER.end, False)]
    assert found.state == "Final"


def test_all_is_proven_once_each_market_that_collects_the_coin_has_seen_a_second_more() -> None:
    assert proven(ORDER, evidence())
    assert proven(ORDER, evidence(proofs={SPOT: [replace(PROOF, at=ORDER.end + SECOND)]}))
    assert not proven(ORDER, evidence(proofs={SPOT: [replace(PROOF, at=ORDER.end + SECOND - 1)]}))


def test_a_market_that_does_not_collect_the_coin_is_not_waited_for() -> None:
    other = replace(PROOF, at=AT, names=frozenset({"BTCUSDT"}))
    assert proven(ORDER, evidence(proofs={SPOT: [other]}))
    assert proven(Order("SOMI", AT, markets=("okx",)), evidence(proofs={SPOT: [replace(PROOF, at=AT)]}))


# -- streams


def test_a_stream_that_begins_in_the_window_lacks_what_was_before() -> None:
    found = lacks(evidence(streams=[STREAM._replace(oldest=AT)]), earlier=False)
    assert found == [Lack("not_stored", ORDER.start, AT, "the stream holds nothing that was stored then", open=False)]


def test_a_trade_from_before_the_window_shows_that_the_stream_reaches_back() -> None:
    assert lacks(evidence(streams=[STREAM._replace(oldest=AT)]), earlier=True) == []


def test_a_market_whose_stream_begins_after_the_window_is_missing() -> None:
    found = judged(evidence(streams=[STREAM._replace(oldest=ORDER.end)]), traded=False)
    assert found.markets == {}
    assert found.missing == [
        Missing("binance", "spot", "not_stored", "TRADES_BINANCE holds nothing that was stored then")
    ]


def test_of_two_streams_the_one_that_reaches_further_back_counts() -> None:
    streams = [STREAM._replace(oldest=AT), Stream("MINE", ["trades.binance.spot.>"], 1)]
    assert lacks(evidence(streams=streams), earlier=False) == []


def test_streams_of_other_exchanges_say_nothing() -> None:
    assert lacks(evidence(streams=[Stream("TRADES_OKX", ["trades.okx.>"], AT)]), earlier=False) == []


# -- listings


def test_a_market_that_does_not_list_the_coin_is_missing_with_that_reason() -> None:
    found = missing(evidence(listed={SPOT: [SOMI], ("okx", "spot"): []}))
    assert found == [Missing("okx", "spot", "not_listed", "SOMI was not listed there at that time")]


def test_a_market_that_lists_it_in_a_quote_nobody_collects_is_told_so() -> None:
    other = Instrument("okx", "spot", "SOMI-EUR", "SOMI", "EUR")
    found = missing(evidence(listed={SPOT: [SOMI], ("okx", "spot"): [other]}))
    assert found == [Missing("okx", "spot", "not_collected", "SOMI-EUR is listed, and no collector takes it")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"listed": ORDER.end}, "not_listed"),
        ({"delisted": ORDER.start}, "not_listed"),
        ({"status": "delisted"}, "not_listed"),
    ],
)
def test_what_was_listed_after_or_delisted_before_the_window_is_missing(change: dict[str, Any], reason: str) -> None:
    known = replace(SOMI, **change)
    found = judged(evidence(changes=[(AT - 3_600 * SECOND, known)], listed={SPOT: []}), traded=False)
    assert (found.markets, [one.reason for one in found.missing]) == ({}, [reason])


def test_what_was_delisted_after_the_window_was_listed_in_it() -> None:
    changes = [(AT - 3_600 * SECOND, SOMI), (AT + 60 * SECOND, replace(SOMI, status="delisted"))]
    assert judged(evidence(changes=changes, listed={SPOT: []}), traded=False).markets == {BINANCE: []}


def test_a_record_of_another_market_s_instrument_of_that_name_says_nothing() -> None:
    namesake = Instrument("bybit", "spot", "SOMIUSDT", "SOMI", "USDT", status="delisted")
    found = judged(evidence(changes=[(1, SOMI), (2, namesake)]), traded=False)
    assert list(found.markets) == [BINANCE]


def test_what_trades_was_listed_whatever_the_records_say() -> None:
    late = replace(SOMI, listed=ORDER.end)
    assert list(judged(evidence(changes=[(1, late)], listed={SPOT: [late]})).markets) == [BINANCE]


def test_what_was_listed_in_the_window_lacks_the_time_before() -> None:
    fresh = replace(SOMI, listed=AT)
    found = lacks(evidence(listed={SPOT: [fresh]}), earlier=False)
    assert found == [Lack("not_listed", ORDER.start, AT, "it was not listed yet", open=False)]


def test_what_somebody_collects_since_the_window_lacks_the_time_before() -> None:
    found = lacks(evidence(changes=[(AT, SOMI), (AT + 9, SOMI)]), earlier=False)
    assert found == [Lack("collected_since", ORDER.start, AT, "no collector took it yet", open=False)]
    assert lacks(evidence(changes=[(AT, SOMI)]), earlier=True) == []
    assert lacks(evidence(changes=[]), earlier=False) == []


def test_only_the_markets_that_are_asked_for_are_judged() -> None:
    known = evidence(listed={SPOT: [SOMI], ("okx", "spot"): []}, gaps=[GAP])
    found = judge(Order("SOMI", AT, markets=("bybit",)), known, {BYBIT: True}, LATER)
    assert (list(found.markets), found.missing) == ([BYBIT], [])


def test_of_the_missing_markets_those_are_told_that_are_asked_for() -> None:
    nowhere = {(exchange, "spot"): () for exchange in ("gate", "kucoin", "okx")}
    found = judge(
        Order("SOMI", AT, markets=("gate", "okx")), evidence(listed=nowhere, proofs={}, changes=[]), {}, LATER
    )
    assert [one.exchange for one in found.missing] == ["gate", "okx"]
