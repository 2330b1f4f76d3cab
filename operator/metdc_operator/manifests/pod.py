"""A collector's pod: non-root, read-only, its configuration and its Secrets as files, a folder for what waits."""

from collections.abc import Mapping
from typing import Any

from metdc_collector.wire import sizes
from metdc_operator.installation import Installation
from metdc_operator.manifests.config import own_nats
from metdc_operator.manifests.names import CONFIG, PORT, selector
from metdc_operator.resource import Part, Resource

GRACE = 60
"""Seconds that a pod has to deliver what it has accepted."""

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What every container is restricted to."""

_CONFIG_FOLDER = "/etc/metdc"
_CREDENTIALS_FOLDER = "/var/run/metdc/nats"
_EXCHANGE_FOLDER = "/var/run/metdc/exchange"
_CA_FOLDER = "/var/run/metdc/ca"
_SPOOL_FOLDER = "/var/lib/metdc/spool"
_SPOOL_BYTES = 1024**3


def pod(resource: Resource, part: Part, installation: Installation) -> dict[str, Any]:
    """Return the ``spec`` of a pod."""
    spec = resource.spec
    made: dict[str, Any] = {
        "terminationGracePeriodSeconds": GRACE,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [*_dead_node(), *spec.get("tolerations", [])],
        "containers": [_container(resource, part, installation)],
        "volumes": _volumes(resource, installation),
    }
    if secrets := list(spec.get("imagePullSecrets", installation.image_pull_secrets)):
        made["imagePullSecrets"] = secrets
    if spread := _spread(resource, part):
        made["topologySpreadConstraints"] = spread
    return made | {name: spec[name] for name in ("nodeSelector", "affinity", "priorityClassName") if name in spec}


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
        "securityContext": RESTRICTED,
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
    return credential_sources(own_nats(resource, installation))


def credential_sources(own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what of ``spec.nats`` the folder holds that :envvar:`METDC_NATS_CREDENTIALS` names, as projected sources.

    Credentials, authorities, the client's certificate.
    """
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
