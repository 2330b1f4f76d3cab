"""When to connect again: pauses that double, cooldowns, and a region that is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.clock import Timers
from metdc_collector.session.policy import End, Outcome, Pause, Policy, State, of_close, of_status

FAILED, REFUSED, REGION = Outcome(End.FAILED, "it broke"), Outcome(End.REFUSED, "429"), Outcome(End.REGION, "451")


def policy(jitter: float = 1.0) -> Policy:
    return Policy(Timers(), lambda: jitter)


def pauses(of: Policy, *outcomes: Outcome) -> list[Pause]:
    return [of.after(outcome) for outcome in outcomes]


@pytest.mark.parametrize("status", [403, 418, 429])
def test_a_handshake_is_refused_by_rate_limit_ban_and_policy(status: int) -> None:
    assert of_status(status, region=False) is End.REFUSED


@pytest.mark.parametrize("status", [400, 404, 500, 502, 503])
def test_a_handshake_that_goes_wrong_otherwise_has_failed(status: int) -> None:
    assert of_status(status, region=False) is End.FAILED


@pytest.mark.parametrize("status", [403, 451])
def test_a_refusal_of_the_region_is_a_class_of_its_own(status: int) -> None:
    assert of_status(status, region=True) is End.REGION


@pytest.mark.parametrize("code", [1008, 4003, 4008, 4009])
def test_a_connection_is_closed_in_refusal_by_these_codes(code: int) -> None:
    assert of_close(code, {1008, 4003, 4008, 4009}) is End.REFUSED


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011])
def test_a_connection_that_is_closed_otherwise_has_failed(code: int | None) -> None:
    assert of_close(code, {1008, 4008}) is End.FAILED


def test_the_pause_doubles_from_one_second_to_thirty() -> None:
    found = pauses(policy(), *[FAILED] * 7)
    assert [pause.seconds for pause in found] == [1, 2, 4, 8, 16, 30, 30]
    assert {pause.state for pause in found} == {State.RECONNECTING}


def test_jitter_takes_up_to_half_of_a_pause() -> None:
    assert [pause.seconds for pause in pauses(policy(jitter=0.0), FAILED, FAILED)] == [0.5, 1]


def test_after_a_thousand_failures_the_pause_is_still_thirty_seconds() -> None:
    assert pauses(policy(), *[FAILED] * 1000)[-1].seconds == 30


def test_a_connection_that_was_stable_has_forgotten_its_failures() -> None:
    of = policy()
    pauses(of, *[FAILED] * 5)
    assert of.after(FAILED._replace(lived=60.0)).seconds == 1


def test_a_connection_that_lived_shortly_has_not() -> None:
    of = policy()
    pauses(of, FAILED, FAILED)
    assert of.after(FAILED._replace(lived=59.9)).seconds == 4


def test_the_third_refusal_in_a_row_earns_a_cooldown() -> None:
    found = pauses(policy(), REFUSED, REFUSED, REFUSED)
    assert found == [Pause(State.RECONNECTING, 1), Pause(State.RECONNECTING, 2), Pause(State.COOLDOWN, 180)]


def test_after_a_cooldown_everything_begins_anew() -> None:
    of = policy()
    pauses(of, *[REFUSED] * 3)
    assert pauses(of, *[REFUSED] * 3) == pauses(policy(), *[REFUSED] * 3)


@pytest.mark.parametrize("between", [FAILED, REGION, REFUSED._replace(lived=60.0)])
def test_refusals_with_something_else_between_are_not_in_a_row(between: Outcome) -> None:
    found = pauses(policy(), REFUSED, REFUSED, between, REFUSED)
    assert State.COOLDOWN not in {pause.state for pause in found}


def test_a_refused_region_is_tried_every_ten_minutes() -> None:
    assert pauses(policy(), *[REGION] * 3) == [Pause(State.FAILED, 600)] * 3


def test_pauses_follow_timers_that_are_divided() -> None:
    of = Policy(Timers().divided(20), lambda: 1.0)
    assert [pause.seconds for pause in pauses(of, *[REFUSED] * 3)] == [0.05, 0.1, 9.0]


@pytest.mark.parametrize(
    ("wait", "pause"),
    [
        (0.2, Pause(State.RECONNECTING, 1)),
        (17.0, Pause(State.RECONNECTING, 17)),
        (120.0, Pause(State.COOLDOWN, 120)),
    ],
)
def test_an_order_to_stop_is_kept_for_as_long_as_it_says(wait: float, pause: Pause) -> None:
    assert policy().after(REFUSED._replace(wait=wait)) == pause


def test_a_cooldown_is_as_long_as_the_order_to_stop_that_led_to_it() -> None:
    found = pauses(policy(), REFUSED, REFUSED, REFUSED._replace(wait=600.0))
    assert found[-1] == Pause(State.COOLDOWN, 600)


outcomes = st.builds(Outcome, st.sampled_from(End), st.just(""), st.floats(0, 1000), st.floats(0, 1000))


@given(st.lists(outcomes, max_size=50), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_shorter_than_half_a_second_and_only_a_cooldown_or_a_region_takes_longer_than_thirty(
    ends: list[Outcome], jitter: float
) -> None:
    for pause in pauses(policy(jitter), *ends):
        assert pause.seconds >= 0.5
        assert (pause.seconds > 30) == (pause.state in (State.COOLDOWN, State.FAILED))
