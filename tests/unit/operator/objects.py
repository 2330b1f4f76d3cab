"""Objects as the API server shows them: what the operator wrote, with what the cluster has added."""

from collections.abc import Mapping
from typing import Any

from metdc_operator import records
from metdc_operator.installation import Installation
from metdc_operator.judgement import Judgement, Read
from metdc_operator.manifests.deployment import deployment, digests
from metdc_operator.resource import Part, Resource
from metdc_operator.times import render
from tests.unit.operator.examples import NOW, SECOND, report

SPOT = Part("spot", 0, 1)
INSTALLATION = Installation(nats={"urls": ["nats://nats:4222"]})
CREATED = NOW - 3600 * SECOND


def as_stored(body: Mapping[str, Any], *, uid: str = "d1", version: int = 10, generation: int = 1) -> dict[str, Any]:
    """What the API server makes of an object that it is sent."""
    added = {
        "uid": uid,
        "resourceVersion": str(version),
        "generation": generation,
        "creationTimestamp": render(CREATED),
    }
    return {**body, "metadata": body["metadata"] | added}


def raw_deployment(
    resource: Resource, part: Part = SPOT, *, slot: int = NOW, installation: Installation = INSTALLATION, **status: Any
) -> dict[str, Any]:
    """A Deployment as the operator wrote it, rolled out but for what ``status`` says."""
    body = deployment(resource, part, slot=render(slot), installation=installation)
    counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1} | status
    return as_stored(body, uid=f"{part.market}-{part.shard}") | {"status": counts}


def raw_pod(deployed: Mapping[str, Any], name: str = "binance-spot-0-a", **more: Any) -> dict[str, Any]:
    """A ready pod of a Deployment; ``metadata``, ``spec`` and ``status`` add to what it is."""
    template = deployed["spec"]["template"]
    metadata = {
        "name": name,
        "namespace": deployed["metadata"]["namespace"],
        "uid": f"uid-{name}",
        "resourceVersion": "11",
        "creationTimestamp": render(NOW - 600 * SECOND),
        "labels": dict(template["metadata"]["labels"]),
        "annotations": dict(template["metadata"]["annotations"]),
    }
    since = {"type": "Ready", "status": "True", "lastTransitionTime": render(NOW - 500 * SECOND)}
    status = {"phase": "Running", "podIP": "10.0.0.1", "startTime": render(NOW - 600 * SECOND), "conditions": [since]}
    spec = {"nodeName": "node1", "terminationGracePeriodSeconds": 60}
    return {
        "metadata": metadata | more.get("metadata", {}),
        "spec": spec | more.get("spec", {}),
        "status": status | more.get("status", {}),
    }


def judged(
    resource: Resource,
    deployed: Mapping[str, Any] | None = None,
    *pods: Mapping[str, Any],
    part: Part = SPOT,
    installation: Installation = INSTALLATION,
    **more: Any,
) -> Judgement:
    """The judgement on a part with that Deployment and those pods."""
    found = [records.pod(raw) for raw in pods]
    return Judgement(
        resource=resource,
        part=part,
        want=more.pop("want", None) or digests(resource, part, installation),
        deployment=records.deployment(deployed) if deployed is not None else None,
        pods=found,
        reads=more.pop("reads", {each.meta.uid: Read(report(pod=each.meta.name)) for each in found}),
        **more,
    )
