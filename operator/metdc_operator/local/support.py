"""What a run on one machine can do with a resource: what it refuses, and what has no effect there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metdc_operator.problem import Problem
from metdc_operator.resource import Resource

_OF_PODS = (
    *("image", "imagePullPolicy", "imagePullSecrets", "resources", "nodeSelector", "tolerations", "affinity"),
    *("topologySpreadConstraints", "priorityClassName", "podLabels", "podAnnotations"),
)


def refused(resource: Resource, *, credentials: bool) -> list[Problem]:
    """Return the fields whose behaviour does not exist yet, and those that only a cluster can serve.

    ``credentials`` says whether a folder with the keys of NATS Secrets is given.
    """
    spec = resource.spec
    return [
        Problem(path, message, resource.key)
        for path, message in (*_of_spec(spec), *_of_markets(spec["markets"]), *_of_secrets(spec, credentials))
    ]


def _of_spec(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if spec["redundancy"] > 1:
        yield "spec.redundancy", "2 is not supported yet; leave it out"
    for name in ("exchangeCredentialsSecretRef", "extraCA"):
        if name in spec:
            yield f"spec.{name}", "is not supported yet; remove it"
    for place, entry in enumerate(spec.get("env", [])):
        if "valueFrom" in entry:
            yield f"spec.env[{place}].valueFrom", "needs a cluster; give a value"


def _of_markets(markets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for place, market in enumerate(markets):
        if market["shards"] > 1:
            yield f"spec.markets[{place}].shards", "a market cannot be split yet; leave it out"


def _of_secrets(spec: Mapping[str, Any], credentials: bool) -> Iterator[tuple[str, str]]:
    if needs_secrets(spec) and not credentials:
        yield (
            "spec.nats",
            "without a cluster there are no Secrets; give a folder with their keys as files (--credentials)",
        )
    if needs_secrets(spec) and "urls" not in spec["nats"]:
        yield "spec.nats.urls", "is required here, since the credentials belong to a server; or remove them"


def needs_secrets(spec: Mapping[str, Any]) -> bool:
    """Return whether the resource's NATS needs the keys of a Secret."""
    nats = spec.get("nats", {})
    tls = nats.get("tls", {})
    return "credentialsSecretRef" in nats or "caSecretRef" in tls or "certSecretRef" in tls


def without_effect(resource: Resource) -> list[str]:
    """Return the fields that only say how pods are run."""
    spec = resource.spec
    of_markets = [
        f"spec.markets[{place}].resources" for place, market in enumerate(spec["markets"]) if "resources" in market
    ]
    return [f"spec.{name}" for name in _OF_PODS if name in spec] + of_markets
