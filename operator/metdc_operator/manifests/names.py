"""Names and labels of what the operator makes; they are how it finds its own again, and never change."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from metdc_operator.installation import Installation
from metdc_operator.resource import API_VERSION, KIND, Part, Resource

CONFIG = "metdc.io/config"
SLOT = "metdc.io/rotation-slot"
SHELL_DIGEST = "metdc.io/shell-digest"
"""Of what the operator wrote, but a pod template: what may change without replacing a pod."""
APPLIED = "metdc.io/applied"
"""The object's own generation after the operator wrote it; another one tells that somebody else has changed it."""
LABEL_COLLECTOR = "metdc.io/collector"
LABEL_MARKET = "metdc.io/market"
LABEL_SHARD = "metdc.io/shard"
LABEL_CAPTURE = "metdc.io/capture"
"""On what belongs to a ListingCapture, which the loop for ExchangeCollectors passes over."""
LABEL_OPERATOR = "metdc.io/operator"
LABEL_MANAGER = "app.kubernetes.io/managed-by"
MANAGER = "metdc-operator"
APPLICATION = "metdc-collector"

PORT = 8080
"""Of probes, report and metrics of a collector's pod."""


def deployment_name(resource: Resource, part: Part) -> str:
    """Return ``<name>-<market>-<shard>``."""
    return f"{resource.name}-{part.market}-{part.shard}"


def selector(resource: Resource, part: Part) -> dict[str, str]:
    """Return the labels that tell this Deployment's pods; they never change."""
    return {
        "app.kubernetes.io/name": APPLICATION,
        LABEL_COLLECTOR: resource.name,
        LABEL_MARKET: part.market,
        LABEL_SHARD: str(part.shard),
    }


def managed(installation: Installation) -> dict[str, str]:
    """Return the labels of everything that this installation has made."""
    return {LABEL_MANAGER: MANAGER, LABEL_OPERATOR: installation.operator}


def owner(resource: Resource) -> dict[str, Any]:
    """Return the reference to the resource; with it, the object goes when the resource does."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": resource.name,
        "uid": resource.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def digest(record: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that tell one object from another."""
    text = json.dumps(record, separators=(",", ":"), sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def signed(made: dict[str, Any], applied: int) -> dict[str, Any]:
    """Return an object with the annotations by which the operator knows it again."""
    marks = {SHELL_DIGEST: digest(made), APPLIED: str(applied)}
    return made | {"metadata": made["metadata"] | {"annotations": marks}}
