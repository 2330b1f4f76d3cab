"""A namespace of its own for each test, and the fake nodes that their pods are put on."""

from pathlib import Path

import pytest

from tests.cluster import testbed
from tests.cluster.kube import Cluster, NoCluster
from tests.cluster.operator.world import world

__all__ = ["world"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder run beside each other, but for those that want to be alone."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("alone") is None:
            item.add_marker("together")


@pytest.fixture(scope="session", autouse=True)
def fake_nodes(cluster: Cluster) -> None:
    """There are enough of them; else the run ends at once, red."""
    try:
        testbed.fake_nodes(cluster)
    except NoCluster as error:
        pytest.exit(str(error), returncode=1)
