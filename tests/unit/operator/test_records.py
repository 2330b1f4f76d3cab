"""What the API server says of objects, condensed."""

import pytest

from metdc_operator import records
from metdc_operator.times import render
from tests.unit.operator.examples import NOW, SECOND, resource
from tests.unit.operator.objects import CREATED, as_stored, raw_deployment, raw_pod


def test_a_deployment_tells_its_part_and_how_far_it_is() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    found = records.deployment(raw_deployment(resource(), slot=NOW, replicas=2, conditions=[late]))

    assert (found.market, found.shard, found.shards, found.slot) == ("spot", 0, 1, NOW)
    assert (found.replicas, found.total, found.updated, found.available) == (1, 2, 1, 1)
    assert (found.meta.owner, found.meta.operator, found.meta.parent) == ("8a1f", "metdc", ("default", "binance"))
    assert (found.meta.created, found.applied, found.written, found.late) == (CREATED, 1, 1, True)


def test_a_deployment_that_somebody_has_spoilt_can_still_be_read() -> None:
    raw = raw_deployment(resource())
    raw["metadata"] |= {"annotations": {"metdc.io/applied": "x"}, "labels": None, "ownerReferences": []}
    raw["spec"]["template"]["metadata"] = {"annotations": {"metdc.io/rotation-slot": "soon", "metdc.io/config": "{"}}
    found = records.deployment(raw | {"status": None})

    assert (found.slot, found.shards, found.applied, found.template, found.total) == (None, 1, 0, "", 0)
    raw["spec"]["template"]["metadata"] = {}
    assert records.deployment(raw).slot is None


def test_a_pod_tells_when_it_was_ready_and_when_it_is_to_end() -> None:
    deployed = raw_deployment(resource())
    found = records.pod(raw_pod(deployed, status={"containerStatuses": [{"restartCount": 3, "state": {}}]}))

    assert (found.ready, found.ready_since, found.restarts) == (True, NOW - 500 * SECOND, 3)
    assert (found.address, found.node, found.grace, found.running) == ("10.0.0.1", "node1", 60 * SECOND, True)
    ending = {"deletionTimestamp": render(NOW), "deletionGracePeriodSeconds": 5}
    leaving = records.pod(raw_pod(deployed, metadata=ending, status={"conditions": [], "phase": "Failed"}))
    assert (leaving.ready, leaving.ready_since, leaving.meta.deleting, leaving.grace) == (False, None, NOW, 5 * SECOND)
    assert leaving.ended
    assert records.pod(raw_pod(deployed) | {"status": None}).address is None


@pytest.mark.parametrize(
    ("spec", "cordoned"),
    [
        ({}, None),
        ({"taints": [{"key": "other"}]}, None),
        ({"unschedulable": True}, 0),
        (
            {
                "unschedulable": True,
                "taints": [{"key": "node.kubernetes.io/unschedulable", "timeAdded": render(NOW)}],
            },
            NOW,
        ),
        ({"taints": [{"key": "ToBeDeletedByClusterAutoscaler", "value": "1"}]}, 0),
    ],
)
def test_a_node_tells_since_when_it_is_cordoned(spec: dict[str, object], cordoned: int | None) -> None:
    node = as_stored({"metadata": {"name": "node1"}, "spec": spec})

    assert records.node(node).cordoned == cordoned


def test_a_resource_keeps_its_status_and_orders() -> None:
    raw = as_stored(
        {"metadata": {"name": "a", "namespace": "b", "annotations": {"x": "y"}}, "spec": {"exchange": "okx"}}
    )
    found = records.collector(raw)

    assert (found.resource.key, found.resource.annotations, found.status) == ("b/a", {"x": "y"}, {})
    assert records.collector(raw | {"status": {"markets": []}}).status == {"markets": []}
