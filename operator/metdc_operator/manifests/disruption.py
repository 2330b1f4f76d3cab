"""The PodDisruptionBudget of one market's shard: a drain waits until another pod carries the data. Pure."""

from typing import Any

from metdc_operator.installation import Installation
from metdc_operator.manifests.names import deployment_name, managed, owner, selector, signed
from metdc_operator.resource import Part, Resource


def disruption_budget(
    resource: Resource, part: Part, installation: Installation, *, applied: int = 1
) -> dict[str, Any]:
    """Return the budget: one pod of the shard stays, whatever is evicted.

    It is of a shard, not of a market: a pod of one shard does not carry the data of another.
    """
    labels = selector(resource, part)
    made = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": deployment_name(resource, part),
            "namespace": resource.namespace,
            "labels": labels | managed(installation),
            "ownerReferences": [owner(resource)],
        },
        "spec": {
            "minAvailable": 1,
            "selector": {"matchLabels": labels},
            # A pod that is not ready carries nothing, so it must not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
    return signed(made, applied)
