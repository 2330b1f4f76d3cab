"""The control plane fails: the operator waits for it and does nothing that it would regret, and pods stream on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tests.cluster.collectors import Collector
from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images
from tests.cluster.kube import Cluster
from tests.cluster.operator.world import Process, World, until
from tests.cluster.place import START, Exchanges, exchanges, ready, report
from tests.cluster.testbed import Action, component
from tests.harness import eventually

pytestmark = [pytest.mark.alone(turn=2), pytest.mark.timeout(600)]
AWAY = 60.0
"""Seconds without an API server. Three minutes would show no more: the Lease is lost after 10 s, requests end after
20 s, reports count no more after 45 s."""
FROZEN = 30.0
"""Seconds in which it takes connections and answers none: longer than any request waits, and than the Lease is held."""
RATE = 100.0
DIVIDE = 3
"""Of timers: less than elsewhere, since the control plane that comes back takes all of a small machine for a while."""


@pytest.fixture(scope="module")
def exchange(new_place: NewPlace, images: Images) -> Iterator[Exchanges]:
    where = new_place("outages")
    with exchanges(where, images, f"--divide-timers={DIVIDE}", "--only=binance.spot", "--history=20") as running:
        running.order("/rate", total=RATE)
        yield running


@pytest.fixture(scope="module")
def collector(exchange: Exchanges, images: Images) -> Collector:
    """A real pod that streams."""
    one = Collector(exchange.place, images, divide=DIVIDE)
    one.apply()
    one.rolled_out()
    return one


class Witness:
    """What may not change while the control plane is away."""

    def __init__(self, world: World, operator: Process, cluster: Cluster) -> None:
        self.world, self.operator, self._cluster = world, operator, cluster
        self.sick: list[str] = []

    async def have(self, action: Action, name: str) -> None:
        """Do something to a part of the control plane."""
        await asyncio.to_thread(component, self._cluster, action, name)

    async def watch(self, seconds: float) -> None:
        """Ask the operator for so long whether it is healthy, and whether it thinks that it may act."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status, text = await self.operator.get("/healthz")
            if status != 200:
                self.sick.append(text)
            await asyncio.sleep(1)

    async def state(self) -> dict[str, Any]:
        """What an operator must not have touched: templates, and pods."""
        deployments = await self.world.every("deployments")
        templates = {each["metadata"]["name"]: each["spec"]["template"] for each in deployments}
        return {"templates": templates, "pods": await self.world.pods()}

    async def works_again(self) -> bool:
        """Whether it acts, and has told since the outage what the pods say."""
        held = await self.operator.metric("metdc_operator_lease_held")
        return bool(held) and await self.world.condition("Ready") == ("True", "Collecting")


@asynccontextmanager
async def undisturbed(world: World, cluster: Cluster) -> AsyncIterator[Witness]:
    """Run an operator with a resource; once the block has ended it must be healthy, and must have changed nothing."""
    async with world.operator() as operator:
        await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])
        await until(partial(is_ready, world), why="ready")
        witness = Witness(world, operator, cluster)
        before, told = await witness.state(), (await world.status())["reportedAt"]
        yield witness
        await until(witness.works_again, within=90, why="the operator works again")
        await until(partial(told_after, world, told), within=60, why="the status is told anew")
        assert witness.sick == []
        assert await witness.state() == before
        assert operator.child.returncode is None
        await world.collector(markets=[{"name": "spot"}])
        await until(partial(only, world, ["binance-spot-0"]), within=60, why="an edit is heeded")


async def is_ready(world: World) -> bool:
    return await world.condition("Ready") == ("True", "Collecting")


async def told_after(world: World, moment: str) -> bool:
    return bool((await world.status())["reportedAt"] > moment)


async def only(world: World, names: Sequence[str]) -> bool:
    return await world.names("deployments") == list(names)


def nothing_open(exchange: Exchanges, pod: str) -> bool:
    told = report(exchange.place, pod)
    return told is not None and told["gaps"]["open"] == 0 and told["backlog"]["trades"] == 0


def streamed_on(exchange: Exchanges, collector: Collector, name: str) -> None:
    """The pod is the same, was not started again, and every trade is stored once."""
    # The node's own silence has had it marked as not ready meanwhile.
    eventually(lambda: ready(collector.pod()), START, "the pod is ready")
    pod = collector.pod()
    assert pod["metadata"]["name"] == name
    assert [each["restartCount"] for each in pod["status"]["containerStatuses"]] == [0]
    exchange.order("/pause")
    eventually(lambda: nothing_open(exchange, name), START, "what a connection missed is filled")
    record = exchange.audited().record()
    assert record["ok"], json.dumps(record)
    exchange.order("/resume")


async def test_an_api_server_that_is_killed_and_stays_away_is_waited_for(
    world: World, cluster: Cluster, exchange: Exchanges, collector: Collector
) -> None:
    name = collector.pod()["metadata"]["name"]
    async with undisturbed(world, cluster) as witness:
        await witness.have("kill", "apiserver")
        try:
            await witness.watch(AWAY)
            assert not await witness.operator.metric("metdc_operator_lease_held")
        finally:
            await witness.have("start", "apiserver")
    await asyncio.to_thread(streamed_on, exchange, collector, name)


async def test_an_api_server_that_hangs_is_waited_for(
    world: World, cluster: Cluster, exchange: Exchanges, collector: Collector
) -> None:
    name = collector.pod()["metadata"]["name"]
    async with undisturbed(world, cluster) as witness:
        await witness.have("freeze", "apiserver")
        try:
            await witness.watch(FROZEN)
            assert not await witness.operator.metric("metdc_operator_lease_held")
        finally:
            await witness.have("thaw", "apiserver")
    await asyncio.to_thread(streamed_on, exchange, collector, name)


async def test_an_etcd_that_is_started_anew_costs_nothing(
    world: World, cluster: Cluster, exchange: Exchanges, collector: Collector
) -> None:
    name = collector.pod()["metadata"]["name"]
    async with undisturbed(world, cluster) as witness:
        await witness.have("restart", "etcd")
        await witness.watch(5)
    await asyncio.to_thread(streamed_on, exchange, collector, name)
