"""Time that cannot step, and timers that a test run divides."""

import time

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.clock import Clock, Timers
from tests.unit.collector.made import MOMENT, SECOND, HandClock


def clocks(wall: int = MOMENT, monotonic: int = 5 * SECOND) -> tuple[Clock, HandClock, HandClock]:
    system, steady = HandClock(wall), HandClock(monotonic)
    return Clock(wall=system, monotonic=steady), system, steady


def test_it_starts_at_the_time_of_the_system() -> None:
    clock, _, _ = clocks()
    assert clock.now() == MOMENT
    assert clock.stepped() == 0


def test_by_default_it_tells_the_time_of_day() -> None:
    before = time.time_ns()
    now = Clock().now()
    assert before - SECOND <= now <= time.time_ns() + SECOND


def test_it_goes_on_with_the_monotonic_clock() -> None:
    clock, _, steady = clocks()
    steady.time += 3
    assert clock.now() == MOMENT + 3


def test_a_step_of_the_system_clock_is_told_and_not_followed() -> None:
    clock, system, _ = clocks()
    system.time -= 3600 * SECOND
    assert clock.now() == MOMENT
    assert clock.stepped() == -3600 * SECOND


def test_who_follows_the_system_clock_goes_on_from_there() -> None:
    clock, system, steady = clocks()
    system.time -= 3600 * SECOND
    clock.follow()
    steady.time += 3
    assert (clock.now(), clock.stepped()) == (MOMENT - 3600 * SECOND + 3, -3)


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(-(10**18), 10**18)), max_size=30))
def test_it_never_goes_back_whatever_the_system_clock_does(moves: list[tuple[int, int]]) -> None:
    clock, system, steady = clocks()
    times = [clock.now()]
    for forward, step in moves:
        steady.time += forward
        system.time += step
        times.append(clock.now())
    assert times == sorted(times)
    assert times[-1] - times[0] == sum(forward for forward, _ in moves)


def test_the_timers_of_venue_and_report_are_divided() -> None:
    timers = Timers().divided(20)
    assert (timers.report, timers.backoff_first, timers.backoff_most) == (0.75, 0.05, 1.5)
    assert (timers.cooldown, timers.region_block, timers.stable) == (9.0, 30.0, 3.0)


def test_what_follows_the_speed_of_the_process_is_not_divided() -> None:
    timers, true = Timers().divided(20), Timers()
    assert (timers.hold, timers.hold_behind_peer) == (true.hold, true.hold_behind_peer)
    assert (timers.acknowledge, timers.retry, timers.drain) == (true.acknowledge, true.retry, true.drain)
    assert (timers.rest_lag, timers.rest_patience, timers.rest_retry, timers.body) == (10.0, 60.0, 1.0, 20.0)


def test_timers_divided_by_one_are_the_true_ones() -> None:
    assert Timers().divided(1) == Timers()
