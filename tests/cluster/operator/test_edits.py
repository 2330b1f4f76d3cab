"""An edit of each field of the spec: what happens is what the field's description says."""

import time
from functools import partial

import pytest

from metdc_collector.wire import durations
from metdc_operator.rotation import slot_start
from tests.cluster.operator.edits import BASE, ELSEWHERE, KEEPING, REDUNDANCY, Edit, leaves, replacing
from tests.cluster.operator.world import World, until

pytestmark = pytest.mark.timeout(600)
_QUIET = 600 * 10**9


async def all_ready(world: World, names: list[str]) -> bool:
    found = {each["metadata"]["name"]: each.get("status", {}) for each in await world.every("exchangecollectors")}
    return all(
        any(each["type"] == "Ready" and each["status"] == "True" for each in found[name].get("conditions", ()))
        for name in names
    )


async def pods_of(world: World) -> dict[str, set[str]]:
    """The names of pods that are not ending, by their resource."""
    found: dict[str, set[str]] = {}
    for pod in await world.every("pods"):
        if "deletionTimestamp" not in pod["metadata"]:
            found.setdefault(pod["metadata"]["labels"]["metdc.io/collector"], set()).add(pod["metadata"]["name"])
    return found


def test_every_field_has_an_edit() -> None:
    paths = [each.path for each in (*replacing(), *KEEPING.values(), REDUNDANCY)]
    assert sorted([*paths, *ELSEWHERE]) == sorted(leaves())


async def test_an_edit_of_what_a_pod_is_made_of_replaces_it(world: World) -> None:
    edits = {f"e{number}": edit for number, edit in enumerate(replacing())}
    async with world.operator():
        for name, edit in edits.items():
            await world.collector(name, **BASE | edit.before)
        await until(partial(all_ready, world, list(edits)), within=180, every=2, why="all are ready")
        before = await pods_of(world)
        for name, edit in edits.items():
            await world.collector(name, **BASE | edit.after)
        kept: dict[str, str] = {}

        async def all_replaced() -> bool:
            now = await pods_of(world)
            kept.clear()
            kept.update({name: edit.path for name, edit in edits.items() if now.get(name, set()) & before[name]})
            return not kept and all(len(now.get(name, ())) == 1 for name in edits)

        await until(all_replaced, within=240, every=2, why=lambda: f"replaced; not so for {sorted(kept.values())}")


def quiet(world: World, edit: Edit, now: int) -> str:
    """A name whose pod is not due by any schedule of the edit for some minutes, and at another time by each."""
    intervals = [durations.parse((BASE | spec)["rotation"]["interval"]) for spec in (edit.before, edit.after)]
    for number in range(1000):
        identity = f"{world.namespace}/q{number}/spot/0"
        first, second = (slot_start(identity, interval, now) for interval in intervals)
        later = [slot_start(identity, interval, now + _QUIET) for interval in intervals]
        apart = intervals[0] == intervals[1] or first + intervals[0] != second + intervals[1]
        if second <= first and later == [first, second] and apart:
            return f"q{number}"
    raise AssertionError("no such name")


@pytest.mark.parametrize("field", KEEPING)
async def test_an_edit_of_the_rotation_replaces_no_pod(world: World, field: str) -> None:
    edit = KEEPING[field]
    name = quiet(world, edit, time.time_ns())
    async with world.operator():
        await world.collector(name, **BASE | edit.before)
        await until(partial(all_ready, world, [name]), why="ready")
        before, planned = await pods_of(world), (await world.status(name))["totals"].get("nextRotationAt")
        generation = await world.generation(f"{name}-spot-0")
        await world.collector(name, **BASE | edit.after)

        async def seen() -> bool:
            deployed = await world.get("deployments", f"{name}-spot-0")
            assert deployed is not None
            resource = await world.get("exchangecollectors", name)
            assert resource is not None
            written = deployed["metadata"]["annotations"]["metdc.io/generation"]
            told = resource["status"]["observedGeneration"]
            return bool(int(written) == told == resource["metadata"]["generation"] == 2)

        await until(seen, why="the edit is seen")
        deployed = await world.get("deployments", f"{name}-spot-0")
        assert deployed is not None
        assert deployed["spec"]["minReadySeconds"] == (2 if field == "overlap" else 1)
        assert deployed["metadata"]["generation"] == generation + 1
        assert deployed["metadata"]["annotations"]["metdc.io/applied"] == str(generation + 1)
        assert ((await world.status(name))["totals"].get("nextRotationAt") != planned) == (field != "overlap")
        await until(partial(world.settled, f"{name}-spot-0"), why="settled")
        assert await pods_of(world) == before


async def test_redundancy_gives_each_shard_a_second_pod(world: World) -> None:
    async with world.operator():
        await world.collector("twice", **BASE | REDUNDANCY.before)
        await until(partial(all_ready, world, ["twice"]), why="ready")
        await world.collector("twice", **BASE | REDUNDANCY.after)

        async def doubled() -> bool:
            pods = (await world.status("twice"))["markets"][0]["pods"]
            return await world.settled("twice-spot-0") and len(pods) == 2 and all(each["ready"] for each in pods)

        await until(doubled, why="two pods are ready")
        nodes = {pod["spec"]["nodeName"] for pod in await world.every("pods")}
        assert len(nodes) == 2
