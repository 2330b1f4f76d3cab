"""The cluster, the images, and namespaces of their own for the tests in this folder."""

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import images as provision
from tests.cluster import kube
from tests.cluster.images import Images
from tests.cluster.kube import Cluster
from tests.cluster.place import Place, place

PREFIX = os.environ.get("METDC_CLUSTER_PREFIX", "metdc-test")
"""Of namespaces and of the images' tag, so that several may test on one cluster."""

LONGEST = 900
"""Seconds for any one test, with what it waits for first."""

_LONG = {"test_rotation.py", "test_objects.py"}
"""Files with tests of a minute and more: what is begun first ends before all the others are through."""

NewPlace = Callable[[str], Place]


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of this folder."""
    text = "alone(turn): disturbs the whole cluster, or measures it; one by one, by turn, others side by side before"
    config.addinivalue_line("markers", text)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than others: the first of them waits for images to be built.

    Those of one folder stay together, so that what they share is there once, and not beside the others.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST))
    folders = list(dict.fromkeys(item.path.parent for item in items))
    folders.sort(key=lambda folder: folder == Path(__file__).parent)  # its many specs fill in where others wait
    items.sort(key=lambda item: (folders.index(item.path.parent), item.path.name not in _LONG))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    alone = item.get_closest_marker("alone")
    return 0 if alone is None else int(alone.kwargs["turn"])


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Cluster:
    """The cluster, for all clients that read KUBECONFIG; without one the run ends at once, red."""
    try:
        found = kube.find()
    except kube.NoCluster as error:
        pytest.exit(str(error), returncode=1)
    os.environ["KUBECONFIG"] = found.kubeconfig
    return found


@pytest.fixture(scope="session")
def images(cluster: Cluster) -> Images:
    """The images, built from the working tree unless the environment names them."""
    try:
        return provision.provide(tag=PREFIX)
    except kube.NoCluster as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="module")
def new_place(cluster: Cluster) -> Iterator[NewPlace]:
    """Makes namespaces that last as long as the module's tests."""
    with contextlib.ExitStack() as stack:

        def make(purpose: str) -> Place:
            return stack.enter_context(place(cluster, f"{PREFIX}-{purpose}-{uuid.uuid4().hex[:5]}"))

        yield make
