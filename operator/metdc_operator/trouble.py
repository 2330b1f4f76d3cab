"""What keeps a pod from running, in words, from what the API server says of it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from metdc_collector.wire.durations import SECOND
from metdc_operator.observation import Reason, Trouble

MOUNTING = 15 * SECOND
"""So long a pod may take for its volumes before the events are asked why."""
_INVALID = 2
"""Exit code of a collector whose configuration is invalid by itself."""
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_CONTAINER = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_LONGEST = 512


def of_deployment(conditions: Mapping[str, Mapping[str, Any]]) -> Trouble | None:
    """Return why a Deployment cannot make pods, by its conditions; null when it can."""
    failure = conditions.get("ReplicaFailure")
    if failure is None or failure.get("status") != "True":
        return None
    told = _short(failure.get("message", ""))
    if "exceeded quota" in told:
        return Trouble(Reason.QUOTA_EXCEEDED, f"no room for another pod: {told}; raise the quota or free some of it")
    return Trouble(Reason.NOT_CREATED, f"a pod is refused: {told}")


def of_pod(name: str, status: Mapping[str, Any]) -> Trouble | None:
    """Return what keeps a pod from running; null when nothing does, or it is not told yet."""
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Trouble(Reason.UNSCHEDULABLE, f"{name} fits on no node: {_short(condition.get('message', ''))}")
    for container in status.get("containerStatuses", ()):
        if (found := _of_container(name, container)) is not None:
            return found
    return None


def _of_container(name: str, container: Mapping[str, Any]) -> Trouble | None:
    waiting = container.get("state", {}).get("waiting", {})
    ended = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated")
    reason, told = waiting.get("reason", ""), _short(waiting.get("message", ""))
    if reason in _IMAGE:
        return Trouble(Reason.IMAGE_NOT_FOUND, f"{name}: image {container.get('image', '')}: {told or reason}")
    if reason in _CONTAINER:
        missing = Reason.SECRET_MISSING if "not found" in told else Reason.NOT_CREATED
        return Trouble(missing, f"{name}: {told or reason}")
    if ended is None or container.get("ready"):
        return None
    last = _short(ended.get("message", "")) or ended.get("reason", "")
    if ended.get("exitCode") == _INVALID:
        return Trouble(Reason.INVALID_CONFIGURATION, f"{name}: {last}")
    if reason == "CrashLoopBackOff":
        how = f"exit code {ended.get('exitCode')}, {ended.get('reason', '')}"
        return Trouble(Reason.CRASHING, f"{name} ends by itself ({how}); last: {last}")
    return None


def last_words(status: Mapping[str, Any]) -> str:
    """Return what a pod's container left when it ended; empty while it runs, or where it left nothing."""
    for container in status.get("containerStatuses", ()):
        if (ended := container.get("state", {}).get("terminated")) is not None:
            return str(ended.get("message", ""))
    return ""


def waits_for_volumes(status: Mapping[str, Any]) -> bool:
    """Return whether a pod waits for what is to be mounted into it; only events tell for what."""
    states = [each.get("state", {}).get("waiting", {}) for each in status.get("containerStatuses", ())]
    return any(state.get("reason") == "ContainerCreating" for state in states)


def of_events(name: str, events: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """Return what the newest event about a pod's volumes says; null without one."""
    told = [event for event in events if event.get("reason") == "FailedMount" and event.get("message")]
    if not told:
        return None
    newest = max(told, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    message = _short(newest["message"])
    reason = Reason.SECRET_MISSING if "not found" in message or "non-existent" in message else Reason.NOT_CREATED
    return Trouble(reason, f"{name}: {message}")


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
