"""The control plane fails: the operator waits for it and does nothing that it would regret, and pods stream on."""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from metdc_operator.cluster.api import ApiError
from tests.audit.judge import Verdict
from tests.cluster.collectors import Collector
from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images
from tests.cluster.kube import Cluster, Json
from tests.cluster.operator.world import Process, World, new_world, until
from tests.cluster.place import START, Exchanges, exchanges, owes, ready, report
from tests.cluster.testbed import Action, component
from tests.harness import eventually, say

AWAY = float(os.environ.get("METDC_API_AWAY", "25"))
"""Seconds without an API server: the Lease is lost after 10, requests end after 20."""
FROZEN = 25.0
"""Seconds in which it takes connections and answers none: longer than any request waits, and than the Lease is held."""
RATE = 100.0
DIVIDE = 3
"""Of timers: less than elsewhere, since the control plane that comes back takes all of a small machine for a while."""

pytestmark = [pytest.mark.alone(turn=2), pytest.mark.timeout(900 + AWAY)]


@dataclass(frozen=True, slots=True)
class Outage:
    """What befalls a part of the control plane, for how many seconds, and what ends it."""

    name: str
    part: str
    begins: Action
    seconds: float
    ends: Action | None = None


OUTAGES = (
    Outage("an API server that is killed and stays away", "apiserver", "kill", AWAY, "start"),
    Outage("an API server that hangs", "apiserver", "freeze", FROZEN, "thaw"),
    Outage("an etcd that is started anew", "etcd", "restart", 5),
)


@dataclass(slots=True)
class Endured:
    """What there was to see, by the names of outages.

    Attributes:
        held: whether the operator still thought that it may act, just before the outage's end.
        before, after: what an operator must not have touched: templates, and pods.
        sick: what its health check said against it.
        ended: its exit code; null while it runs.
        pods: the real pod before all of it, and after.
        verdict: of the audit, of what that pod has stored.
    """

    held: dict[str, bool] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, dict[str, Any]] = field(default_factory=dict)
    sick: list[str] = field(default_factory=list)
    ended: int | None = None
    pods: list[Json] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict({}, []))


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


@pytest.fixture(scope="module")
def endured(
    cluster: Cluster, exchange: Exchanges, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Endured:
    """All outages, one after the other; each ends with an operator that works again, the last with an edit."""
    found = Endured(pods=[collector.pod()])

    async def endure() -> None:
        async with new_world(tmp_path_factory.mktemp("outages")) as world, world.operator() as operator:
            await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])
            await until(partial(is_ready, world), why="ready")
            found.before = await state(world)
            for outage in OUTAGES:
                say(outage.name)
                await outlast(found, outage, world, operator, cluster)
            await world.collector(markets=[{"name": "spot"}])
            await until(partial(only, world, ["binance-spot-0"]), within=60, why="an edit is heeded")
            found.ended = operator.child.returncode

    asyncio.run(endure())
    # The node's own silence has had it marked as not ready meanwhile.
    eventually(lambda: ready(collector.pod()), START, "the pod is ready")
    found.pods.append(collector.pod())
    exchange.order("/pause")
    name = found.pods[-1]["metadata"]["name"]
    eventually(lambda: nothing_open(exchange, name), START, "what a connection missed is filled")
    found.verdict = exchange.audited()
    return found


async def outlast(found: Endured, outage: Outage, world: World, operator: Process, cluster: Cluster) -> None:
    """Have one outage, and wait until the operator works again."""
    told = (await world.status())["reportedAt"]
    await asyncio.to_thread(component, cluster, outage.begins, outage.part)
    try:
        found.sick += await watched(operator, outage.seconds)
        found.held[outage.name] = bool(await operator.metric("metdc_operator_lease_held"))
    finally:
        if outage.ends is not None:
            await asyncio.to_thread(component, cluster, outage.ends, outage.part)
    await until(partial(works_again, world, operator), within=90, every=1, why="the operator works again")
    await until(partial(told_after, world, told), within=60, why="the status is told anew")
    found.after[outage.name] = await state(world)


async def watched(operator: Process, seconds: float) -> list[str]:
    """Ask an operator for so long whether it is healthy; return what it said where it was not."""
    sick, end = list[str](), time.monotonic() + seconds
    while time.monotonic() < end:
        status, text = await operator.get("/healthz")
        if status != 200:
            sick.append(text)
        await asyncio.sleep(1)
    return sick


async def state(world: World) -> dict[str, Any]:
    deployments = await world.every("deployments")
    templates = {each["metadata"]["name"]: each["spec"]["template"] for each in deployments}
    return {"templates": templates, "pods": await world.pods()}


async def is_ready(world: World) -> bool:
    return await world.condition("Ready") == ("True", "Collecting")


async def works_again(world: World, operator: Process) -> bool:
    """Whether it acts, and tells the truth of pods that are ready again."""
    try:
        await world.say_ready()
    except ApiError:
        return False  # an API server that starts refuses for a moment what it allows
    return bool(await operator.metric("metdc_operator_lease_held")) and await is_ready(world)


async def told_after(world: World, moment: str) -> bool:
    return bool((await world.status())["reportedAt"] > moment)


async def only(world: World, names: Sequence[str]) -> bool:
    return await world.names("deployments") == list(names)


def nothing_open(exchange: Exchanges, pod: str) -> bool:
    told = report(exchange.place, pod)
    return told is not None and not owes(told)


def restarts(pod: Mapping[str, Any]) -> list[int]:
    return [each["restartCount"] for each in pod["status"]["containerStatuses"]]


@pytest.mark.parametrize("outage", [each for each in OUTAGES if each.part == "apiserver"], ids=lambda each: each.name)
def test_an_operator_that_cannot_renew_its_lease_acts_no_longer(endured: Endured, outage: Outage) -> None:
    assert not endured.held[outage.name]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda each: each.name)
def test_an_operator_changes_nothing_once_the_control_plane_is_back(endured: Endured, outage: Outage) -> None:
    assert endured.after[outage.name] == endured.before


def test_an_operator_waits_for_the_control_plane_in_good_health(endured: Endured) -> None:
    assert endured.sick == []
    assert endured.ended is None


def test_a_pod_streams_on_without_a_control_plane(endured: Endured) -> None:
    before, after = endured.pods
    assert before["metadata"]["name"] == after["metadata"]["name"]
    assert restarts(before) == restarts(after) == [0]


def test_an_outage_of_the_control_plane_loses_repeats_and_misorders_nothing(endured: Endured) -> None:
    record = endured.verdict.record()
    assert record["ok"], json.dumps(record)
