"""The planted course of a market: what its fills are, and what is refused."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.core.pump import MS, SECOND, Scene, Script, Terms, course

TERMS = Terms(reference=201_000, tick=10, lot=5, typical=40)
SINCE = -20 * SECOND


def script(since: int = SINCE, seed: str = "7", terms: Terms = TERMS, **order: Any) -> Script:
    return Script(course({"delay_ms": 120, **order}), terms, since=since, seed=seed)


def plain(made: Script) -> list[Scene]:
    return [scene for scene in made.scenes if not scene.fill.stray]


def test_the_first_move_is_one_jump_exactly_at_its_moment() -> None:
    made = script()
    before = [scene for scene in made.scenes if scene.at < 120 * MS]
    moved = made.scenes[len(before)]
    assert (moved.at, moved.fill.price, moved.fill.buy) == (120 * MS, 211_050, True)
    assert {scene.fill.price for scene in before} == {200_990, 201_000, 201_010}
    assert all(scene.fill.price >= 211_050 for scene in made.scenes[len(before) : len(before) + 40])
    assert before[-1].at // MS < 119


def test_peak_and_trough_have_one_fill_each_at_their_moment() -> None:
    made = script(rise="0.25", peak_ms=3000, drawdown="0.2", decline_ms=2000)
    highest = max(scene.fill.price for scene in made.scenes)
    assert [(s.at, s.fill.price) for s in made.scenes if s.fill.price == highest] == [(3120 * MS, 251_250)]
    after = [scene for scene in made.scenes if scene.at > 3120 * MS]
    lowest = min(scene.fill.price for scene in after)
    assert [(s.at, s.fill.price) for s in after if s.fill.price == lowest] == [(5120 * MS, 201_000)]
    assert (made.jump, made.peak, made.trough) == (211_050, 251_250, 201_000)


def test_it_trades_so_many_times_as_often_from_the_move_on() -> None:
    made = script(rate=5, volume=20)
    before = sum(1 for scene in made.scenes if scene.at < 0)
    after = sum(1 for scene in made.scenes if 120 * MS <= scene.at < 20_120 * MS)
    assert before == pytest.approx(5 * 20, rel=0.15)
    assert after == pytest.approx(100 * 20, rel=0.05)


def test_a_thin_market_has_five_fills_and_one_that_confirms_the_move() -> None:
    made = script(thin=True)
    assert [scene.at // MS for scene in made.scenes] == [-20_000, 120, 1620, 4120, 9120]
    assert made.scenes[0].fill.price in {200_990, 201_000, 201_010}
    assert made.jump < made.scenes[2].fill.price < made.peak


def test_a_silent_market_has_no_fill_before_its_move() -> None:
    assert script(silent=True).scenes[0].at == script(silent=True, thin=True).scenes[0].at == 120 * MS


def test_a_bad_print_is_one_fill_and_leaves_the_others_as_they_are() -> None:
    prints = [{"at_ms": -5000, "factor": "1.5"}, {"at_ms": 9000, "factor": "0.5", "kind": "insurance"}]
    made = script(bad_prints=prints)
    strays = [scene for scene in made.scenes if scene.fill.stray]
    assert [(s.at // MS, s.fill.price, s.fill.kind) for s in strays] == [
        (-5000, 301_500, ""),
        (9000, 100_500, "insurance"),
    ]
    assert max(scene.fill.price for scene in plain(made)) == made.peak


def test_a_move_before_the_announcement_is_a_leak() -> None:
    made = script(delay_ms=-1500)
    assert made.scenes[0].at < -1500 * MS
    assert min(s.at for s in made.scenes if s.fill.price >= made.jump) == -1500 * MS


def test_the_same_seed_makes_the_same_fills_and_another_makes_others() -> None:
    assert script().scenes == script().scenes
    assert script().scenes != script(seed="8").scenes


def test_shares_scale_with_the_price() -> None:
    twice = Terms(reference=402_000, tick=20, lot=5, typical=40)
    one, two = script(), script(terms=twice)
    assert [(s.at, s.fill.price * 2, s.fill.size) for s in one.scenes] == [
        (s.at, s.fill.price, s.fill.size) for s in two.scenes
    ]


def test_a_price_of_few_ticks_stands_still_before_its_move() -> None:
    made = script(terms=Terms(reference=900, tick=1, lot=1, typical=1))
    assert {scene.fill.price for scene in made.scenes if scene.at < 0} == {900}


@given(
    seed=st.text(max_size=5),
    delay=st.integers(-10_000, 10_000),
    peak=st.integers(10, 8000),
    decline=st.integers(10, 8000),
    reference=st.integers(200, 10**9),
    volume=st.integers(1, 8),
)
def test_every_course_keeps_its_truth(
    *, seed: str, delay: int, peak: int, decline: int, reference: int, volume: int
) -> None:
    terms = Terms(reference=reference, tick=1, lot=3, typical=9)
    order = {"delay_ms": delay, "peak_ms": peak, "decline_ms": decline, "end_ms": 27_000, "volume": volume}
    made = script(seed=seed, terms=terms, **order)
    at = [scene.at for scene in made.scenes]
    assert at == sorted(set(at))
    assert all(scene.fill.price > 0 and scene.fill.size % 3 == 0 < scene.fill.size for scene in made.scenes)
    calm = [scene.fill.price for scene in made.scenes if scene.at < made.course.first]
    assert all(abs(price - reference) * 1000 <= reference for price in calm)
    moved = [scene for scene in made.scenes if scene.at >= made.course.first]
    assert (moved[0].at, moved[0].fill.price) == (made.course.first, made.jump)
    assert moved[1].at - moved[0].at < 2 * SECOND
    assert moved[1].fill.price >= made.jump
    assert [s.at for s in moved if s.fill.price >= made.peak] == [made.course.peak]
    assert [s.at for s in moved if s.at > made.course.peak and s.fill.price <= made.trough] == [made.course.trough]
    rising = [s.fill.price for s in moved if s.at <= made.course.peak]
    falling = [s.fill.price for s in moved if made.course.peak <= s.at <= made.course.trough]
    assert all(one <= other for one, other in pairwise(rising))
    assert all(one >= other for one, other in pairwise(falling))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"delay_ms": "soon"}, "`delay_ms` is a whole number"),
        ({"delay_ms": 1.5}, "`delay_ms` is a whole number"),
        ({"colour": "red"}, "unknown: colour"),
        ({"jump": "0.3", "rise": "0.3"}, "0 < jump < rise"),
        ({"jump": 0}, "0 < jump < rise"),
        ({"drawdown": 1}, "0 < drawdown < 1"),
        ({"peak_ms": 9}, "at least 10"),
        ({"decline_ms": 9}, "at least 10"),
        ({"end_ms": 9119}, "end_ms lies before the trough"),
        ({"rate": 0}, "0 < rate"),
        ({"rate": 300}, "rate x volume"),
        ({"volume": "0.5"}, "volume is at least 1"),
        ({"rate": "0.2", "volume": 4}, "nothing confirms"),
        ({"bad_prints": [{"at_ms": 0, "factor": 1}]}, "not 1"),
        ({"bad_prints": [{"at_ms": 100, "factor": "1.5"}]}, "would confirm a bad print"),
        ({"bad_prints": [{"at_ms": -1880, "factor": "1.5"}]}, "would confirm a bad print"),
        ({"bad_prints": [{"at_ms": 1000, "factor": 2, "kind": "NA"}]}, "kind must be one of insurance, adl, rpi"),
        ({"bad_prints": [{"at_ms": -20_001, "factor": 2}]}, "1 ms too late"),
        ({"delay_ms": -20_000}, "5 ms too late"),
        ({"jump": "0.00019"}, "less than 4 ticks"),
    ],
)
def test_a_course_that_could_not_happen_is_refused_in_words(order: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        script(**order)


def test_a_course_without_a_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="a market needs its `delay_ms`"):
        course({})
