"""What befalls all pods at once: NATS is restarted, NATS is away."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.audit.judge import Verdict
from tests.cluster.kube import Json, conditions
from tests.cluster.place import START
from tests.cluster.sample.scene import SETTLED, Sample, restarts
from tests.harness import eventually

AWAY = float(os.environ.get("METDC_NATS_AWAY", "20"))
"""Seconds that NATS is away."""

pytestmark = pytest.mark.timeout(2400 + 2 * AWAY)


@dataclass(slots=True)
class Outage:
    """What there was to see before, while NATS was away, and after: pods with restarts, revisions, resources."""

    pods: list[dict[str, int]] = field(default_factory=list)
    revisions: list[dict[str, int]] = field(default_factory=list)
    resources: list[dict[str, Json]] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict({}, []))

    def look(self, scene: Sample) -> None:
        """Take what there is."""
        self.pods.append({pod["metadata"]["uid"]: restarts(pod) for pod in scene.pods()})
        self.revisions.append(scene.revisions())
        self.resources.append(scene.resources())


@pytest.fixture(scope="module")
def outage(scene: Sample) -> Outage:
    """NATS is restarted, then away for a while in which a rotation is ordered, then back; then the audit."""
    scene.settle()
    found = Outage()
    eventually(lambda: _reasons(scene.resources()) == {"Connected"}, START, "each resource has NATS", every=2)
    found.look(scene)
    scene.where.kubectl("delete", "pod", "nats-0")
    scene.where.kubectl("rollout", "status", "statefulset/nats", f"--timeout={START:.0f}s", timeout=START + 10)
    eventually(lambda: _grows(scene), START, "trades are stored after the restart", every=1)
    scene.where.kubectl("scale", "statefulset/nats", "--replicas=0")
    begun = time.monotonic()
    eventually(lambda: _reasons(scene.resources()) == {"Disconnected"}, START, "each resource says so", every=1)
    for name in scene.names:
        scene.order(name)
    time.sleep(max(0.0, begun + AWAY - time.monotonic()))  # an outage lasts; there is nothing to wait for
    found.look(scene)
    for name in scene.names:
        scene.where.kubectl("annotate", "exchangecollector", name, "metdc.io/rotate-after-")
    scene.where.kubectl("scale", "statefulset/nats", "--replicas=1")
    eventually(lambda: _reasons(scene.resources()) == {"Connected"}, SETTLED, "each resource has NATS again", every=2)
    found.look(scene)
    found.verdict = scene.audited()
    return found


def _reasons(resources: Mapping[str, Json]) -> set[str]:
    return {conditions(each).get("NATSConnected", {}).get("reason", "") for each in resources.values()}


def _grows(scene: Sample) -> bool:
    before = scene.exchanges.seen()
    time.sleep(1)
    return before is not None and (scene.exchanges.seen() or 0) > before


def test_without_nats_the_resources_say_so_and_nothing_is_rotated(outage: Outage) -> None:
    before, away, _ = outage.revisions
    assert away == before
    assert _reasons(outage.resources[1]) == {"Disconnected"}


def test_neither_a_restart_nor_an_outage_of_nats_costs_a_pod(outage: Outage) -> None:
    before, away, after = outage.pods
    assert before == away == after


def test_neither_a_restart_nor_an_outage_of_nats_loses_repeats_or_misorders_a_trade(outage: Outage) -> None:
    record = outage.verdict.record()
    assert record["ok"], json.dumps(record)
