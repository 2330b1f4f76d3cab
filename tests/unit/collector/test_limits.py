"""Rates kept on our side, judged by a naive count of what was let through."""

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Rate
from metdc_collector.limits import Budget, Pace
from tests.unit.collector.made import SECOND, HandClock


@dataclass
class Hand:
    """A clock in whole seconds, so that no rounding blurs the edge of a span."""

    time: float = 0.0

    def __call__(self) -> float:
        return self.time


def most_within(events: list[tuple[float, int]], seconds: float) -> int:
    """The most units in any span: every worst span begins with an event."""
    return max(sum(units for at, units in events if start <= at < start + seconds) for start, _ in events)


def test_units_within_the_budget_need_no_waiting() -> None:
    budget = Budget(Rate(3, 10), monotonic=Hand())
    assert [budget.take() for _ in range(3)] == [0, 0, 0]


def test_the_unit_too_many_waits_for_the_first_to_run_out() -> None:
    clock = Hand()
    budget = Budget(Rate(2, 10), monotonic=clock)
    budget.take()
    clock.time = 4
    budget.take()
    assert budget.take() == 6
    assert budget.take() == 10


def test_units_come_back_when_their_span_is_over() -> None:
    clock = Hand()
    budget = Budget(Rate(2, 10), monotonic=clock)
    budget.take(2)
    clock.time = 10
    assert budget.take(2) == 0


@pytest.mark.parametrize(("share", "count"), [(Fraction(1), 8), (Fraction(1, 2), 4), (Fraction(1, 3), 2)])
def test_a_process_keeps_to_its_share(share: Fraction, count: int) -> None:
    budget = Budget(Rate(8, 10), share=share, monotonic=Hand())
    waits = [budget.take() for _ in range(count + 1)]
    assert waits == [*[0] * count, 10]


@pytest.mark.parametrize(
    ("rate", "share", "interval"),
    [
        (Rate(3, 1), Fraction(1, 8), 8 / 3),  # OKX's connects
        (Rate(5, 1), Fraction(1, 8), 8 / 5),  # Upbit's
        (Rate(8, 10), Fraction(1, 1000), 1250),
    ],
)
def test_a_share_of_less_than_a_unit_is_a_unit_in_a_longer_span(rate: Rate, share: Fraction, interval: float) -> None:
    budget = Budget(rate, share=share, monotonic=Hand())
    assert [budget.take(), budget.take(), budget.take()] == [0, interval, 2 * interval]


def test_a_share_of_one_unit_and_a_part_is_one_unit() -> None:
    budget = Budget(Rate(10, 1), share=Fraction(1, 8), monotonic=Hand())
    assert [budget.take(), budget.take()] == [0, 1]


def test_more_units_than_the_whole_budget_wait_for_all_others_and_take_as_many_spans_as_they_are_budgets() -> None:
    budget = Budget(Rate(4, 10), monotonic=Hand())
    assert [budget.take(), budget.take(10), budget.take()] == [0, 10, 35]


def test_whoever_only_asks_takes_nothing() -> None:
    budget = Budget(Rate(2, 10), monotonic=Hand())
    assert [budget.wait(2), budget.wait(2), budget.take(2), budget.wait()] == [0, 0, 0, 10]


def test_who_leaves_a_part_to_others_waits_while_those_do_not() -> None:
    budget = Budget(Rate(8, 10), monotonic=Hand())
    budget.take(6)
    assert budget.wait(spare=Fraction(1, 4)) == 10
    assert budget.wait() == 0


def test_nothing_is_let_through_before_an_ordered_stop_ends() -> None:
    clock = Hand()
    budget = Budget(Rate(8, 10), monotonic=clock)
    budget.hold(30)
    budget.hold(5)
    assert (budget.held, budget.wait(), budget.take()) == (30, 30, 30)
    clock.time = 31
    assert (budget.held, budget.wait()) == (0, 0)


def test_it_steps_down_to_what_the_venue_says_is_left() -> None:
    clock = Hand()
    budget = Budget(Rate(8, 10), share=Fraction(1, 2), monotonic=clock)
    budget.heed(1)
    assert [budget.take(), budget.wait()] == [0, 10]
    clock.time = 10
    assert budget.wait(4) == 0


def test_its_share_stays_where_the_venue_says_that_more_is_left() -> None:
    budget = Budget(Rate(8, 10), share=Fraction(1, 2), monotonic=Hand())
    budget.take()
    budget.heed(3)
    assert [budget.wait(3), budget.wait(4)] == [0, 10]


def test_the_same_news_twice_steps_down_once() -> None:
    budget = Budget(Rate(8, 10), monotonic=Hand())
    budget.heed(2)
    budget.heed(2)
    assert budget.wait(2) == 0


steps = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5)), min_size=1, max_size=40)


@given(st.integers(1, 10), st.integers(1, 10), st.fractions(Fraction(1, 20), 1, max_denominator=20), steps)
def test_no_span_ever_holds_more_than_the_share(
    count: int, seconds: int, share: Fraction, takes: list[tuple[int, int]]
) -> None:
    clock = Hand()
    budget = Budget(Rate(count, seconds), share=share, monotonic=clock)
    allowed = max(1, int(count * share))
    events = []
    for pause, units in takes:
        clock.time += pause
        taken = min(units, allowed)
        events.append((clock.time + budget.take(taken), taken))
    assert most_within(events, seconds) <= allowed


@given(st.integers(1, 10), st.integers(1, 10), steps)
def test_nobody_waits_while_there_is_room(count: int, seconds: int, takes: list[tuple[int, int]]) -> None:
    clock = Hand()
    budget = Budget(Rate(count, seconds), monotonic=clock)
    events: list[tuple[float, int]] = []
    for pause, units in takes:
        clock.time += pause
        taken = min(units, count)
        start = clock.time + budget.take(taken)
        if start > clock.time:  # an instant earlier would have been too early
            earlier = [*events, (start - 0.5, taken)]
            in_turn = start - 0.5 >= max(at for at, _ in events)
            assert most_within(earlier, seconds) > count or not in_turn
        events.append((start, taken))


@given(st.integers(1, 40), st.sampled_from([0.5, 1.0, 10.0]), st.lists(st.integers(0, 2 * SECOND), max_size=60))
async def test_no_span_holds_more_frames_than_allowed(count: int, seconds: float, pauses: list[int]) -> None:
    clock = HandClock()
    pace = Pace(Rate(count, seconds), monotonic=lambda: clock.seconds, sleep=clock.sleep)
    sent = []
    for pause in [0, *pauses]:
        clock.time += pause
        await pace.wait()
        sent.append((clock.seconds, 1))
    assert most_within(sent, seconds) <= count


async def test_frames_are_spaced_evenly_below_the_limit() -> None:
    clock = HandClock()
    pace = Pace(Rate(10, 7), monotonic=lambda: clock.seconds, sleep=clock.sleep)
    sent = []
    for _ in range(4):
        await pace.wait()
        sent.append(round(clock.seconds, 6))
    assert sent == [0, 1, 2, 3]


async def test_a_frame_after_a_pause_goes_at_once() -> None:
    clock = HandClock()
    pace = Pace(Rate(10, 7), monotonic=lambda: clock.seconds, sleep=clock.sleep)
    await pace.wait()
    clock.time += 5 * SECOND
    await pace.wait()
    assert clock.time == 5 * SECOND
