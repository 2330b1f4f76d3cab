"""What 2,400 pods cost an operator that serves all namespaces."""

import pytest

from tests.cluster import figures
from tests.cluster.operator.scale import RESOURCES, SHARDS, WATCHED, measure, problems


@pytest.mark.alone(turn=3)  # thousands of its pods still end when it is over
async def test_two_hundred_resources_of_twelve_pods_are_served_in_bounded_time_memory_and_writes() -> None:
    found = await measure(RESOURCES, SHARDS, WATCHED)
    names = ("status_writes_per_min", "reconcile_p99_ms", "operator_rss_mib", "rotations_per_min")
    figures.note(pods=found["pods"], **{name: found[name] for name in names})
    assert problems(found) == []
