"""The Deployment of one market's shard, and what tells whether a live one is as the resource wants it."""

from dataclasses import dataclass
from typing import Any

from metdc_collector.wire.config import encode
from metdc_collector.wire.durations import SECOND
from metdc_operator.installation import Installation
from metdc_operator.manifests.config import pod_config
from metdc_operator.manifests.names import (
    APPLIED,
    CONFIG,
    SHELL_DIGEST,
    SLOT,
    deployment_name,
    digest,
    managed,
    owner,
    selector,
)
from metdc_operator.manifests.pod import pod
from metdc_operator.resource import Part, Resource

TEMPLATE_DIGEST = "metdc.io/template-digest"
"""Of the pod template but its slot: what a rotation does not change. In the template itself, so that pods carry it."""
GENERATION = "metdc.io/generation"
"""Of the resource, when the template was written: a later one tells an edit from an upgrade."""

PROGRESS = 420
"""Seconds beyond the overlap after which a successor that is not ready stalls the rotation."""
_NO_SLOT = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Digests:
    """What a Deployment is told by: equal digests mean that nothing is to be changed."""

    template: str
    shell: str


def digests(resource: Resource, part: Part, installation: Installation) -> Digests:
    """Return the digests that the part's Deployment has once it is as the resource wants it."""
    template = _template(resource, part, _NO_SLOT, installation)
    return Digests(template=digest(template), shell=digest(_shell(resource, part, installation)))


def deployment(
    resource: Resource, part: Part, *, slot: str, installation: Installation, applied: int = 1
) -> dict[str, Any]:
    """Return the Deployment of one market's shard.

    ``slot`` is the start of its pods' rotation slot, RFC 3339; ``applied`` the generation that it will have.
    """
    found = digests(resource, part, installation)
    made = _shell(resource, part, installation)
    made["metadata"]["annotations"] = {
        SHELL_DIGEST: found.shell,
        GENERATION: str(resource.generation),
        APPLIED: str(applied),
    }
    template = _template(resource, part, slot, installation)
    template["metadata"]["annotations"][TEMPLATE_DIGEST] = found.template
    made["spec"] |= {"selector": {"matchLabels": selector(resource, part)}, "template": template}
    return made


def adjustment(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    """Return a merge patch with everything but the template, for a Deployment whose template waits for its turn."""
    patch = _shell(resource, part, installation)
    patch["metadata"]["annotations"] = {SHELL_DIGEST: digest(patch)}
    return patch


def _shell(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    """What of the Deployment may change without replacing a pod."""
    overlap = -(-resource.overlap // SECOND)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": deployment_name(resource, part),
            "namespace": resource.namespace,
            "labels": selector(resource, part) | managed(installation),
            "ownerReferences": [owner(resource)],
        },
        "spec": {
            "replicas": 0 if resource.spec["suspend"] else resource.spec["redundancy"],
            "revisionHistoryLimit": 2,
            "minReadySeconds": overlap,
            "progressDeadlineSeconds": overlap + PROGRESS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
    }


def _template(resource: Resource, part: Part, slot: str, installation: Installation) -> dict[str, Any]:
    spec = resource.spec
    return {
        "metadata": {
            "labels": dict(spec.get("podLabels", {})) | selector(resource, part) | managed(installation),
            "annotations": dict(spec.get("podAnnotations", {}))
            | {
                SLOT: slot,
                CONFIG: encode(pod_config(resource, part, slot=slot, installation=installation)),
            },
        },
        "spec": pod(resource, part, installation),
    }
