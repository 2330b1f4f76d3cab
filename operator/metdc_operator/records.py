"""What the API server says of an object, condensed to what is decided by: whole objects would fill the memory. Pure.

Times are integer ns since the epoch, ``version`` is the resource version, by which two records of one object are told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metdc_collector.wire.config import decode
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.errors import InvalidMessage
from metdc_operator.manifests.deployment import GENERATION, TEMPLATE_DIGEST
from metdc_operator.manifests.names import (
    APPLIED,
    CONFIG,
    LABEL_COLLECTOR,
    LABEL_MARKET,
    LABEL_OPERATOR,
    LABEL_SHARD,
    SHELL_DIGEST,
    SLOT,
)
from metdc_operator.observation import Trouble
from metdc_operator.resource import Resource
from metdc_operator.times import parse
from metdc_operator.trouble import of_deployment, of_pod, waits_for_volumes

Raw = Mapping[str, Any]
_DRAIN_TAINTS = frozenset(
    {"node.kubernetes.io/unschedulable", "ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"}
)


@dataclass(frozen=True, slots=True)
class Meta:
    """What every object has; ``owner`` is the uid of the controlling owner, ``operator`` the installation's name."""

    namespace: str
    name: str
    uid: str
    version: int
    generation: int = 1
    created: int = 0
    deleting: int | None = None
    owner: str | None = None
    operator: str | None = None
    collector: str = ""

    @property
    def parent(self) -> tuple[str, str]:
        """Namespace and name of the ExchangeCollector."""
        return self.namespace, self.collector


@dataclass(frozen=True, slots=True)
class Collector:
    """An ExchangeCollector with the status that it has."""

    meta: Meta
    resource: Resource
    status: Raw


@dataclass(frozen=True, slots=True)
class Child:
    """A PodDisruptionBudget or a NetworkPolicy."""

    meta: Meta
    shell: str
    applied: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment: what it is to run, and how far that is.

    Attributes:
        meta, shell, applied: as of any child.
        market, shard, shards: the part that it carries; ``shards`` by its live template.
        template: the digest in its live template.
        slot: start of the slot in its live template; null when there is none that can be read.
        written: the resource's generation when the template was written.
        replicas: as wanted.
        observed: the generation that its counts are of.
        total, updated, available: counts of pods, those that are terminating left out.
        late: the progress deadline has passed.
        trouble: why pods cannot be created.
    """

    meta: Meta
    shell: str
    applied: int
    market: str
    shard: int
    shards: int
    template: str
    slot: int | None
    written: int
    replicas: int
    observed: int
    total: int
    updated: int
    available: int
    late: bool = False
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod; ``template`` and ``slot`` tell which template it is of, ``grace`` is what it is given to end (ns)."""

    meta: Meta
    market: str
    shard: int
    template: str
    slot: str
    node: str | None
    address: str | None
    running: bool
    ended: bool
    ready: bool
    ready_since: int | None
    started: int | None
    restarts: int
    grace: int
    trouble: Trouble | None
    waits_for_volumes: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A node; ``cordoned`` is since when nothing new is to be put on it, 0 when that is not told."""

    meta: Meta
    cordoned: int | None


def moment(text: str | None) -> int | None:
    """Read a time of the API server; null for none."""
    return None if text is None else parse(text)


def meta(raw: Raw) -> Meta:
    """Condense an object's metadata."""
    found = raw["metadata"]
    labels = found.get("labels") or {}
    owners = [each["uid"] for each in found.get("ownerReferences", ()) if each.get("controller")]
    return Meta(
        namespace=found.get("namespace", ""),
        name=found["name"],
        uid=found["uid"],
        version=int(found["resourceVersion"]),
        generation=found.get("generation", 1),
        created=moment(found.get("creationTimestamp")) or 0,
        deleting=moment(found.get("deletionTimestamp")),
        owner=owners[0] if owners else None,
        operator=labels.get(LABEL_OPERATOR),
        collector=labels.get(LABEL_COLLECTOR, ""),
    )


