"""Which instruments are listened to, and the times in which nobody did."""

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.coverage import Blind, Coverage


def wanted(*names: str, since: int | None = None) -> Coverage:
    coverage = Coverage()
    coverage.want(names, since)
    return coverage


def test_before_anybody_listens_nobody_knows_since_when_not() -> None:
    coverage = wanted("A")
    assert coverage.dark == {"A": None}
    assert coverage.since("A") is None
    assert coverage.cover(1, ["A"], 10) == [Blind("A", None, 10)]
    assert coverage.dark == {}
    assert coverage.since("A") == 10


def test_an_instrument_that_surely_did_not_trade_before_is_blind_from_then_on() -> None:
    assert wanted("A", since=7).cover(1, ["A"], 10) == [Blind("A", 7, 10)]


def test_what_is_known_of_an_instrument_stays_when_it_is_wanted_again() -> None:
    coverage = wanted("A", "B", since=7)
    coverage.cover(1, ["B"], 8)
    coverage.want(["A", "B"], 9)
    assert coverage.dark == {"A": 7}


def test_what_is_covered_already_is_not_blind() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    assert coverage.cover(1, ["A"], 20) == []
    assert coverage.cover(2, ["A"], 20) == []
    assert coverage.since("A") == 10


def test_a_connection_that_ends_leaves_its_instruments_in_the_dark_since_its_last_sign_of_life() -> None:
    coverage = wanted("A", "B")
    coverage.cover(1, ["B", "A"], 10)
    assert coverage.leave(1, 30) == []
    assert coverage.dark == {"A": 30, "B": 30}
    assert coverage.cover(2, ["A"], 40) == [Blind("A", 30, 40)]


def test_a_connection_without_a_sign_of_life_since_its_acknowledgement_covers_nothing() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    coverage.leave(1, 5)
    assert coverage.dark == {"A": 10}


def test_a_planned_replacement_leaves_no_hole() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    coverage.cover(2, ["A"], 20)
    assert coverage.leave(1, 20) == []
    assert coverage.since("A") == 20


def test_a_replacement_that_came_after_the_last_sign_of_life_leaves_one() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    coverage.cover(2, ["A"], 30)
    coverage.cover(3, ["A"], 40)
    assert coverage.leave(1, 20) == [Blind("A", 20, 30)]


def test_a_connection_that_nobody_knows_may_leave() -> None:
    assert Coverage().leave(1, 5) == []


def test_when_an_instrument_was_first_listened_to_stays_over_breaks_until_it_is_wanted_no_longer() -> None:
    coverage = wanted("A")
    assert coverage.first("A") is None
    coverage.cover(1, ["A"], 10)
    coverage.leave(1, 20)
    assert coverage.first("A") == 10
    coverage.cover(2, ["A"], 30)
    assert (coverage.first("A"), coverage.since("A")) == (10, 30)
    coverage.forget(["A"])
    assert coverage.first("A") is None


def test_what_is_wanted_no_longer_is_neither_dark_nor_covered() -> None:
    coverage = wanted("A", "B")
    coverage.cover(1, ["A"], 10)
    coverage.forget(["A", "B", "C"])
    assert coverage.dark == {}
    assert coverage.leave(1, 20) == []
    assert coverage.dark == {}


def test_a_last_trade_of_what_is_wanted_no_longer_covers_nothing() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    coverage.forget(["A"])
    assert coverage.cover(1, ["A"], 20) == []
    coverage.leave(1, 30)
    assert coverage.dark == {}


def test_what_only_seems_to_listen_is_blind_until_it_is_covered_again() -> None:
    coverage = wanted("A")
    coverage.cover(1, ["A"], 10)
    coverage.cover(2, ["A"], 10)
    coverage.lose("A", 20)
    assert coverage.dark == {"A": 20}
    assert coverage.leave(2, 90) == []
    assert coverage.cover(1, ["A"], 30) == [Blind("A", 20, 30)]


def test_what_nobody_listens_to_can_not_be_lost() -> None:
    coverage = wanted("A", since=7)
    coverage.lose("A", 20)
    assert coverage.dark == {"A": 7}


def test_what_was_listened_to_is_known_also_while_it_is_dark() -> None:
    coverage = wanted("A", "B", "C")
    assert coverage.known == frozenset()
    coverage.cover(1, ["A", "B"], 10)
    coverage.cover(2, ["B"], 10)
    coverage.leave(1, 20)
    assert coverage.known == {"A", "B"}
    coverage.forget(["A"])
    assert coverage.known == {"B"}


def test_what_was_asked_for_on_a_connection_that_ended_unanswered_is_told_with_the_first_cover() -> None:
    coverage = wanted("A", "B", "C")
    coverage.ask(1, ["A", "B"], 10)
    coverage.cover(1, ["B"], 12)
    coverage.leave(1, 20)
    coverage.ask(2, ["A", "B", "C"], 30)
    coverage.leave(2, 35)
    assert coverage.cover(3, ["A", "B", "C"], 40) == [
        Blind("A", None, 40, asked=10),
        Blind("B", 20, 40),
        Blind("C", None, 40, asked=30),
    ]


def test_what_is_asked_for_on_a_connection_that_lives_is_not_asked_for_in_vain() -> None:
    coverage = wanted("A")
    coverage.ask(1, ["A"], 10)
    assert coverage.cover(1, ["A"], 12) == [Blind("A", None, 12)]
    coverage.leave(1, 20)
    assert coverage.cover(2, ["A"], 30) == [Blind("A", 20, 30)]


def test_what_is_wanted_anew_was_not_asked_for() -> None:
    coverage = wanted("A")
    coverage.ask(1, ["A"], 10)
    coverage.leave(1, 20)
    coverage.forget(["A"])
    coverage.want(["A"])
    assert coverage.cover(2, ["A"], 30) == [Blind("A", None, 30)]


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["cover", "leave"]), st.integers(1, 3)), max_size=30)


@given(STEPS)
def test_blind_times_are_those_in_which_no_connection_listened(steps: list[Step]) -> None:
    """Connections end with their last sign of life at the moment of the end; a number is used once."""
    coverage, open_ = wanted("A", since=0), dict[int, int]()
    naive: list[Blind] = []
    found: list[Blind] = []
    dark_since: int | None = 0
    for clock, (what, slot) in enumerate(steps, 1):
        if what == "cover" and slot not in open_:
            open_[slot] = clock
            found += coverage.cover(clock, ["A"], clock)
            if dark_since is not None:
                naive.append(Blind("A", dark_since, clock))
                dark_since = None
        elif what == "leave" and slot in open_:
            found += coverage.leave(open_.pop(slot), clock)
            if not open_:
                dark_since = clock
    assert found == naive
    assert coverage.dark == ({} if dark_since is None else {"A": dark_since})
