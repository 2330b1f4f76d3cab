"""Numbers for equal rows, where a venue sends no trade id."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Ordinals

SECOND = 1_000_000_000
rows = st.lists(st.tuples(st.integers(0, 3).map(lambda seconds: seconds * SECOND), st.sampled_from("ab")), max_size=30)


def test_equal_rows_are_counted_from_zero() -> None:
    ordinals = Ordinals()
    assert [ordinals.next(5, "a"), ordinals.next(5, "a"), ordinals.next(5, "b"), ordinals.next(6, "a")] == [0, 1, 0, 0]


def test_a_snapshot_starts_anew() -> None:
    ordinals = Ordinals()
    ordinals.next(5, "a")
    ordinals.reset()
    assert ordinals.next(5, "a") == 0


@given(rows)
def test_within_the_span_each_row_has_the_number_of_its_equals_before(taken: list[tuple[int, str]]) -> None:
    ordinals, seen = Ordinals(), Counter[tuple[int, str]]()
    for time, key in taken:
        assert ordinals.next(time, key) == seen[time, key]
        seen[time, key] += 1


@given(st.lists(st.integers(0, 10**6).map(lambda second: second * SECOND), min_size=1, max_size=60))
def test_only_rows_near_the_newest_are_remembered(times: list[int]) -> None:
    ordinals = Ordinals(span=10 * SECOND)
    for time in times:
        ordinals.next(time, "a")
        assert all(abs(row[0] - time) <= 20 * SECOND for row in ordinals._seen)


def test_a_row_from_the_far_future_does_not_end_the_forgetting() -> None:
    ordinals = Ordinals(span=10 * SECOND)
    ordinals.next(4_000_000_000 * SECOND, "a")
    for second in range(1_000):
        ordinals.next(second * SECOND, "a")
    assert len(ordinals._seen) <= 21
