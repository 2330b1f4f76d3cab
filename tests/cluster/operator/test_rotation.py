"""When and how pods are replaced on a real cluster."""

from functools import partial
from typing import Any

import pytest

from metdc_operator.cluster.api import MERGE
from tests.cluster.operator.world import SELDOM, World, until

pytestmark = pytest.mark.timeout(300)
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CORDON = {"spec": {"unschedulable": True}}
ABANDON = {"spec": {"holderIdentity": "nobody", "leaseDurationSeconds": 86400}}
"""Of a node's lease: kwok, which plays the kubelet, waits for somebody who never says anything."""


async def ready(world: World, name: str = "binance") -> bool:
    return await world.condition("Ready", name) == ("True", "Collecting")


async def replaced(world: World, before: list[str]) -> bool:
    pods = await world.pods()
    return len(pods) == len(before) and not set(pods) & set(before)


async def test_a_pod_is_replaced_each_interval_and_the_status_tells_how(world: World) -> None:
    async with world.operator():
        await world.collector(rotation={"interval": "1m", "overlap": "2s"})
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        await until(lambda: replaced(world, before), within=90, why="replaced")

        async def told() -> bool:
            return bool((await world.status())["markets"][0].get("lastRotation"))

        await until(told, within=60, why="told")
        last = (await world.status())["markets"][0]["lastRotation"]
        assert [last["from"]] == before
        assert any(reason == "Rotated" for reason, _ in await world.events())


async def test_an_order_on_the_resource_replaces_at_once_even_if_the_schedule_rests(world: World) -> None:
    async with world.operator():
        await world.collector(rotation={"overlap": "1s", "suspend": True})
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        await world.order()
        await until(lambda: replaced(world, before), why="replaced")


async def test_an_edit_replaces_within_the_budget(world: World) -> None:
    slowly = {"rotation": SELDOM | {"overlap": "5s"}}  # so that each replacement is seen
    async with world.operator():
        names = [f"c{place}" for place in range(4)]
        for name in names:
            await world.collector(name, **slowly)
        for name in names:
            await until(partial(ready, world, name), why="ready")
        before = await world.pods()
        for name in names:
            await world.collector(name, symbols={"include": ["BTC"]}, **slowly)
        most = 0

        async def all_replaced() -> bool:
            nonlocal most
            deployed = await world.every("deployments")
            most = max(most, sum(each["status"].get("replicas", 0) > 1 for each in deployed))
            return await replaced(world, before)

        await until(all_replaced, within=90, why="all replaced")
        assert 1 <= most <= 2


async def test_a_market_grows_and_shrinks_with_the_new_shards_first_and_the_removed_ones_last(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        await world.collector(markets=[{"name": "spot", "shards": 3}])
        seen: list[tuple[str, int]] = []

        async def grown() -> bool:
            for each in await world.every("deployments"):
                config = each["spec"]["template"]["metadata"]["annotations"]["metdc.io/config"]
                state = (each["metadata"]["name"], 3 if '"shards":3' in config else 1)
                if state not in seen:
                    seen.append(state)
            names = [f"binance-spot-{shard}" for shard in range(3)]
            return ("binance-spot-0", 3) in seen and await world.settled(*names)

        await until(grown, within=60, why="grown")
        assert seen[0] == ("binance-spot-0", 1)
        assert seen[-1] == ("binance-spot-0", 3)

        await world.collector(markets=[{"name": "spot", "shards": 1}])
        states: list[tuple[int, bool]] = []

        async def shrunk() -> bool:
            deployed = {each["metadata"]["name"]: each for each in await world.every("deployments")}
            config = deployed["binance-spot-0"]["spec"]["template"]["metadata"]["annotations"]["metdc.io/config"]
            states.append((len(deployed), '"shards":1' in config))
            return len(deployed) == 1

        await until(shrunk, within=60, why="shrunk")
        assert all(alone for count, alone in states if count < 3)


async def test_pods_leave_a_cordoned_node_before_they_are_evicted(world: World) -> None:
    async with world.nodes(2) as (there, _), world.operator():
        await world.collector(**there)
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        node = await world.node_of(before[0])
        await world.api.request("PATCH", f"/api/v1/nodes/{node}", body=CORDON, content_type=MERGE)
        await until(lambda: replaced(world, before), why="replaced")
        (name,) = await world.pods()
        assert await world.node_of(name) != node


async def test_a_dead_nodes_pod_is_made_elsewhere_and_the_status_follows(world: World) -> None:
    async with world.nodes(2) as (there, _), world.operator():
        await world.collector(**there)
        await until(lambda: ready(world), why="ready")
        (dead,) = await world.pods()
        node = await world.node_of(dead)
        await world.api.request("PATCH", f"{LEASES}/{node}", body=ABANDON, content_type=MERGE)
        world.stub.say(lambda report: None if report.pod == dead else report)

        async def elsewhere() -> bool:
            pods = await world.pods()
            return len(pods) == 1 and pods != [dead] and await ready(world)

        await until(elsewhere, within=240, every=1, why="made elsewhere")
        (name,) = await world.pods()
        assert await world.node_of(name) != node
        assert (await world.status())["markets"][0]["pods"][0]["name"] == name


async def test_a_successor_that_fits_nowhere_stalls_the_rotation_and_heals(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        await world.collector(nodeSelector={"type": "nowhere"})

        async def stalled() -> bool:
            return await world.condition("RotationStalled") == ("True", "Unschedulable")

        await until(stalled, within=90, why="stalled")
        assert set(before) <= set(await world.pods())
        assert await ready(world)
        assert any(reason == "Unschedulable" for reason, _ in await world.events())
        await world.collector()

        async def healed() -> bool:
            return await world.condition("RotationStalled") == ("False", "OnSchedule")

        await until(healed, within=60, why="healed")


async def test_a_quota_that_leaves_no_room_stalls_the_rotation_and_heals(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        await world.create("resourcequotas", {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "1"}}})
        await world.collector(symbols={"include": ["BTC"]})

        async def stalled() -> bool:
            return await world.condition("RotationStalled") == ("True", "QuotaExceeded")

        await until(stalled, within=90, why="stalled")
        assert await world.pods() == before
        await world.delete("resourcequotas", "full")
        await until(lambda: replaced(world, before), within=120, why="healed")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"image": "metdc/no-such-image:1"}, "ImageNotFound"),
        ({"nats": {"urls": ["nats://nats:4222"], "credentialsSecretRef": {"name": "nothing"}}}, "SecretMissing"),
    ],
)
async def test_a_successor_that_cannot_start_says_why_and_heals(
    world: World, spec: dict[str, Any], reason: str
) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        before = await world.pods()
        await world.collector(nodeSelector={"kubernetes.io/os": "linux"}, tolerations=[], **spec)

        async def stalled() -> bool:
            return await world.condition("RotationStalled") == ("True", reason)

        await until(stalled, within=120, why="stalled")
        assert set(before) <= set(await world.pods())
        await world.collector()

        async def healed() -> bool:
            return await world.condition("RotationStalled") == ("False", "OnSchedule") and await ready(world)

        await until(healed, within=60, why="healed")
