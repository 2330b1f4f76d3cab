"""The operator is away: nothing is replaced but what has begun, and the status shows its age; then, no haste."""

import asyncio
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from metdc_collector.wire import report as reports
from metdc_operator import rotation
from tests.cluster.kube import Cluster
from tests.cluster.operator.world import World, until

pytestmark = pytest.mark.timeout(400)
DAY = 86_400
SECOND = 10**9
AWAY = 15.0
"""Seconds in which nobody is there, as far as time has to pass; the intervals are those of another clock."""
MARKETS = 8


async def ready(world: World, name: str = "binance") -> bool:
    return await world.condition("Ready", name) == ("True", "Collecting")


async def count(world: World, pods: int) -> bool:
    return len(await world.pods()) == pods


async def test_a_replacement_goes_on_without_the_operator_and_is_told_when_it_is_back(world: World) -> None:
    async with world.operator() as first:
        await world.collector(rotation={"interval": "24h", "overlap": "10s"})
        await until(partial(ready, world), why="ready")
        before = await world.pods()
        await world.order()
        await until(partial(count, world, 2), why="the old pod and the new one")
        await first.stop(signal.SIGKILL)
    (new,) = set(await world.pods()) - set(before)
    template = await world.generation("binance-spot-0")
    await until(partial(count, world, 1), why="the old pod has ended")
    assert await world.pods() == [new]

    proof = reports.Handover(before[0], farewell=True, final=True, finished=time.time_ns(), symbols=40, by_id=40)
    world.stub.say(lambda report: replace(report, handover=proof) if report.pod == new else report)
    async with world.operator() as second:

        async def told() -> bool:
            return bool((await world.status())["markets"][0].get("lastRotation"))

        await until(told, within=90, why="told")
        last = (await world.status())["markets"][0]["lastRotation"]
        assert (last["from"], last["to"], last["symbolsProvenById"]) == (before[0], new, 40)
        assert await second.metric("metdc_operator_lease_held") == 1
        assert await world.generation("binance-spot-0") == template
        assert await world.pods() == [new]
        assert [reason for reason, _ in await world.events()].count("Rotated") == 1


def at_rest(world: World, now: int) -> Iterator[str]:
    """Names of resources whose next slot begins in no less than a few minutes, so that no pod is due twice."""
    for number in range(1000):
        identity = f"{world.namespace}/c{number}/spot/0"
        begun = rotation.slot_start(identity, DAY * SECOND, now)
        if begun == rotation.slot_start(identity, DAY * SECOND, now + 900 * SECOND):
            yield f"c{number}"


async def test_missed_slots_are_made_up_for_once_and_not_all_at_the_same_time(world: World, cluster: Cluster) -> None:
    names = [name for name, _ in zip(at_rest(world, time.time_ns()), range(MARKETS), strict=False)]
    async with world.operator(behind=3 * DAY):
        for name in names:
            await world.collector(name, rotation={"interval": "24h", "overlap": "1s"})
        for name in names:
            await until(partial(ready, world, name), why="ready")
        before = set(await world.pods())
    await asyncio.sleep(AWAY)
    assert set(await world.pods()) == before
    aged = await world.age(cluster, names[0])
    assert aged >= AWAY - 1
    deployed = [f"{name}-spot-0" for name in names]
    most = 0
    async with world.operator():

        async def all_replaced() -> bool:
            nonlocal most
            found = await world.every("deployments")
            most = max(most, sum(each["status"].get("replicas", 0) > 1 for each in found))
            return not before & set(await world.pods()) and await world.settled(*deployed)

        await until(all_replaced, within=240, why="all are replaced")

        async def told_anew() -> bool:
            return await world.age(cluster, names[0]) < aged

        await until(told_anew, within=90, every=2, why="the status is told anew")
    assert 1 <= most <= rotation.budget([DAY * SECOND] * MARKETS)
    revisions = [
        each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for each in await world.every("deployments")
    ]
    assert revisions == ["2"] * MARKETS
