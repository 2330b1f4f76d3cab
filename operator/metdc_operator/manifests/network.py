"""The NetworkPolicy of a resource's pods. Pure.

Out to exchanges, NATS and DNS; in to the report, from operator and monitoring.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from metdc_operator.installation import Installation
from metdc_operator.manifests.config import own_nats
from metdc_operator.manifests.names import APPLICATION, LABEL_COLLECTOR, PORT, managed, owner, signed
from metdc_operator.resource import Resource

VENUE_PORTS = (443, 8443, 9443)
"""Where the exchanges listen."""
_DNS = 53
_PORTS = {"nats": 4222, "tls": 4222, "http": 80, "ws": 80, "https": 443, "wss": 443}


def network_policy(resource: Resource, installation: Installation, *, applied: int = 1) -> dict[str, Any]:
    """Return the policy. It names ports and no addresses: exchanges are behind changing ones."""
    tells = {"app.kubernetes.io/name": APPLICATION, LABEL_COLLECTOR: resource.name}
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": resource.name,
            "namespace": resource.namespace,
            "labels": tells | managed(installation),
            "ownerReferences": [owner(resource)],
        },
        "spec": policy(tells, ports(resource, installation), installation),
    }
    return signed(made, applied)


def policy(tells: Mapping[str, str], ports: Sequence[int], installation: Installation) -> dict[str, Any]:
    """Return the ``spec`` of a policy for pods with these labels: out to DNS and the ports, in to the report."""
    return {
        "podSelector": {"matchLabels": dict(tells)},
        "policyTypes": ["Egress", "Ingress"],
        "egress": [
            {"ports": [{"port": _DNS, "protocol": "UDP"}, {"port": _DNS, "protocol": "TCP"}]},
            {"ports": [{"port": port, "protocol": "TCP"} for port in ports]},
        ],
        "ingress": [
            {
                "from": [dict(peer) for peer in installation.report_clients],
                "ports": [{"port": PORT, "protocol": "TCP"}],
            }
        ],
    }


def ports(resource: Resource, installation: Installation) -> list[int]:
    """Return the ports that the resource's pods connect to, in order."""
    return sorted(
        {*VENUE_PORTS, *(port for url in _urls(resource, installation) if (port := port_of(url)) is not None)}
    )


def _urls(resource: Resource, installation: Installation) -> Iterator[str]:
    yield from own_nats(resource, installation).get("urls", ())
    yield from resource.spec.get("endpoints", {}).values()
    for market in resource.spec["markets"]:
        yield from market.get("endpoints", {}).values()
    for entry in resource.spec.get("env", ()):  # gateways and proxies are named there
        yield entry.get("value", "")


def port_of(url: str) -> int | None:
    """Return the port of an address, as given or as usual for its scheme; null where the text is no address."""
    try:
        parts = urlsplit(url)
        return parts.port or _PORTS.get(parts.scheme) if parts.netloc else None
    except ValueError:
        return None
