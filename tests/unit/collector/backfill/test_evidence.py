"""Evidence: what aggregates prove, and what no pages ever may."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.backfill.holes import Evidence, Hole
from metdc_collector.exchanges.history import Page
from metdc_collector.wire.trade import Trade
from tests.unit.collector.backfill.pages import counted, mark, page, seen, timed, uuid
from tests.unit.collector.made import BTC, MOMENT, SECOND, aggregate, trade

# -- aggregates


def test_an_aggregate_stands_for_its_fills() -> None:
    evidence = Evidence(counted(5, 9))
    evidence.begin()
    assert len(evidence.take(page(aggregate(1, 6, 8)))) == 1
    assert evidence.whole


@pytest.mark.parametrize("stored", ["6", "8"])
def test_an_aggregate_is_left_out_where_one_of_its_fills_is_stored(stored: str) -> None:
    evidence = seen(counted(5, 9), stored=[stored])
    assert evidence.take(page(5, aggregate(1, 6, 8), 9)) == []
    assert not evidence.complete  # its other fills are nowhere


def test_an_aggregate_is_left_out_where_one_of_its_fills_was_given_out() -> None:
    evidence = seen(counted(5, 9), page(8))
    evidence.begin()
    assert evidence.take(page(aggregate(1, 5, 5), aggregate(2, 6, 7), aggregate(3, 8, 8), aggregate(4, 9, 9))) != []
    assert evidence.complete
    assert evidence.filled == 2


@pytest.mark.parametrize("divided", [aggregate(1, 4, 6), aggregate(1, 8, 9)])
def test_fills_of_an_aggregate_over_the_edge_are_missing(divided: Trade) -> None:
    evidence = seen(counted(5, 9), page(4, divided, 10))
    assert not evidence.complete


def test_fills_of_an_aggregate_before_the_first_number_of_all_are_not_missing() -> None:
    assert seen(counted(0, 4), page(aggregate(1, 0, 2), 4), stored=["1", "2"]).complete
    assert not seen(counted(0, 4), page(aggregate(1, 0, 2), 4), stored=["1"]).complete


def test_an_aggregate_wholly_outside_takes_nothing_away() -> None:
    assert seen(counted(5, 9), page(aggregate(1, 3, 5), aggregate(2, 9, 12))).complete


def test_an_aggregate_outside_by_its_time_takes_nothing_away() -> None:
    outside = aggregate(1, 3, 5, at=5 * SECOND), aggregate(2, 8, 9, at=23 * SECOND)
    assert seen(timed(10, 20), page(*outside)).complete


def test_fills_of_an_aggregate_over_a_numbered_beginning_are_missing_though_the_end_is_a_time() -> None:
    evidence = seen(timed(10, 20, mark(5)), page(aggregate(1, 5, 6, at=9 * SECOND), uuid("z", 23)))
    assert not evidence.complete


def test_between_aggregates_fills_are_passed_over() -> None:
    hole = Hole(BTC, mark("agg:5", 0), mark("agg:8", 0), MOMENT, MOMENT, "omitted", MOMENT)
    evidence = Evidence(hole)
    evidence.begin()
    assert evidence.take(page(4, 6, 9)) == []
    assert not evidence.complete


def test_an_aggregate_behind_which_fills_were_streamed_is_left_out_where_these_are_stored() -> None:
    evidence = seen(timed(10, 20, mark("agg:5", 9 * SECOND)), stored=["92", "93"])
    rows = [aggregate(number, first, first + 1, at=at * SECOND) for number, first, at in ((6, 90, 15), (7, 92, 16))]
    assert [each.id for each in evidence.take(page(*rows, aggregate(8, 94, 94, at=23 * SECOND)))] == ["agg:6"]


def test_between_aggregates_those_that_are_stored_are_counted() -> None:
    hole = Hole(BTC, mark("agg:5", 0), mark("agg:8", 0), MOMENT, MOMENT, "omitted", MOMENT)
    assert seen(hole, page(aggregate(7, 1, 2)), stored=["agg:6", "7"]).whole
    assert not seen(hole, stored=["6", "7"]).whole


# -- properties: a venue with some numbers that are no public trades, some of the others stored

LOW, HIGH = 5, 15
NUMBERS = range(20)
CUTS = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted)
CHAINS = st.lists(st.lists(CUTS, max_size=3), max_size=4)


def follow(evidence: Evidence, public: Sequence[Trade], chains: Sequence[Sequence[Sequence[int]]]) -> set[str]:
    """Show contiguous pages, whatever of the venue's rows they hold; a chain's pages overlap or abut."""
    found: set[str] = set()
    for chain in chains:
        evidence.begin()
        reach: tuple[int, int] | None = None
        for first, last in chain:
            if reach is not None:
                first, last = min(first, reach[1]), max(last, reach[0])
            reach = (first, last) if reach is None else (min(first, reach[0]), max(last, reach[1]))
            found.update(each.id for each in evidence.take(Page(public[first:last])))
    return found


@given(st.sets(st.sampled_from(NUMBERS)), st.sets(st.sampled_from(NUMBERS)), CHAINS)
def test_complete_means_that_each_public_number_is_stored_or_found(
    private: set[int], stored: set[int], chains: list[list[list[int]]]
) -> None:
    public = [trade(number) for number in NUMBERS if number not in private | {LOW, HIGH} or number in (LOW, HIGH)]
    there = {str(number) for number in stored - private}
    evidence = Evidence(counted(LOW, HIGH))
    evidence.held({f"{BTC.message_prefix}{one}": MOMENT for one in there}, sorted(there))
    found = follow(evidence, public, chains)
    missing = [each for each in public if LOW < int(each.id) < HIGH and each.id not in there | found]
    gap = evidence.verdict(MOMENT)
    if evidence.complete:
        assert missing == []
    else:
        assert all(int(gap.first_missing or 99) <= int(each.id) <= int(gap.last_missing or -1) for each in missing)
    assert found.isdisjoint(there)
    assert mark(LOW).time <= gap.start <= gap.end <= mark(HIGH).time


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), CHAINS)
def test_narrowing_never_excludes_a_missing_trade(times: list[int], chains: list[list[list[int]]]) -> None:
    """Many trades of one second, so that pages begin and end amid them."""
    public = [uuid(str(place), at) for place, at in enumerate(sorted(times))]
    hole = timed(10, 20)
    evidence = Evidence(hole)
    found = follow(evidence, public, chains)
    gap = evidence.verdict(MOMENT)
    missing = [each for each in public if hole.start <= each.time <= hole.end and each.id not in found]
    assert hole.start <= gap.start <= gap.end <= hole.end
    if evidence.complete:
        assert missing == []
    assert all(gap.start <= each.time <= gap.end for each in missing)
