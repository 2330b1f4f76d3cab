"""Holes, and what pages of past trades prove of them."""

import pytest

from metdc_collector.backfill.holes import MARGIN, Evidence, Hole, beside
from metdc_collector.exchanges.history import Mark, Page
from tests.unit.collector.backfill.pages import MS, counted, mark, page, seen, timed, uuid
from tests.unit.collector.made import BTC, MOMENT, SECOND, aggregate, trade

# -- holes


def test_numbers_between_two_trades_are_counted() -> None:
    hole = counted(5, 9)
    assert (hole.counted, hole.count) == (True, 3)
    assert [hole.has(order) for order in (5, 6, 8, 9)] == [False, True, True, False]
    assert counted(0, 2).counted


def test_a_time_is_not_counted() -> None:
    hole = timed(10, 20, before=mark(5))
    assert (hole.counted, hole.count, hole.has(6)) == (False, 0, False)


def test_trades_in_the_wrong_order_leave_no_number_between() -> None:
    assert counted(9, 5).count == 0


def test_the_edges_of_what_is_missing_exclude_what_is_there() -> None:
    assert counted(5, 12).edges({6, 7, 9, 11}) == (8, 10)


def test_a_span_shows_the_trades_at_its_edges_and_a_margin_of_time() -> None:
    span = counted(5, 9).span
    assert (span.before, span.after) == (Mark("4", mark(5).time, "4"), Mark("10", mark(9).time, "10"))
    assert (span.start, span.end) == (mark(5).time - MARGIN, mark(9).time + MARGIN)


def test_a_span_shows_them_also_where_the_id_is_not_the_number() -> None:
    hole = Hole(BTC, Mark("agg:5", MOMENT, "5"), Mark("900", MOMENT, "9"), MOMENT, MOMENT, "omitted", MOMENT)
    assert (hole.span.before, hole.span.after) == (Mark("agg:5", MOMENT, "4"), Mark("900", MOMENT, "10"))


def test_no_number_is_below_zero() -> None:
    assert counted(0, 2).span.before == Mark("0", MOMENT, "0")


def test_the_span_of_a_time_keeps_its_edges() -> None:
    before = Mark("x-1", MOMENT)
    assert timed(10, 20, before).span.before == before
    assert timed(10, 20).span.before is None


@pytest.mark.parametrize(("number", "side"), [(4, -1), (5, -1), (6, 0), (8, 0), (9, 1), (10, 1)])
def test_where_numbers_count_they_say_where_a_trade_lies(number: int, side: int) -> None:
    assert counted(5, 9).side(trade(number, at=5 * SECOND)) == side


@pytest.mark.parametrize(("at", "side"), [(7.9, -1), (8, 0), (10, 0), (20, 0), (22, 0), (22.1, 1)])
def test_elsewhere_the_time_does_with_a_margin(at: float, side: int) -> None:
    assert timed(10, 20).side(uuid("a", at)) == side


def test_a_known_trade_at_the_edge_lies_outside_whatever_its_time() -> None:
    before, after = uuid("a", 10), uuid("b", 20)
    hole = Hole(
        BTC, Mark(before.id, before.time), Mark(after.id, after.time), before.time, after.time, "omitted", MOMENT
    )
    assert [hole.side(before), hole.side(uuid("c", 10)), hole.side(after)] == [-1, 0, 1]


def test_a_number_before_the_hole_counts_also_where_there_is_none_behind() -> None:
    hole = timed(10, 20, before=mark(5, 9 * SECOND))
    assert [hole.side(trade(number, at=15 * SECOND)) for number in (5, 6)] == [-1, 0]
    assert hole.side(trade(7, at=23 * SECOND)) == 1


def test_a_lower_number_that_is_newer_by_far_is_of_a_new_series() -> None:
    hole = timed(100, 200, before=mark(500, 99 * SECOND))
    assert [hole.side(trade(1, at=at * SECOND)) for at in (99, 109, 150, 203)] == [-1, -1, 0, 1]
    assert timed(10, 20, before=mark(0)).side(trade(0)) == -1


