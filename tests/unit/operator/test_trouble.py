"""What keeps a pod from running, in words."""

from typing import Any

import pytest

from metdc_operator.observation import Reason, Trouble
from metdc_operator.trouble import of_deployment, of_events, of_pod, waits_for_volumes


def container(*, waiting: Any = None, terminated: Any = None, last: Any = None, **more: Any) -> dict[str, Any]:
    state = {"waiting": waiting} if waiting else {"terminated": terminated} if terminated else {"running": {}}
    status = {"image": "metdc/collector:1", "state": state, "lastState": {"terminated": last} if last else {}} | more
    return {"containerStatuses": [status]}


@pytest.mark.parametrize(
    ("status", "reason", "part"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/2 nodes\n  fit"}]},
            Reason.UNSCHEDULABLE,
            "a fits on no node: 0/2 nodes fit",
        ),
        (
            container(waiting={"reason": "ImagePullBackOff", "message": "not found"}),
            Reason.IMAGE_NOT_FOUND,
            "a: image metdc/collector:1: not found",
        ),
        (
            container(waiting={"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}),
            Reason.SECRET_MISSING,
            'a: secret "x" not found',
        ),
        (container(waiting={"reason": "RunContainerError"}), Reason.NOT_CREATED, "a: RunContainerError"),
        (
            container(terminated={"exitCode": 2, "message": "spec.nats: no urls"}),
            Reason.INVALID_CONFIGURATION,
            "a: spec.nats: no urls",
        ),
        (
            container(waiting={"reason": "CrashLoopBackOff"}, last={"exitCode": 2, "message": "no urls"}),
            Reason.INVALID_CONFIGURATION,
            "a: no urls",
        ),
        (
            container(waiting={"reason": "CrashLoopBackOff"}, last={"exitCode": 137, "reason": "OOMKilled"}),
            Reason.CRASHING,
            "a ends by itself (exit code 137, OOMKilled); last: OOMKilled",
        ),
    ],
)
def test_a_pod_that_does_not_run_says_why(status: dict[str, Any], reason: Reason, part: str) -> None:
    assert of_pod("a", status) == Trouble(reason, part)


@pytest.mark.parametrize(
    "status",
    [
        {},
        container(),
        container(waiting={"reason": "ContainerCreating"}),
        container(terminated={"exitCode": 1}),
        container(ready=True, last={"exitCode": 2, "message": "before"}),
        {"conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]},
    ],
)
def test_a_pod_that_runs_or_may_yet_run_is_in_no_trouble(status: dict[str, Any]) -> None:
    assert of_pod("a", status) is None


def test_a_deployment_tells_a_quota_from_another_refusal() -> None:
    def failing(message: str, status: str = "True") -> dict[str, Any]:
        return {"ReplicaFailure": {"status": status, "message": message}}

    quota, refusal = of_deployment(failing("exceeded quota: full")), of_deployment(failing("violates PodSecurity"))
    assert quota is not None
    assert quota.reason is Reason.QUOTA_EXCEEDED
    assert refusal == Trouble(Reason.NOT_CREATED, "a pod is refused: violates PodSecurity")
    assert of_deployment(failing("", status="False")) is None
    assert of_deployment({}) is None


def test_only_events_tell_what_a_volume_lacks() -> None:
    old = {"reason": "FailedMount", "message": 'secret "old" not found', "lastTimestamp": "2026-11-26T10:00:00Z"}
    new = {"reason": "FailedMount", "message": 'secret "new" not found', "lastTimestamp": "2026-11-26T10:00:09Z"}
    other = {"reason": "FailedMount", "message": "no device", "eventTime": "2026-11-26T10:00:10Z"}

    assert waits_for_volumes(container(waiting={"reason": "ContainerCreating"}))
    assert not waits_for_volumes(container())
    assert of_events("a", [new, old, {"reason": "Pulled"}]) == Trouble(
        Reason.SECRET_MISSING, 'a: secret "new" not found'
    )
    assert of_events("a", [other]) == Trouble(Reason.NOT_CREATED, "a: no device")
    assert of_events("a", [{"reason": "Pulled", "message": "well"}]) is None
