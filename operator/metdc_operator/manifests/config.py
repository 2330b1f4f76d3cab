"""A pod's configuration: what of the spec its collector reads, with everything filled that the spec leaves out.

It holds only what a collector reads, so an edit of anything else rolls no pod.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.wire import sizes
from metdc_collector.wire.config import PodConfig
from metdc_operator.installation import Installation
from metdc_operator.resource import Part, Resource


def pod_config(resource: Resource, part: Part, *, slot: str, installation: Installation, pod: str = "") -> PodConfig:
    """Return the configuration of one pod; ``slot`` is the start of its rotation slot, RFC 3339."""
    return PodConfig(
        namespace=resource.namespace,
        name=resource.name,
        uid=resource.uid,
        market=part.market,
        shard=part.shard,
        shards=part.shards,
        slot=slot,
        limit_share=installation.limit_share,
        spec=pod_spec(resource, part, installation),
        pod=pod,
    )


def pod_spec(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    """Return the part of the spec that this market's collector reads, with everything filled that it leaves out."""
    spec, market = resource.spec, resource.market(part.market)
    filled: dict[str, Any] = {
        "exchange": resource.exchange,
        "markets": [{"name": part.market, "shards": part.shards}],
        "symbols": _symbols(resource, market),
        "redundancy": spec["redundancy"],
        "nats": _nats(resource, installation),
    }
    if endpoints := {**spec.get("endpoints", {}), **market.get("endpoints", {})}:
        filled["endpoints"] = endpoints
    if "spool" in spec:
        filled["spool"] = {"maxBytes": sizes.parse(spec["spool"]["maxBytes"])}
    return filled


def _symbols(resource: Resource, market: Mapping[str, Any]) -> dict[str, Any]:
    symbols: dict[str, Any] = {"upbitKRW": "Ignore"} | dict(market.get("symbols", resource.spec.get("symbols", {})))
    symbols.setdefault("quotes", ["KRW" if resource.exchange == "upbit" else "USDT"])
    return symbols


def own_nats(resource: Resource, installation: Installation) -> dict[str, Any]:
    """Return the resource's NATS; without addresses of its own, the installation's with what the resource adds."""
    own = dict(resource.spec.get("nats", {}))
    return own if "urls" in own else {**installation.nats, **own}


def _nats(resource: Resource, installation: Installation) -> dict[str, Any]:
    own = own_nats(resource, installation)
    stream: dict[str, Any] = {
        "management": "Ensure",
        "replicas": installation.replicas,
        "maxAge": installation.max_age,
        "maxBytes": installation.max_bytes,
        "duplicateWindow": installation.duplicate_window,
    } | dict(own.get("stream", {}))
    stream["maxBytes"] = sizes.parse(stream["maxBytes"])
    nats = {"urls": list(own.get("urls", [])), "stream": stream}
    nats |= {name: own[name] for name in ("inboxPrefix", "jetStreamDomain") if name in own}
    if own.get("tls", {}).get("handshakeFirst"):  # the certificates are files beside the credentials
        nats["tls"] = {"handshakeFirst": True}
    return nats
