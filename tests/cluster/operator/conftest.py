"""A namespace of its own for each test, and the fake nodes that their pods are put on."""

import pytest

from tests.cluster import testbed
from tests.cluster.kube import Cluster, NoCluster
from tests.cluster.operator.world import world

__all__ = ["world"]


@pytest.fixture(scope="session", autouse=True)
def fake_nodes(cluster: Cluster) -> None:
    """There are enough of them; else the run ends at once, red."""
    try:
        testbed.fake_nodes(cluster)
    except NoCluster as error:
        pytest.exit(str(error), returncode=1)
