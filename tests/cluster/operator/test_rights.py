"""What the operator's account may do, by the API server's own word, and what it has done, by its log of requests."""

import json
import os
import time
from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest

from metdc_operator.cluster.api import ApiError
from tests.cluster import figures
from tests.cluster.conftest import PREFIX
from tests.cluster.kube import Cluster
from tests.cluster.operator.account import NAME, rules
from tests.cluster.operator.world import World, until
from tests.cluster.testbed import requests

pytestmark = pytest.mark.timeout(400)
_CREATED = 201
_FORBIDDEN = 403
_DECISION = "authorization.k8s.io/decision"


class Right(NamedTuple):
    """One thing that may be done, or was."""

    group: str
    resource: str
    verb: str


def rights(granted: Iterable[Mapping[str, Any]]) -> set[Right]:
    """The rules of a role, one by one."""
    return {
        Right(group, resource, verb)
        for rule in granted
        for group in rule.get("apiGroups", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


ROLE = rights(rules("ClusterRole")) | rights(rules("Role"))


def rights_of(cluster: Cluster, namespace: str, account: str) -> set[Right]:
    """What an account may do in a namespace, asked in its name."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    as_it = f"--as=system:serviceaccount:{namespace}:{account}"
    words = ("create", as_it, "--validate=false", "--filename=-", "--output=json")
    told = json.loads(cluster.run(*words, given=json.dumps(review)))
    return rights(told["status"]["resourceRules"])


async def test_the_account_may_do_what_the_role_lists_and_nothing_else(world: World, cluster: Cluster) -> None:
    anybody = rights_of(cluster, world.namespace, "default")
    assert rights_of(cluster, world.namespace, NAME) - anybody == ROLE


async def test_what_is_not_restricted_is_refused_where_collectors_run(world: World) -> None:
    root = {"metadata": {"name": "root"}, "spec": {"containers": [{"name": "main", "image": "metdc/collector:dev"}]}}
    with pytest.raises(ApiError, match="violates PodSecurity") as refused:
        await world.create("pods", root)
    assert refused.value.status == _FORBIDDEN

    async with world.operator():
        await world.collector()
        await until(partial(settled, world), why="the collector's pod is let in")
    (pod,) = await world.every("pods")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [volume for volume in pod["spec"]["volumes"] if "serviceAccountToken" in json.dumps(volume)] == []


async def settled(world: World) -> bool:
    return await world.settled("binance-spot-0")


async def everything(world: World) -> None:
    """Have the operator do each thing once that it ever does, the rare ones too."""
    async with world.operator():
        await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])
        await until(partial(world.settled, "binance-spot-0", "binance-futures-0"), why="both markets are made")
        await world.collector()
        await until(partial(only_spot, world), why="one market is removed")
        # On a real node, a pod whose volumes lack something waits, and the events are asked for what.
        nats = {"urls": ["nats://nats:4222"], "credentialsSecretRef": {"name": "nothing"}}
        await world.collector(nodeSelector={"kubernetes.io/os": "linux"}, tolerations=[], nats=nats)
        await until(partial(missing, world), within=120, why="a Secret is missed")
        capture = {"apiVersion": "metdc.io/v1alpha1", "kind": "ListingCapture", "metadata": {"name": "somi"}}
        await world.create("listingcaptures", capture | {"spec": {"base": "SOMI"}})
        await until(partial(told, world), why="a capture is made and told")
    async with world.operator(installation={"networkPolicies": False}):
        await until(partial(no_policy, world), why="the policy is removed")


async def only_spot(world: World) -> bool:
    return await world.names("deployments") == await world.names("poddisruptionbudgets") == ["binance-spot-0"]


async def missing(world: World) -> bool:
    return await world.condition("RotationStalled") == ("True", "SecretMissing")


async def told(world: World) -> bool:
    found = await world.get("listingcaptures", "somi")
    return found is not None and "phase" in found.get("status", {}) and await world.names("jobs") == ["capture-somi"]


async def no_policy(world: World) -> bool:
    return await world.names("networkpolicies") == ["capture-somi"]


def done(
    records: Iterable[Mapping[str, Any]], since: str, namespaces: Container[str] | None = None
) -> tuple[set[Right], list[str]]:
    """What operators' accounts of this run have done by a log of requests, and what they were refused.

    Those of all namespaces that tests make, or of these.
    """
    used: set[Right] = set()
    refused: list[str] = []
    for record in records:
        account = record["user"].get("username", "").split(":")  # a request that was given up has none
        if record["requestReceivedTimestamp"] < since or account[:2] + account[3:] != [
            "system",
            "serviceaccount",
            NAME,
        ]:
            continue
        if not (account[2].startswith(f"{PREFIX}-") if namespaces is None else account[2] in namespaces):
            continue
        target, code = record.get("objectRef", {}), record.get("responseStatus", {}).get("code")
        if record.get("annotations", {}).get(_DECISION) == "forbid":  # a namespace that ends forbids, too
            refused.append(f"{record['verb']} {record['requestURI']}")
        parts = [target.get("resource", ""), *([target["subresource"]] if "subresource" in target else [])]
        used.add(Right(target.get("apiGroup", ""), "/".join(parts), record["verb"]))
        if code == _CREATED and record["verb"] == "patch":  # what makes an object wants both rights
            used.add(Right(target.get("apiGroup", ""), "/".join(parts), "create"))
    return used, refused


async def test_all_that_is_granted_is_needed_by_what_an_operator_does(world: World, cluster: Cluster) -> None:
    begun = figures.moment(time.time())
    await everything(world)
    used, refused = done(requests(cluster), begun, {world.namespace})
    assert refused == []
    assert used == ROLE


@pytest.mark.alone(turn=1)  # of all before; an API server that starts anew refuses for a moment what it allows
async def test_all_that_operators_have_done_is_granted(world: World, cluster: Cluster) -> None:
    begun = figures.moment(time.time())
    async with world.operator():
        await world.collector()
        await until(partial(settled, world), why="the collector's pod is let in")
    used, refused = done(requests(cluster), os.environ.get(figures.BEGUN, begun))
    assert refused == []
    assert used - ROLE == set()
    assert used