@pytest.mark.parametrize(("number", "at", "ended"), [(2, 20, False), (2, 20.1, True), (1, 20.1, False)])
def test_a_later_trade_tells_that_a_hole_has_ended_unless_it_lies_before_it(
    number: int, at: float, *, ended: bool
) -> None:
    hole = timed(10, 20, mark(1, 9 * SECOND))
    assert hole.ended_before(mark(number, round(at * SECOND))) is ended
    assert timed(10, 20).ended_before(mark(number, round(at * SECOND))) is (at > 20)


def test_an_aggregate_lies_where_its_fills_lie() -> None:
    hole = counted(5, 9)
    aggregates = [aggregate(1, 4, 5), aggregate(2, 5, 6), aggregate(3, 6, 8), aggregate(4, 8, 9), aggregate(5, 9, 9)]
    assert [hole.side(each) for each in aggregates] == [-1, -1, 0, 1, 1]


def test_between_aggregates_their_own_numbers_count() -> None:
    hole = Hole(BTC, mark("agg:5", 0), mark("agg:8", 0), MOMENT, MOMENT, "omitted", MOMENT)
    assert hole.joined
    assert [hole.side(aggregate(number, 90, 91)) for number in (5, 6, 7, 8)] == [-1, 0, 0, 1]


@pytest.mark.parametrize(("number", "reached"), [(5, False), (6, True), (8, True), (9, True), (10, False)])
def test_a_hole_reaches_to_its_last_edge(number: int, *, reached: bool) -> None:
    assert counted(5, 9).reaches(number) is reached
    assert not timed(10, 20).reaches(number)


def test_beside_a_number_there_is_another_and_beside_an_id_that_is_none_nothing() -> None:
    assert beside(Mark("5", 7, "5"), 1) == Mark("6", 7, "6")
    assert beside(Mark("900", 7, "5"), 1) is None
    assert beside(Mark("x", 7), -1) is None


# -- evidence


def test_nothing_is_proven_before_anybody_is_asked() -> None:
    evidence = Evidence(counted(5, 9))
    assert (evidence.asked, evidence.high, evidence.complete, evidence.whole) == (False, False, False, False)


def test_all_numbers_found_are_a_whole() -> None:
    evidence = Evidence(counted(5, 9))
    evidence.begin()
    assert [each.id for each in evidence.take(page(6, 7, 8))] == ["6", "7", "8"]
    assert (evidence.asked, evidence.whole, evidence.complete, evidence.filled) == (True, True, True, 3)


def test_what_the_stream_holds_is_not_found_again() -> None:
    evidence = seen(counted(5, 9), stored=["5", "7", "9", "agg:6"])
    assert [each.id for each in evidence.take(page(6, 7, 8))] == ["6", "8"]
    assert evidence.whole


def test_all_numbers_stored_are_a_whole() -> None:
    assert seen(counted(5, 9), stored=["6", "7", "8"]).whole
    assert not seen(counted(5, 9), stored=["6", "8"]).whole


@pytest.mark.parametrize(
    ("stored", "edges"),
    [
        ([], ("5", "9")),
        (["6", "7", "8"], ("5", "9")),  # nothing is left
        (["6"], ("6", "9")),
        (["8"], ("5", "8")),
        (["7"], ("5", "9")),
        (["6", "8"], ("6", "8")),
    ],
)
def test_what_is_left_lies_between_the_numbers_that_are_stored(stored: list[str], edges: tuple[str, str]) -> None:
    left = seen(counted(5, 9), stored=stored).left
    assert left.before is not None
    assert left.after is not None
    assert ((left.before.id, left.after.id), (left.start, left.end)) == (edges, (left.before.time, left.after.time))


