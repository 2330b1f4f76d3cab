"""One scene for all tests of this folder: two cores take a minute and a half to start it."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import PREFIX
from tests.cluster.images import Images
from tests.cluster.kube import Cluster
from tests.cluster.place import place
from tests.cluster.sample.scene import LIGHT, Sample, sample


@pytest.fixture(scope="package")
def scene(cluster: Cluster, images: Images) -> Iterator[Sample]:
    """The sample, in a namespace of its own."""
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(place(cluster, f"{PREFIX}-sample-{uuid.uuid4().hex[:5]}"))
        yield stack.enter_context(sample(where, images, rate=LIGHT))
