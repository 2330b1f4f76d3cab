"""How an order of the control port names a moment, and that what waits for one happens then."""

from typing import Any

import pytest

from tests.simulator.core.agenda import SECOND, Agenda, moment, only

NOW = 1_795_000_000 * SECOND


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({}, NOW),
        ({"in": 2}, NOW + 2 * SECOND),
        ({"in": "0.5"}, NOW + SECOND // 2),
        ({"in": -30}, NOW - 30 * SECOND),
        ({"at": NOW + 7}, NOW + 7),
    ],
)
def test_an_order_names_its_moment(order: dict[str, Any], expected: int) -> None:
    assert moment(order, NOW) == expected


@pytest.mark.parametrize("order", [{"at": NOW, "in": 1}, {"at": "tomorrow"}, {"at": 1.5}, {"at": True}, {"in": "x"}])
def test_a_moment_that_is_none_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment(order, NOW)


def test_a_word_that_nobody_reads_is_refused_by_name() -> None:
    only({"in": 1}, "at", "in")
    with pytest.raises(ValueError, match="unknown: colour; known: at, in"):
        only({"in": 1, "colour": "red"}, "at", "in")


def test_what_is_due_happens_in_the_order_of_the_moments_and_once() -> None:
    agenda, done = Agenda(), list[str]()
    for at, word in ((30, "third"), (10, "first"), (10, "second"), (31, "later")):
        agenda.put(at, lambda word=word: done.append(word))  # type: ignore[misc]
    agenda.run(9)
    assert done == []
    agenda.run(30)
    agenda.run(30)
    assert done == ["first", "second", "third"]
    agenda.run(31)
    assert done[3:] == ["later"]