def test_of_a_time_everything_is_left() -> None:
    assert seen(timed(10, 20, mark(5)), stored=["6"]).left == timed(10, 20, mark(5))


def test_between_aggregates_what_is_left_lies_between_aggregates() -> None:
    hole = Hole(BTC, mark("agg:5", 0), mark("agg:8", 0), MOMENT, MOMENT, "omitted", MOMENT)
    left = seen(hole, stored=["agg:6"]).left
    assert left.before is not None
    assert (left.before.id, left.before.seq) == ("agg:6", "6")


def test_what_was_given_out_is_not_given_out_again() -> None:
    evidence = seen(counted(5, 9), page(6, 7))
    assert [each.id for each in evidence.take(page(7, 8))] == ["8"]
    assert evidence.filled == 3


def test_ids_that_are_no_ordering_numbers_say_nothing_of_these() -> None:
    hole = Hole(BTC, Mark("900", MOMENT, "5"), Mark("950", MOMENT, "9"), MOMENT, MOMENT, "omitted", MOMENT)
    assert not seen(hole, stored=["6", "7", "8"]).whole


def test_a_row_without_a_number_is_none_of_the_numbers() -> None:
    evidence = seen(counted(5, 7), page(trade("x-1", at=6 * MS)))
    assert not evidence.whole


def test_rows_over_both_edges_prove_that_absent_numbers_are_not_public() -> None:
    evidence = seen(counted(5, 9), page(5, 7, 9))
    assert evidence.complete
    assert not evidence.whole


def test_rows_over_one_edge_prove_nothing_of_the_other() -> None:
    assert not seen(counted(5, 9), page(5, 7)).complete
    upper = seen(counted(5, 9), page(7, 9))
    assert (upper.complete, upper.high) == (False, True)


def test_a_source_that_has_nothing_older_reaches_back_to_the_beginning() -> None:
    evidence = seen(counted(5, 9), page(7, 9))
    evidence.bottom()
    assert evidence.complete


def test_a_source_that_surely_shows_the_end_reaches_on_to_it() -> None:
    evidence = seen(counted(5, 9), page(5, 7))
    evidence.top()
    assert evidence.complete


def test_a_damaged_row_may_be_any_that_is_missing() -> None:
    assert not seen(counted(5, 9), page(5, 7, 9, damaged=1)).complete
    assert seen(counted(5, 9), page(5, 6, 7, 8, 9, damaged=1)).complete


def test_a_damaged_row_of_one_source_takes_nothing_from_another() -> None:
    evidence = seen(counted(5, 9), page(5, 7, damaged=1))
    evidence.begin()
    evidence.take(page(5, 7, 9))
    assert evidence.complete


def test_pages_of_two_sources_are_no_overlap() -> None:
    evidence = seen(counted(5, 20), page(5, 6))
    evidence.begin()
    evidence.take(page(18, 20))
    assert not evidence.complete


def test_pages_of_two_sources_that_overlap_in_time_are_one() -> None:
    evidence = seen(timed(10, 20), page(uuid("a", 5), uuid("b", 15)))
    evidence.begin()
    evidence.take(page(uuid("c", 14), uuid("d", 23)))
    assert evidence.complete


def test_pages_that_touch_in_one_moment_may_miss_another_trade_of_it() -> None:
    evidence = seen(timed(10, 20), page(uuid("a", 5), uuid("b", 15)))
    evidence.begin()
    evidence.take(page(uuid("c", 15), uuid("d", 23)))
    assert not evidence.complete


# -- verdicts


def test_the_record_of_a_hole_that_is_looked_for_tells_what_is_missing() -> None:
    gap = Evidence(counted(5, 9)).verdict(MOMENT + 7, "open")
    assert (gap.identity, gap.state, gap.at, gap.cause) == ("BTCUSDT:5", "open", MOMENT + 7, "omitted")
    assert (gap.start, gap.end) == (mark(5).time, mark(9).time)
    assert (gap.first_missing, gap.last_missing, gap.missing, gap.filled) == ("6", "8", 3, 0)
    assert (gap.before.id if gap.before else None, gap.after.id if gap.after else None) == ("5", "9")


