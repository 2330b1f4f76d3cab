"""Who moved first, and when that can't be said."""

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.captures.ranking import Disagreement, Entry, disagreements, rank


def ranks(*entries: Entry) -> dict[str, tuple[int, int, list[str]]]:
    return {one.entry.key: (one.best, one.worst, list(one.ties)) for one in rank(entries)}


def test_who_is_earlier_by_more_than_both_tolerances_is_first() -> None:
    assert ranks(Entry("b", 121, 10), Entry("a", 100, 10)) == {"a": (1, 1, []), "b": (2, 2, [])}


def test_a_lead_of_just_both_tolerances_is_a_tie() -> None:
    assert ranks(Entry("a", 100, 10), Entry("b", 120, 10)) == {"a": (1, 2, ["b"]), "b": (1, 2, ["a"])}


def test_ties_are_not_passed_on() -> None:
    found = ranks(Entry("a", 0, 10), Entry("b", 20, 10), Entry("c", 40, 10))
    assert found == {"a": (1, 2, ["b"]), "b": (1, 3, ["a", "c"]), "c": (2, 3, ["b"])}


def test_one_uncertain_clock_ties_with_many_and_leaves_the_others_their_order() -> None:
    found = ranks(Entry("a", 0, 10), Entry("b", 100, 10), Entry("c", 150, 350))
    assert found == {"a": (1, 2, ["c"]), "b": (2, 3, ["c"]), "c": (1, 3, ["a", "b"])}


def test_nobody_is_nobody() -> None:
    assert rank([]) == []


def test_clocks_that_order_two_markets_differently_disagree() -> None:
    found = disagreements([Entry("a", 0, 1), Entry("b", 100, 1)], [Entry("a", 500, 1), Entry("b", 420, 1)])
    assert found == [Disagreement("a", "b", 100, 80, sure=True)]


def test_a_disagreement_within_one_tolerance_is_told_as_unsure() -> None:
    found = disagreements([Entry("a", 0, 300), Entry("b", 100, 300)], [Entry("a", 500, 1), Entry("b", 420, 1)])
    assert [one.sure for one in found] == [False]
    found = disagreements([Entry("a", 0, 1), Entry("b", 100, 1)], [Entry("a", 500, 90), Entry("b", 420, 90)])
    assert [one.sure for one in found] == [False]


def test_two_orders_that_are_both_within_tolerance_do_not_disagree() -> None:
    assert not disagreements([Entry("a", 0, 300), Entry("b", 9, 300)], [Entry("a", 50, 90), Entry("b", 42, 90)])


def test_equal_times_and_markets_of_one_clock_alone_do_not_disagree() -> None:
    assert not disagreements([Entry("a", 0, 1), Entry("b", 0, 1)], [Entry("a", 50, 1), Entry("b", 9, 1)])
    assert not disagreements([Entry("a", 0, 1), Entry("b", 9, 1)], [Entry("b", 42, 1)])
    assert not disagreements([Entry("a", 0, 1), Entry("b", 9, 1)], [Entry("a", 42, 1), Entry("b", 42, 1)])


entries = st.lists(
    st.builds(Entry, st.text("abcdef", min_size=1, max_size=3), st.integers(0, 1_000), st.integers(0, 300)),
    max_size=8,
    unique_by=lambda entry: entry.key,
)


@given(entries=entries, shift=st.integers(-5_000, 5_000))
def test_ranks_are_of_differences_alone(entries: list[Entry], shift: int) -> None:
    moved = [entry._replace(time=entry.time + shift) for entry in entries]
    assert ranks(*entries) == ranks(*moved)


@given(entries=entries)
def test_ranks_hold_one_another(entries: list[Entry]) -> None:
    found = rank(entries)
    for one in found:
        assert 1 <= one.best <= one.worst <= len(entries)
        assert one.worst - one.best == len(one.ties)
    without = [entry._replace(tolerance=0) for entry in entries]
    true_places = {one.entry.key: one for one in rank(without)}
    for one in found:
        assert one.best <= true_places[one.entry.key].best
        assert one.worst >= true_places[one.entry.key].worst
