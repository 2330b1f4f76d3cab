"""What the operator makes of a ListingCapture on a real API server; its pod runs nowhere here."""

import copy
from typing import Any

import pytest

from metdc_operator.cluster.api import ApiError
from tests.cluster.operator.world import World, until

pytestmark = pytest.mark.timeout(240)
NAMES = ["capture-somi"]


async def ordered(world: World, name: str = "somi", **spec: Any) -> None:
    body = {"apiVersion": "metdc.io/v1alpha1", "kind": "ListingCapture", "metadata": {"name": name}}
    await world.create("listingcaptures", body | {"spec": {"base": "SOMI"} | spec})


async def condition(world: World, name: str = "somi") -> tuple[str, str]:
    found = await world.get("listingcaptures", name)
    told = (found or {}).get("status", {}).get("conditions", ())
    return next(((each["status"], each["reason"]) for each in told if each["type"] == "Captured"), ("", ""))


async def test_a_capture_gets_a_job_and_a_policy_and_its_status_says_why_it_waits(world: World) -> None:
    missing = {"captures": {"image": "metdc.invalid/listings:none", "imagePullPolicy": "IfNotPresent"}}
    async with world.operator(installation=missing) as operator:
        await ordered(world)
        await until(lambda: made(world), why="its objects are made")

        async def told() -> bool:
            return await condition(world) == ("False", "ImageNotFound")

        await until(told, within=120, why="says that the image is missing")
        assert await operator.metric("metdc_operator_captures") == 1
        assert await operator.metric("metdc_operator_pods") == 0
        assert (await operator.get("/healthz"))[0] == 200
    found = await world.get("listingcaptures", "somi")
    assert found is not None
    assert found["status"]["phase"] == "Pending"
    assert {each["manager"] for each in found["metadata"]["managedFields"]} >= {"metdc-operator-status"}
    assert "ImageNotFound" in [reason for reason, _ in await world.events()]
    await world.delete("listingcaptures", "somi")
    await until(lambda: gone(world), why="Job and policy go with it, operator or not")


async def made(world: World) -> bool:
    return await world.names("jobs") == NAMES == await world.names("networkpolicies")


async def gone(world: World) -> bool:
    return not await world.names("jobs") + await world.names("networkpolicies") + await world.names("pods")


async def test_a_job_of_that_name_that_is_somebody_else_s_is_left_alone(world: World) -> None:
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "metdc/collector:dev",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAMES[0]}}
    await world.create("jobs", job | {"spec": {"suspend": True, "template": {"spec": pod}}})
    before = await world.get("jobs", NAMES[0])
    async with world.operator():
        await ordered(world)

        async def told() -> bool:
            return await condition(world) == ("False", "NameTaken")

        await until(told, why="says so")
    after = await world.get("jobs", NAMES[0])
    assert before is not None
    assert after is not None
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])


async def test_what_the_definition_forbids_is_refused(world: World) -> None:
    for spec in ({"base": "SO MI"}, {"before": "11m"}, {"markets": ["kraken"]}, {"at": "yesterday"}):
        with pytest.raises(ApiError) as refused:
            await ordered(world, **spec)
        assert refused.value.status in {400, 422}
    await ordered(world, at="2026-11-27T02:00:00.123Z")
    found = await world.get("listingcaptures", "somi")
    assert found is not None
    assert (found["spec"]["before"], found["spec"]["after"]) == ("20s", "20s")
    changed = copy.deepcopy(found["spec"]) | {"after": "30s"}
    with pytest.raises(ApiError, match="spec is immutable"):
        await world.patch("listingcaptures", "somi", {"spec": changed})
