"""Resources beside the sample whose successors can't start, for one reason each, until its cause goes.

Each collects one pair of Upbit's that the sample leaves out, so that what it stores is nobody else's.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.cluster.kube import Json
from tests.cluster.place import collected
from tests.cluster.sample.scene import DIVIDE, RESTING, Sample

LABEL: Final = "metdc.io/test"
"""Of the node that a successor waits for."""
CLASS: Final = "system-cluster-critical"
"""The priority class that the quota leaves no room for."""
KEY: Final = "absent-key"
"""The Secret that is not there."""
FULL: Final = "nothing-left"
"""The quota."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One resource and what happens to it.

    Attributes:
        name, instrument: of the resource, and the pair that it collects.
        spec: the edit whose successor can't start.
        reason: of the condition, of the event, and in the column.
        words: what the condition's message has to name.
        cause, remedy: make and take away what stands in the way, beside the spec.
    """

    name: str
    instrument: str
    spec: Json
    reason: str
    words: str
    cause: Callable[[Sample], None] = lambda scene: None
    remedy: Callable[[Sample], None] = lambda scene: None

    def apply(self, scene: Sample, **more: Any) -> None:
        """Apply the resource."""
        spec = {
            "symbols": {"include": [self.instrument]},
            "rotation": RESTING,
            "env": [{"name": "METDC_DIVIDE_TIMERS", "value": str(DIVIDE)}],
        }
        scene.where.apply(collected(self.name, "upbit", "simulator:9409", **spec | more))


def _mend_image(scene: Sample) -> None:
    IMAGE.apply(scene)


def _label(scene: Sample) -> None:
    node = scene.pods()[0]["spec"]["nodeName"]
    scene.where.cluster.run("label", "node", node, f"{LABEL}=here")


def unlabel(scene: Sample) -> None:
    """Take the label from all nodes."""
    scene.where.cluster.run("label", "nodes", "--all", f"{LABEL}-")


def _make_secret(scene: Sample) -> None:
    key = base64.b64encode(b"a-key").decode()
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": KEY}}
    scene.where.apply(head | {"data": {"apiKey": key}})


def _limit(scene: Sample) -> None:
    chosen = {"scopeName": "PriorityClass", "operator": "In", "values": [CLASS]}
    spec = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [chosen]}}
    scene.where.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": FULL}, "spec": spec})


def _unlimit(scene: Sample) -> None:
    scene.where.kubectl("delete", "resourcequota", FULL)


IMAGE: Final = Trouble(
    "no-image",
    "USDT-BTC",
    {"image": "metdc/no-such-image:1"},
    "ImageNotFound",
    "metdc/no-such-image:1",
    remedy=_mend_image,
)
NODE: Final = Trouble("no-node", "USDT-ETH", {"nodeSelector": {LABEL: "here"}}, "Unschedulable", "node", remedy=_label)
SECRET: Final = Trouble(
    "no-secret",
    "USDT-XRP",
    {"exchangeCredentialsSecretRef": {"name": KEY}},
    "SecretMissing",
    KEY,
    remedy=_make_secret,
)
QUOTA: Final = Trouble(
    "no-quota", "USDT-SOL", {"priorityClassName": CLASS}, "QuotaExceeded", FULL, cause=_limit, remedy=_unlimit
)
TROUBLES: Final = (IMAGE, NODE, SECRET, QUOTA)
