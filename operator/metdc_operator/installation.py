"""What the installation gives to resources that leave it out: chart values in a cluster, or embedded parts."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from metdc_collector.wire import durations, sizes

GIBIBYTE = 1024**3

_CLIENTS: tuple[Mapping[str, Any], ...] = (
    {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "metdc-operator"}}},
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
)


@dataclass(frozen=True, slots=True)
class Captures:
    """What Jobs of captures are made of.

    Attributes:
        image, image_pull_policy, resources: of their container.
        nats: ``spec.nats`` of captures that name no NATS of their own; empty for that of the collectors.
    """

    image: str = "metdc/listings"
    image_pull_policy: str = "IfNotPresent"
    resources: Mapping[str, Any] = field(default_factory=dict)
    nats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Installation:
    """Defaults of one installation.

    Attributes:
        operator: identity of the installation; children of another one are left alone.
        nats: ``spec.nats`` of resources that name no NATS of their own: ``urls``, credentials, TLS.
        replicas, max_age, max_bytes, duplicate_window: of streams whose resource says nothing; text and bytes as in
            ``spec.nats.stream``.
        limit_share: the part of each per-address limit that one pod may use.
        image: of the collectors.
        image_pull_policy: of that image.
        image_pull_secrets: of pods whose resource names none.
        resources: of a collector's container.
        disruption_budgets: whether evictions wait until another pod carries the data.
        network_policies: whether the pods' traffic is restricted to what they need.
        captures: what Jobs of captures are made of.
        report_clients: who may read reports and metrics of the pods: ``from`` of a NetworkPolicy's rule.
    """

    operator: str = "metdc"
    nats: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 1
    max_age: str = "24h"
    max_bytes: int = 8 * GIBIBYTE
    duplicate_window: str = "2m"
    limit_share: Fraction = Fraction(1, 8)
    image: str = "metdc/collector"
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: Sequence[Mapping[str, Any]] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    disruption_budgets: bool = True
    network_policies: bool = True
    report_clients: Sequence[Mapping[str, Any]] = _CLIENTS
    captures: Captures = Captures()


class InvalidInstallation(ValueError):
    """The installation's defaults cannot be used; the text names the field."""


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "operator": str,
    "nats": dict,
    "limitShare": (str, int),
    "image": str,
    "imagePullPolicy": str,
    "imagePullSecrets": list,
    "resources": dict,
    "disruptionBudgets": bool,
    "networkPolicies": bool,
    "reportClients": list,
    "captures": dict,
}
_OF_CAPTURES: Mapping[str, type] = {"image": str, "imagePullPolicy": str, "resources": dict, "nats": dict}
_NAMES = {
    "imagePullPolicy": "image_pull_policy",
    "imagePullSecrets": "image_pull_secrets",
    "disruptionBudgets": "disruption_budgets",
    "networkPolicies": "network_policies",
    "reportClients": "report_clients",
}


def parse(record: object) -> Installation:
    """Read an installation's defaults, a mapping with the fields of ``docs/operator.md``; null for none.

    Raises:
        InvalidInstallation: naming the field that is unknown or wrong.
    """
    if record is None:
        return Installation()
    if not isinstance(record, dict):
        raise InvalidInstallation("must be an object")
    _typed(record, _KINDS)
    fields: dict[str, Any] = {
        _NAMES.get(name) or name: value
        for name, value in record.items()
        if name not in {"nats", "limitShare", "captures"}
    }
    if "captures" in record:
        fields["captures"] = _captures(record["captures"])
    if "limitShare" in record:
        fields["limit_share"] = _share(record["limitShare"])
    return Installation(**fields, **_nats(record.get("nats", {})))


def _typed(record: Mapping[str, Any], kinds: Mapping[str, type | tuple[type, ...]], path: str = "") -> None:
    if unknown := sorted(str(name) for name in record if name not in kinds):
        raise InvalidInstallation(f"{path}{unknown[0]}: no such field")
    for name, kind in kinds.items():
        if name in record and not isinstance(record[name], kind):
            raise InvalidInstallation(f"{path}{name}: {record[name]!r} is of the wrong type")


def _captures(record: Mapping[str, Any]) -> Captures:
    _typed(record, _OF_CAPTURES, "captures.")
    return Captures(**{_NAMES.get(name) or name: value for name, value in record.items()})


def _share(text: object) -> Fraction:
    with suppress(ValueError, ZeroDivisionError):
        if 0 < (share := Fraction(str(text))) <= 1:
            return share
    raise InvalidInstallation(f"limitShare: {text!r} is not a fraction above 0 and at most 1, such as 1/8")


def _nats(nats: Mapping[str, Any]) -> dict[str, Any]:
    """The stream's sizes stand beside what resources without NATS of their own use."""
    stream = dict(nats.get("stream", {}))
    named = {
        "replicas": "replicas",
        "maxAge": "max_age",
        "maxBytes": "max_bytes",
        "duplicateWindow": "duplicate_window",
    }
    if unknown := sorted(stream.keys() - named.keys()):
        raise InvalidInstallation(f"nats.stream.{unknown[0]}: no such field")
    try:
        if "maxBytes" in stream:
            stream["maxBytes"] = sizes.parse(stream["maxBytes"])
        for name in ("maxAge", "duplicateWindow"):
            durations.parse(stream.get(name, "1s"))
    except (TypeError, ValueError) as error:
        raise InvalidInstallation(f"nats.stream: {error}") from None
    rest = {name: value for name, value in nats.items() if name != "stream"}
    return {named[name]: value for name, value in stream.items()} | ({"nats": rest} if rest else {})