def collector(raw: Raw) -> Collector:
    """Condense an ExchangeCollector."""
    found = meta(raw)
    resource = Resource(
        namespace=found.namespace,
        name=found.name,
        uid=found.uid,
        spec=raw["spec"],
        generation=found.generation,
        annotations=raw["metadata"].get("annotations") or {},
    )
    return Collector(found, resource, raw.get("status") or {})


def child(raw: Raw) -> Child:
    """Condense a PodDisruptionBudget or a NetworkPolicy."""
    annotations = raw["metadata"].get("annotations") or {}
    return Child(meta(raw), annotations.get(SHELL_DIGEST, ""), _integer(annotations.get(APPLIED)))


def deployment(raw: Raw) -> Deployment:
    """Condense a Deployment."""
    spec, status = raw["spec"], raw.get("status") or {}
    annotations = raw["metadata"].get("annotations") or {}
    labels = raw["metadata"].get("labels") or {}
    template = spec["template"]["metadata"].get("annotations") or {}
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    return Deployment(
        meta=meta(raw),
        shell=annotations.get(SHELL_DIGEST, ""),
        applied=_integer(annotations.get(APPLIED)),
        market=labels.get(LABEL_MARKET, ""),
        shard=_integer(labels.get(LABEL_SHARD)),
        shards=shards_of(template),
        template=template.get(TEMPLATE_DIGEST, ""),
        slot=slot(template.get(SLOT)),
        written=_integer(annotations.get(GENERATION)),
        replicas=spec.get("replicas", 1),
        observed=status.get("observedGeneration", 0),
        total=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        late=conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded",
        trouble=of_deployment(conditions),
    )


def pod(raw: Raw) -> PodRecord:
    """Condense a pod."""
    found, spec, status = meta(raw), raw["spec"], raw.get("status") or {}
    labels, annotations = raw["metadata"].get("labels") or {}, raw["metadata"].get("annotations") or {}
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    grace = raw["metadata"].get("deletionGracePeriodSeconds")
    phase = status.get("phase", "Pending")
    return PodRecord(
        meta=found,
        market=labels.get(LABEL_MARKET, ""),
        shard=_integer(labels.get(LABEL_SHARD)),
        template=annotations.get(TEMPLATE_DIGEST, ""),
        slot=annotations.get(SLOT, ""),
        node=spec.get("nodeName"),
        address=status.get("podIP"),
        running=phase == "Running",
        ended=phase in {"Succeeded", "Failed"},
        ready=ready.get("status") == "True",
        ready_since=moment(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None,
        started=moment(status.get("startTime")),
        restarts=sum(each.get("restartCount", 0) for each in status.get("containerStatuses", ())),
        grace=(spec.get("terminationGracePeriodSeconds", 0) if grace is None else grace) * SECOND,
        trouble=of_pod(found.name, status),
        waits_for_volumes=waits_for_volumes(status),
    )


def node(raw: Raw) -> Node:
    """Condense a node."""
    spec = raw.get("spec") or {}
    taints = [each for each in spec.get("taints", ()) if each["key"] in _DRAIN_TAINTS]
    if not taints and not spec.get("unschedulable"):
        return Node(meta(raw), None)
    return Node(meta(raw), max((moment(each.get("timeAdded")) or 0 for each in taints), default=0))


def slot(text: str | None) -> int | None:
    """Read the slot of a template; null when there is none that can be read."""
    try:
        return moment(text)
    except ValueError:
        return None


def shards_of(annotations: Mapping[str, str]) -> int:
    """Return over how many pods the market is spread by a template's configuration; 1 when that can't be read."""
    try:
        return decode(annotations[CONFIG]).shards
    except (KeyError, InvalidMessage):
        return 1


def _integer(text: str | None) -> int:
    """A number that the operator has written itself; 0 when somebody has spoilt it."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0
