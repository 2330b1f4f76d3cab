"""The health score."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.score import PerSecond, identity, score
from metdc_collector.wire.config import PodConfig


def scored(*, nats: bool = True, wanted: int = 4, streaming: int = 4, backlog_age: float = 0.0) -> float:
    return score(nats=nats, wanted=wanted, streaming=streaming, backlog_age=backlog_age)


def test_where_all_flows_it_is_one() -> None:
    assert scored() == 1.0


def test_without_nats_it_is_halved() -> None:
    assert scored(nats=False) == 0.5


def test_it_follows_the_part_of_instruments_that_flow() -> None:
    assert scored(streaming=1) == 0.25


def test_before_the_list_is_read_it_is_nothing() -> None:
    assert scored(wanted=0, streaming=0) == 0.0


@pytest.mark.parametrize(("age", "value"), [(-1, 1.0), (10, 1.0), (35, 0.75), (60, 0.5), (3600, 0.5)])
def test_it_falls_with_the_age_of_the_backlog(age: float, value: float) -> None:
    assert scored(backlog_age=age) == value


@given(st.booleans(), st.integers(0, 3000), st.integers(0, 3000), st.floats(-(10.0**9), 10.0**9))
def test_it_stays_between_nothing_and_one(nats: bool, wanted: int, streaming: int, age: float) -> None:
    assert 0.0 <= scored(nats=nats, wanted=wanted, streaming=streaming, backlog_age=age) <= 1.0


def test_the_rate_is_that_of_the_time_since_it_was_measured_last() -> None:
    rate = PerSecond()
    rate.measure(100, 1_000_000_000)
    assert rate.per_second == 0.0
    rate.measure(400, 3_000_000_000)
    assert rate.per_second == 150.0
    rate.measure(400, 3_000_000_000)
    assert rate.per_second == 150.0, "no time has passed"


def test_a_report_says_whose_it_is() -> None:
    config = PodConfig("n", "c", "u", "spot", "s", shard=1, shards=2, spec={"exchange": "okx"}, pod="p")
    assert identity(config) == {
        "namespace": "n",
        "collector": "c",
        "exchange": "okx",
        "market": "spot",
        "shard": 1,
        "shards": 2,
        "pod": "p",
        "uid": "u",
        "slot": "s",
    }
