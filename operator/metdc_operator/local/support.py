"""What a run on one machine can do with a resource: what it refuses, and what has no effect there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metdc_operator.problem import Problem
from metdc_operator.resource import Resource

_OF_PODS = (
    *("image", "imagePullPolicy", "imagePullSecrets", "resources", "nodeSelector", "tolerations", "affinity"),
    *("topologySpreadConstraints", "priorityClassName", "podLabels", "podAnnotations"),
)


def refused(resource: Resource, *, credentials: bool, exchange_credentials: bool) -> list[Problem]:
    """Return the fields whose behaviour does not exist yet, and those that only a cluster can serve.

    ``credentials`` says whether a folder with the keys of NATS Secrets is given, ``exchange_credentials`` whether one
    with the exchange's is.
    """
    spec = resource.spec
    secrets = (*_of_secrets(spec, credentials), *_of_exchange_secret(spec, exchange_credentials))
    return [
        Problem(path, message, resource.key)
        for path, message in (*_of_spec(spec), *_of_markets(spec["markets"]), *secrets)
    ]


def _of_spec(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if spec["redundancy"] > 1:
        yield "spec.redundancy", "2 is not supported yet; leave it out"
    if "extraCA" in spec:
        yield "spec.extraCA", "is not supported yet; remove it"
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


def _of_exchange_secret(spec: Mapping[str, Any], credentials: bool) -> Iterator[tuple[str, str]]:
    if needs_exchange_secret(spec) and not credentials:
        yield (
            "spec.exchangeCredentialsSecretRef",
            (
                "without a cluster there are no Secrets; give a folder with its key apiKey as a file "
                "(--exchange-credentials), or remove it"
            ),
        )


def needs_exchange_secret(spec: Mapping[str, Any]) -> bool:
    """Return whether the resource's collectors need the keys of the exchange's Secret."""
    return "exchangeCredentialsSecretRef" in spec


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
