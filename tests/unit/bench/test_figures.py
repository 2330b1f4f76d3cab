"""What the bench makes of its measurements: plans, percentiles, verdicts, and when a run is invalid."""

from typing import Any

import pytest

from tests.bench import figures
from tests.bench.figures import Target, ages, at, behind, broken, catch_up, late, percentile, plan

MS = 1_000_000


def test_a_plan_has_as_many_trades_as_its_rate_says() -> None:
    assert sum(count for _, count in plan(2, 1_500)) == 3_000
    assert sum(count for _, count in plan(1, 7)) == 7


def test_a_slice_without_a_trade_is_left_out() -> None:
    assert [round(due, 3) for due, _ in plan(1, 2)] == [0.499, 0.999]


def test_of_each_ten_seconds_of_bursts_the_last_one_has_ten_times_the_rate() -> None:
    made = list(plan(20, 1_000, bursts=True))
    seconds = [sum(count for due, count in made if second <= due < second + 1) for second in range(20)]
    assert seconds == ([1_000] * 9 + [10_000]) * 2


@pytest.mark.parametrize(("took", "part"), [(9.0, 0.0), (10.0, 0.0), (10.5, 0.05), (12.0, 0.2)])
def test_a_generator_is_behind_by_a_part_of_its_plan(took: float, part: float) -> None:
    assert behind(10.0, took) == pytest.approx(part)


def test_an_empty_plan_is_kept() -> None:
    assert behind(0.0, 1.0) == 0.0


@pytest.mark.parametrize(("share", "value"), [(0.01, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile(range(1, 101), share) == value


def test_the_only_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_ages_are_told_in_ms_whatever_their_order() -> None:
    assert ages([3 * MS, MS, 2 * MS]) == {"p50": 2.0, "p99": 3.0, "max": 3.0}
    assert ages([]) is None


def test_the_longest_time_in_which_each_trade_was_old_is_how_long_it_was_behind() -> None:
    old, young = 20 * MS, MS
    rows = [(0, old), (100 * MS, old), (200 * MS, young), (300 * MS, old), (900 * MS, old), (950 * MS, young)]
    assert catch_up(rows, usual=10 * MS) == 0.6


def test_a_single_old_trade_is_behind_for_no_time() -> None:
    assert catch_up([(5, 20 * MS), (6, MS)], usual=10 * MS) == 0.0


def test_a_figure_is_found_by_its_path() -> None:
    assert at({"a": {"b": 2}}, "a.b") == 2.0
    assert at({"a": {"b": None}}, "a.b") is None
    assert at({"a": 1}, "a.b") is None


@pytest.mark.parametrize(
    ("most", "measured", "verdict"),
    [(False, 0.5, "met"), (False, 0.49, "missed"), (True, 0.5, "met"), (True, 0.51, "missed"), (True, 0.0, "met")],
)
def test_a_target_is_met_up_to_its_bound(most: bool, measured: float, verdict: str) -> None:
    judged = Target("what", "a.b", 0.5, most=most, aim=0.6).judge({"a": {"b": measured}})
    assert judged["verdict"] == verdict
    assert judged["at_most" if most else "at_least"] == 0.5
    assert judged["aim"] == 0.6


def test_what_was_not_measured_has_no_verdict() -> None:
    assert Target("what", "a.b", 1).judge({}) == {
        "target": "what",
        "path": "a.b",
        "at_least": 1,
        "measured": None,
        "verdict": "not measured",
    }


def test_a_run_is_invalid_whose_generator_was_more_than_five_percent_behind() -> None:
    result = {"compare": {"collector": {"1000": {"behind": 0.05}, "5000": {"behind": 0.051}}}, "alone": {"x": 1}}
    assert late(result) == ["compare.collector.5000"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"compare": {"lost": 2}}, "compare: 2 trades lost"),
        ({"memory": {"loaded": {"500": {"lost": 1}}}}, "memory.loaded.500: 1 trades lost"),
        ({"alone": {"steady": {"repeated": 3}}}, "alone.steady: 3 trades repeated"),
        ({"isolation": {"reconnects": 1}}, "isolation: 1 connections of other markets came anew"),
        ({"isolation": {"problems": ["okx.spot: late"]}}, "isolation: okx.spot: late"),
        ({"isolation": {"ways": {"reset": {"struck": 0}}}}, "isolation: reset struck nobody"),
        ({"memory": {"at_rest_mib": 40.1}}, "memory: 40.1 MiB at rest, above 40"),
    ],
)
def test_what_is_no_matter_of_speed_is_red(result: dict[str, Any], words: str) -> None:
    assert broken(result) == [words]


def test_slowness_is_not_red() -> None:
    slow = {"compare": {"lost": 0, "ratios": {"ceiling": 0.01}}, "isolation": {"reconnects": 0, "worst_age_ratio": 50}}
    assert broken(slow | {"memory": {"at_rest_mib": 40.0, "flat": 9}}) == []


def test_no_two_targets_are_about_the_same_figure() -> None:
    paths = [target.path for target in figures.TARGETS]
    assert len(paths) == len(set(paths))