def test_a_hole_that_was_closed_is_filled() -> None:
    gap = seen(counted(5, 9), page(5, 6, 8, 9)).verdict(MOMENT)
    assert (gap.state, gap.missing, gap.filled, gap.first_missing) == ("filled", 2, 2, None)


def test_a_hole_in_which_nothing_was_traded_is_empty() -> None:
    gap = seen(counted(5, 9), page(5, 9)).verdict(MOMENT)
    assert (gap.state, gap.missing, gap.filled) == ("empty", 0, 0)


def test_a_hole_of_which_nothing_was_had_is_unfillable() -> None:
    gap = seen(counted(5, 9), page(9)).verdict(MOMENT)
    assert (gap.state, gap.missing, gap.first_missing, gap.last_missing) == ("unfillable", 3, "6", "8")


def test_a_hole_that_was_closed_in_part_names_the_rest() -> None:
    gap = seen(counted(5, 12), page(8, 11, 12), stored=["6"]).verdict(MOMENT)
    assert (gap.state, gap.filled, gap.first_missing, gap.last_missing, gap.missing) == ("partial", 2, "7", "10", 5)


def test_of_a_hole_that_is_not_counted_the_number_missing_is_not_known() -> None:
    gap = seen(timed(10, 20), page(uuid("a", 15))).verdict(MOMENT)
    assert (gap.state, gap.missing, gap.filled, gap.first_missing, gap.before) == ("partial", None, 1, None, None)


def test_what_pages_reach_from_the_end_back_is_proven() -> None:
    gap = seen(timed(10, 20), page(uuid("a", 15), uuid("b", 23))).verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 10 * SECOND, MOMENT + 15 * SECOND)


def test_what_pages_reach_from_the_beginning_on_is_proven() -> None:
    gap = seen(timed(10, 20), page(uuid("a", 5), uuid("b", 15))).verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 15 * SECOND, MOMENT + 20 * SECOND)


@pytest.mark.parametrize(
    "rows",
    [
        page(uuid("a", 15)),
        page(uuid("b", 23)),
        page(uuid("a", 5)),
        page(uuid("a", 5), uuid("b", 15), damaged=1),
        page(uuid("a", 15), uuid("b", 23), damaged=1),
    ],
)
def test_pages_that_reach_nowhere_or_are_damaged_prove_no_part(rows: Page) -> None:
    gap = seen(timed(10, 20), rows).verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 10 * SECOND, MOMENT + 20 * SECOND)


def test_pages_from_either_side_leave_what_is_between() -> None:
    evidence = seen(timed(10, 20), page(uuid("a", 5), uuid("b", 13)))
    evidence.begin()
    evidence.take(page(uuid("c", 17), uuid("d", 23)))
    gap = evidence.verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 13 * SECOND, MOMENT + 17 * SECOND)


@pytest.mark.parametrize("at", [8, 22])
def test_a_row_within_the_margin_does_not_move_an_edge_outwards(at: int) -> None:
    outside = uuid("z", 23) if at > 20 else uuid("z", 5)
    rows = [uuid("a", at), outside] if at > 20 else [outside, uuid("a", at)]
    gap = seen(timed(10, 20), page(*rows)).verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 10 * SECOND, MOMENT + 20 * SECOND)


def test_with_divided_aggregates_no_part_is_proven() -> None:
    rows = page(aggregate(1, 5, 6, at=9 * SECOND), aggregate(2, 7, 8, at=15 * SECOND))
    gap = seen(timed(10, 20, mark(5)), rows).verdict(MOMENT)
    assert (gap.start, gap.end) == (MOMENT + 10 * SECOND, MOMENT + 20 * SECOND)
