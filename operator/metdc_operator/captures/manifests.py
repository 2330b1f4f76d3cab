"""The Job of a ListingCapture, and the network policy of its pod. Pure.

The Job is made once and never changed: a capture's spec is immutable, and a Job's template is, too.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.wire.durations import SECOND
from metdc_operator.captures.capture import KIND, Capture, nats
from metdc_operator.installation import Installation
from metdc_operator.manifests.names import LABEL_CAPTURE, PORT, managed
from metdc_operator.manifests.network import policy, port_of
from metdc_operator.manifests.pod import RESTRICTED, credential_sources
from metdc_operator.resource import API_VERSION
from metdc_operator.times import render

APPLICATION = "metdc-capture"
RETRIES = 6
"""Attempts after the first, each later than the one before: 10 s, 20 s, 40 s, …, six minutes at most."""
LASTS = 3600
"""Seconds after the window in which the Job has to be done; 900 of them it may wait for gaps to be filled."""
KEPT = 86_400
"""Seconds that a Job which has ended stays, with its pods' logs."""
_NO_RETRY = (2, 3)
"""Exit codes of `metdc capture`: it is told something that cannot be; there is nothing to capture."""
_CREDENTIALS = "/var/run/metdc/nats"


def name_of(found: Capture) -> str:
    """Return the name of the Job, and of the policy."""
    return f"capture-{found.meta.name}"


def labels_of(found: Capture) -> dict[str, str]:
    """Return the labels that tell the pods of a capture."""
    return {"app.kubernetes.io/name": APPLICATION, LABEL_CAPTURE: found.meta.name}


def job(found: Capture, installation: Installation) -> dict[str, Any]:
    """Return the Job."""
    labels = labels_of(found) | managed(installation)
    wait = -(-(found.end - found.meta.created) // SECOND)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(found, labels),
        "spec": {
            "backoffLimit": RETRIES,
            "activeDeadlineSeconds": max(0, wait) + LASTS,
            "ttlSecondsAfterFinished": KEPT,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "capture", "operator": "In", "values": list(_NO_RETRY)},
                    },
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": {"metadata": {"labels": labels}, "spec": _pod(found, installation)},
        },
    }


def network_policy(found: Capture, installation: Installation) -> dict[str, Any]:
    """Return the policy: out to NATS and DNS, in to the report."""
    ports = {port for url in nats(found, installation).get("urls", ()) if (port := port_of(url)) is not None}
    labels = labels_of(found)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(found, labels | managed(installation)),
        "spec": policy(labels, sorted(ports), installation),
    }


def _metadata(found: Capture, labels: Mapping[str, str]) -> dict[str, Any]:
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": found.meta.name,
        "uid": found.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "name": name_of(found),
        "namespace": found.meta.namespace,
        "labels": dict(labels),
        "ownerReferences": [owner],
    }


def _pod(found: Capture, installation: Installation) -> dict[str, Any]:
    sources = credential_sources(nats(found, installation))
    made: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(found, installation, secret=bool(sources))],
    }
    if sources:
        made["volumes"] = [{"name": "nats", "projected": {"sources": sources}}]
    if installation.image_pull_secrets:
        made["imagePullSecrets"] = [dict(each) for each in installation.image_pull_secrets]
    return made


def _container(found: Capture, installation: Installation, *, secret: bool) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "capture",
        "image": installation.captures.image,
        "imagePullPolicy": installation.captures.image_pull_policy,
        "args": _words(found, installation),
        "env": _environment(nats(found, installation), secret=secret),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED,
    }
    if secret:
        container["volumeMounts"] = [{"name": "nats", "mountPath": _CREDENTIALS, "readOnly": True}]
    if installation.captures.resources:
        container["resources"] = dict(installation.captures.resources)
    return container


def _words(found: Capture, installation: Installation) -> list[str]:
    spec = found.spec
    words = ["capture", f"--at={render(found.at)}", f"--before={spec['before']}", f"--after={spec['after']}", "--wait"]
    words += [f"--market={each}" for each in spec.get("markets", ())]
    words += [f"--nats={url}" for url in nats(found, installation).get("urls", ())]
    return [*words, f"--http=0.0.0.0:{PORT}", "--last-words=/dev/termination-log", "--", spec["base"]]


def _environment(own: Mapping[str, Any], *, secret: bool) -> list[dict[str, str]]:
    values = {
        "METDC_NATS_CREDENTIALS": _CREDENTIALS if secret else "",
        "NATS_INBOX_PREFIX": own.get("inboxPrefix", ""),
        "NATS_DOMAIN": own.get("jetStreamDomain", ""),
        "NATS_HANDSHAKE_FIRST": "true" if own.get("tls", {}).get("handshakeFirst") else "",
    }
    return [{"name": name, "value": value} for name, value in values.items() if value]
