"""What an ExchangeCollector asks for, as objects: a pod's configuration, and one Deployment per market and shard. Pure.

A pod's configuration rides in its own template, as the annotation ``metdc.io/config``, and reaches the container as a
file through the downward API; so nothing changes under a running pod, and nothing is left to collect. It holds only
what a collector reads: an edit of anything else rolls no pod.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.wire import sizes
from metdc_collector.wire.config import PodConfig, encode
from metdc_collector.wire.durations import SECOND
from metdc_operator.installation import Installation
from metdc_operator.resource import API_VERSION, KIND, Part, Resource

CONFIG = "metdc.io/config"
SLOT = "metdc.io/rotation-slot"
LABEL_COLLECTOR = "metdc.io/collector"
LABEL_MARKET = "metdc.io/market"
LABEL_SHARD = "metdc.io/shard"
LABEL_OPERATOR = "metdc.io/operator"

PORT = 8080
GRACE = 60
"""Seconds that a pod has to deliver what it has accepted."""
PROGRESS = 420
"""Seconds beyond the overlap after which a successor that is not ready stalls the rotation."""

_CONFIG_FOLDER = "/etc/metdc"
_CREDENTIALS_FOLDER = "/var/run/metdc/nats"
_EXCHANGE_FOLDER = "/var/run/metdc/exchange"
_CA_FOLDER = "/var/run/metdc/ca"
_SPOOL_FOLDER = "/var/lib/metdc/spool"
_SPOOL_BYTES = 1024**3


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


def _own_nats(resource: Resource, installation: Installation) -> dict[str, Any]:
    """The resource's NATS; without addresses of its own, the installation's with what the resource adds."""
    own = dict(resource.spec.get("nats", {}))
    return own if "urls" in own else {**installation.nats, **own}


def _nats(resource: Resource, installation: Installation) -> dict[str, Any]:
    own = _own_nats(resource, installation)
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


def deployment_name(resource: Resource, part: Part) -> str:
    """Return ``<name>-<market>-<shard>``."""
    return f"{resource.name}-{part.market}-{part.shard}"


def selector(resource: Resource, part: Part) -> dict[str, str]:
    """Return the labels that tell this Deployment's pods; they never change."""
    return {
        "app.kubernetes.io/name": "metdc-collector",
        LABEL_COLLECTOR: resource.name,
        LABEL_MARKET: part.market,
        LABEL_SHARD: str(part.shard),
    }


def deployment(resource: Resource, part: Part, *, slot: str, installation: Installation) -> dict[str, Any]:
    """Return the Deployment of one market's shard."""
    overlap = -(-resource.overlap // SECOND)
    labels = selector(resource, part)
    common = {"app.kubernetes.io/managed-by": "metdc-operator", LABEL_OPERATOR: installation.operator}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": deployment_name(resource, part),
            "namespace": resource.namespace,
            "labels": labels | common,
            "ownerReferences": [_owner(resource)],
        },
        "spec": {
            "replicas": 0 if resource.spec["suspend"] else resource.spec["redundancy"],
            "revisionHistoryLimit": 2,
            "minReadySeconds": overlap,
            "progressDeadlineSeconds": overlap + PROGRESS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {
                    "labels": dict(resource.spec.get("podLabels", {})) | labels | common,
                    "annotations": dict(resource.spec.get("podAnnotations", {}))
                    | {
                        SLOT: slot,
                        CONFIG: encode(pod_config(resource, part, slot=slot, installation=installation)),
                    },
                },
                "spec": _pod(resource, part, installation),
            },
        },
    }


def _owner(resource: Resource) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": resource.name,
        "uid": resource.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _pod(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    spec = resource.spec
    pod: dict[str, Any] = {
        "terminationGracePeriodSeconds": GRACE,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [*_dead_node(), *spec.get("tolerations", [])],
        "containers": [_container(resource, part, installation)],
        "volumes": _volumes(resource, installation),
    }
    if secrets := list(spec.get("imagePullSecrets", installation.image_pull_secrets)):
        pod["imagePullSecrets"] = secrets
    if spread := _spread(resource, part):
        pod["topologySpreadConstraints"] = spread
    return pod | {name: spec[name] for name in ("nodeSelector", "affinity", "priorityClassName") if name in spec}


def _dead_node() -> list[dict[str, Any]]:
    return [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 30,
        }
        for state in ("not-ready", "unreachable")
    ]


def _spread(resource: Resource, part: Part) -> list[dict[str, Any]]:
    own = {"labelSelector": {"matchLabels": selector(resource, part)}}
    constraints = [own | constraint for constraint in resource.spec.get("topologySpreadConstraints", [])]
    if resource.spec["redundancy"] > 1 and not constraints:
        by_node = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        return [own | by_node]
    return constraints


