"""Turns, over all resources."""

from dataclasses import replace

from metdc_operator.reconcile.desk import Desk
from metdc_operator.rotation import Market, Urgency
from tests.unit.operator.examples import NOW, SECOND

HALF_HOUR = 1800 * SECOND


def market(name: str, **more: object) -> Market:
    due = Market(f"a/{name}/spot/0", "binance", HALF_HOUR, slot=NOW - 3 * HALF_HOUR, suspended=False)
    return replace(due, **more)  # type: ignore[arg-type]


def desk(*names: str) -> Desk:
    made = Desk()
    for name in names:
        made.update(("a", name), [market(name)], NOW)
    return made


def test_turns_are_given_within_the_budget_and_counted_until_they_are_seen() -> None:
    made = desk("x", "y", "z")

    assert made.give(NOW, nats_away=False) == {("a", "x"), ("a", "y")}
    assert made.give(NOW, nats_away=False) == set()
    assert set(made.turns([market("x"), market("z")])) == {"a/x/spot/0"}

    made.taken("a/x/spot/0")
    assert made.give(NOW, nats_away=False) == set()
    assert made.turns([market("x")]) == {}
    made.update(("a", "x"), [market("x", slot=NOW)], NOW)
    assert made.give(NOW, nats_away=False) == {("a", "z")}


def test_a_turn_that_is_no_longer_due_ends() -> None:
    made = desk("x")
    made.give(NOW, nats_away=False)
    made.update(("a", "x"), [market("x", slot=NOW)], NOW)

    assert made.turns([market("x")]) == {}


def test_a_turn_that_nobody_takes_is_given_anew() -> None:
    made = desk("x")
    made.give(NOW, nats_away=False)

    assert made.give(NOW + 60 * SECOND, nats_away=False) == set()
    assert made.give(NOW + 61 * SECOND, nats_away=False) == {("a", "x")}


def test_a_stalled_market_that_was_given_a_turn_counts() -> None:
    made = Desk()
    stalled = market("x", rotating=True, stalled=True, change=Urgency.EDIT)
    made.update(("a", "x"), [stalled], NOW)

    assert made.give(NOW, nats_away=False) == {("a", "x")}
    assert made.give(NOW, nats_away=False) == set()


def test_a_resource_or_a_market_that_has_gone_leaves_nothing() -> None:
    made = desk("x", "y")
    made.give(NOW, nats_away=False)
    made.forget(("a", "x"))
    made.update(("a", "y"), [], NOW)

    assert made.turns([market("x"), market("y")]) == {}
    assert made.overdue(NOW) == {}


def test_markets_whose_new_pod_does_not_become_ready_are_counted() -> None:
    made = desk("x", "y")
    assert made.stalled() == 0

    made.update(("a", "x"), [market("x", rotating=True, stalled=True)], NOW)
    assert made.stalled() == 1


def test_what_waits_is_overdue() -> None:
    made = desk("x")
    made.update(("a", "y"), [market("y", rotating=True)], NOW)

    ((identity, since),) = made.overdue(NOW).items()
    assert identity == "a/x/spot/0"
    assert HALF_HOUR < since < 3 * HALF_HOUR
    assert made.give(NOW, nats_away=True) == set()
