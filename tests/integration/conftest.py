"""Servers that a test of a whole collector runs against, its own unless it says otherwise."""

from collections.abc import Iterator

import pytest

from tests.harness import NatsServer, nats_server
from tests.integration.rig import Simulator, simulator


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@pytest.fixture
def exchange() -> Iterator[Simulator]:
    with simulator() as running:
        yield running
