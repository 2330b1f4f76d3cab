"""What has turned between two statuses, as events for people. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metdc_operator.handover import handover_message
from metdc_operator.records import Meta
from metdc_operator.replacement import remembered
from metdc_operator.resource import API_VERSION
from metdc_operator.status import turned

_GOOD = {"Ready": "True", "Streaming": "True", "NATSConnected": "True", "StreamInSync": "True", "Complete": "True"}
_SILENT = frozenset({"Progressing"})  # turns with each rotation
_EXPECTED = frozenset({"Starting", "Suspended", "Connecting", "NotLooked", "NotCounted"})
_LONGEST = 1000
_COMPONENT = "metdc-operator"


@dataclass(frozen=True, slots=True)
class Notice:
    """An event: ``warning`` says whether somebody should look at it."""

    warning: bool
    reason: str
    message: str


def record(notice: Notice, *, kind: str, meta: Meta, identity: str, moment: datetime) -> dict[str, Any]:
    """Return the event about an object; ``identity`` is the operator's, ``moment`` is in UTC."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{meta.name}.", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": kind,
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
        "type": "Warning" if notice.warning else "Normal",
        "reason": notice.reason,
        "message": notice.message,
        "action": "Observed",
        "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "firstTimestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lastTimestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "count": 1,
        "source": {"component": _COMPONENT},
        "reportingComponent": f"metdc.io/{_COMPONENT}",
        "reportingInstance": identity,
    }


def notices(previous: Mapping[str, Any], current: Mapping[str, Any]) -> list[Notice]:
    """Return what is to be told: conditions that turned, replacements that ended."""
    return [*_conditions(previous, current), *_rotations(previous, current)]


def _conditions(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Notice]:
    known = {each["type"] for each in previous.get("conditions", ())}
    names = set(turned(previous, current)) - _SILENT
    ready = next((each["reason"] for each in current["conditions"] if each["type"] == "Ready"), "")
    for each in current["conditions"]:
        kind, status, reason = each["type"], each["status"], each["reason"]
        if kind not in names or (kind not in known and status != "True"):
            continue
        if kind != "Ready" and status == "Unknown" and reason == ready:
            continue  # nothing is known for the reason that Ready has told
        good = status == _GOOD.get(kind, "False") or reason in _EXPECTED
        yield Notice(not good, reason, f"{kind} is {status}: {each['message']}"[:_LONGEST])


def _rotations(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Notice]:
    before = {(each["name"], each["shard"]): each.get("lastRotation", {}) for each in previous.get("markets", ())}
    rotations = remembered(current)
    for each in current["markets"]:
        last, known = each.get("lastRotation"), before.get((each["name"], each["shard"]), {})
        if last is None or (last["from"], last["to"]) == (known.get("from"), known.get("to")):
            continue
        title = each["name"] if each.get("shards", 1) == 1 else f"{each['name']}/{each['shard']}"
        rotation = rotations[each["name"], each["shard"]]
        proof = rotation.handover
        warning = proof is not None and proof.unfilled > 0
        yield Notice(warning=warning, reason="Rotated", message=handover_message(title, rotation))