def _container(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    spec = resource.spec
    container: dict[str, Any] = {
        "name": "collector",
        "image": spec.get("image", installation.image),
        "imagePullPolicy": spec.get("imagePullPolicy", installation.image_pull_policy),
        "args": ["--config", f"{_CONFIG_FOLDER}/config.json"],
        "env": _environment(resource, installation),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": _probe("/livez", period=2, failures=60),
        "readinessProbe": _probe("/readyz", period=5, failures=3),
        "livenessProbe": _probe("/livez", period=10, failures=6),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": folder, "readOnly": True}
            for name, folder in _folders(resource, installation).items()
        ]
        + [{"name": "spool", "mountPath": _SPOOL_FOLDER}],
    }
    market = resource.market(part.market)
    if resources := market.get("resources", spec.get("resources", installation.resources)):
        container["resources"] = dict(resources)
    return container


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _folders(resource: Resource, installation: Installation) -> dict[str, str]:
    folders = {"config": _CONFIG_FOLDER}
    if _credentials(resource, installation):
        folders["nats"] = _CREDENTIALS_FOLDER
    if "exchangeCredentialsSecretRef" in resource.spec:
        folders["exchange"] = _EXCHANGE_FOLDER
    if "extraCA" in resource.spec:
        folders["ca"] = _CA_FOLDER
    return folders


def _environment(resource: Resource, installation: Installation) -> list[dict[str, Any]]:
    environment: list[dict[str, Any]] = [
        {"name": "METDC_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "METDC_SPOOL", "value": _SPOOL_FOLDER},
    ]
    folders = _folders(resource, installation)
    if "nats" in folders:
        environment.append({"name": "METDC_NATS_CREDENTIALS", "value": folders["nats"]})
    if "exchange" in folders:
        environment.append({"name": "METDC_EXCHANGE_CREDENTIALS", "value": folders["exchange"]})
    if "ca" in folders:
        environment.append({"name": "METDC_EXTRA_CA", "value": f"{folders['ca']}/ca.crt"})
    return environment + [dict(entry) for entry in resource.spec.get("env", [])]


def _volumes(resource: Resource, installation: Installation) -> list[dict[str, Any]]:
    field = {"path": "config.json", "fieldRef": {"fieldPath": f"metadata.annotations['{CONFIG}']"}}
    volumes: list[dict[str, Any]] = [{"name": "config", "downwardAPI": {"items": [field]}}]
    if sources := _credentials(resource, installation):
        volumes.append({"name": "nats", "projected": {"sources": sources}})
    if (reference := resource.spec.get("exchangeCredentialsSecretRef")) is not None:
        # The key alone: what could sign orders stays out of the pod.
        secret = {"name": reference["name"], "items": [{"key": "apiKey", "path": "apiKey"}]}
        volumes.append({"name": "exchange", "projected": {"sources": [{"secret": secret}]}})
    if "extraCA" in resource.spec:
        volumes.append({"name": "ca", "projected": {"sources": [_authorities(resource.spec["extraCA"])]}})
    volumes.append({"name": "spool", "emptyDir": {"sizeLimit": _spool_limit(resource)}})
    return volumes


def _spool_limit(resource: Resource) -> int:
    """An eighth more than the collector's own bound: what exceeds this limit is evicted, and disks count in blocks."""
    spool = resource.spec.get("spool")
    most = _SPOOL_BYTES if spool is None else sizes.parse(spool["maxBytes"])
    return most + most // 8


def _credentials(resource: Resource, installation: Installation) -> list[dict[str, Any]]:
    """The files that :envvar:`METDC_NATS_CREDENTIALS` names: credentials, authorities, the client's certificate."""
    own = _own_nats(resource, installation)
    tls = own.get("tls", {})
    sources: list[dict[str, Any]] = []
    if "credentialsSecretRef" in own:
        sources.append({"secret": {"name": own["credentialsSecretRef"]["name"]}})
    if "caSecretRef" in tls:
        reference = tls["caSecretRef"]
        items = [{"key": reference.get("key", "ca.crt"), "path": "ca.crt"}]
        sources.append({"secret": {"name": reference["name"], "items": items}})
    if "certSecretRef" in tls:
        items = [{"key": key, "path": key} for key in ("tls.crt", "tls.key")]
        sources.append({"secret": {"name": tls["certSecretRef"]["name"], "items": items}})
    return sources


def _authorities(reference: Mapping[str, Any]) -> dict[str, Any]:
    kind, field = ("configMap", "configMapRef") if "configMapRef" in reference else ("secret", "secretRef")
    chosen = reference[field]
    return {kind: {"name": chosen["name"], "items": [{"key": chosen["key"], "path": "ca.crt"}]}}
