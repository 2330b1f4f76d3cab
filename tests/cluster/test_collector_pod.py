"""Collector pods from the operator's own manifests, without the operator: what a pod does by itself in a cluster."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.cluster.collectors import DIVIDE, GRACE, Collector
from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images
from tests.cluster.kube import Json, conditions
from tests.cluster.place import CEILING, START, Exchanges, Place, exchanges, ready, report
from tests.harness import eventually

RATE: Final = 200.0


@pytest.fixture(scope="module")
def where(new_place: NewPlace) -> Place:
    return new_place("pod")


@pytest.fixture(scope="module")
def exchange(where: Place, images: Images) -> Iterator[Exchanges]:
    words = (f"--divide-timers={DIVIDE}", "--only=binance.spot", "--history=20")
    with exchanges(where, images, *words) as running:
        running.order("/rate", total=RATE)
        yield running


@pytest.fixture(scope="module")
def collector(where: Place, images: Images, exchange: Exchanges) -> Collector:
    """A collector that streams."""
    one = Collector(where, images)
    one.apply()
    one.rolled_out()
    return one


@pytest.fixture(autouse=True)
def trading(exchange: Exchanges) -> None:
    exchange.order("/resume")


def test_a_rollout_with_surge_loses_and_repeats_nothing(exchange: Exchanges, collector: Collector) -> None:
    for _ in range(2):
        before = collector.pod()["metadata"]["name"]
        collector.apply()
        collector.rolled_out()
        assert collector.pod()["metadata"]["name"] != before
    verdict = exchange.audited()
    record = verdict.record()
    assert record["ok"], json.dumps(record)
    assert verdict.tallies["binance.spot"].sent > RATE


def test_a_collector_streams_as_a_user_that_its_image_does_not_know(exchange: Exchanges, collector: Collector) -> None:
    collector.apply(runAsUser=12345, runAsGroup=12345)
    collector.rolled_out()
    before = exchange.stored()
    eventually(lambda: exchange.stored() > before, CEILING, "trades are stored")
    assert collector.pod()["spec"]["securityContext"]["runAsUser"] == 12345
    assert exchange.audited().record()["ok"]


def test_a_pod_holds_no_token_of_the_cluster(collector: Collector) -> None:
    pod = collector.pod()
    mounts = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert not [path for path in mounts if "serviceaccount" in path]
    code = "import os; print(os.path.exists('/var/run/secrets'))"
    said = collector.where.kubectl("exec", pod["metadata"]["name"], "--", "python3", "-c", code)
    assert said.strip() == "False"


def test_a_pod_that_is_told_to_end_does_so_within_its_grace_and_without_a_loss(
    exchange: Exchanges, collector: Collector
) -> None:
    name = collector.pod()["metadata"]["name"]
    held = '{"metadata":{"finalizers":["metdc.io/test"]}}'  # keeps the object, so that its end can be read
    collector.where.kubectl("patch", "pod", name, "--patch", held)
    collector.where.kubectl("delete", "pod", name, "--wait=false")

    def end() -> Json | None:
        (status,) = collector.where.get("pod", name)["status"]["containerStatuses"]
        ended: Json | None = status["state"].get("terminated")
        return ended

    try:
        ended = eventually(end, GRACE + CEILING, f"{name} ends")
    finally:
        collector.where.kubectl("patch", "pod", name, "--type=merge", "--patch", '{"metadata":{"finalizers":null}}')
    assert ended["exitCode"] == 0
    collector.rolled_out()
    record = exchange.audited().record()
    assert record["ok"], json.dumps(record)


def test_a_pod_without_nats_is_alive_and_says_why_it_is_not_ready(where: Place, images: Images) -> None:
    collector = Collector(where, images, name="lonely", nats="nowhere")
    collector.apply()
    name = eventually(lambda: _running(collector), START, "the pod runs")
    assert where.answer(name, "/livez") is not None
    assert where.answer(name, "/readyz") is None
    eventually(lambda: (said := report(where, name)) is not None and not said["nats"]["connected"], CEILING, "says so")
    where.kubectl("delete", "deployment", collector.name)


def test_neither_a_missing_exchange_nor_a_missing_nats_restarts_a_pod(new_place: NewPlace, images: Images) -> None:
    where = new_place("outage")
    with exchanges(where, images, f"--divide-timers={DIVIDE}", "--only=binance.spot"):
        collector = Collector(where, images)
        collector.apply()
        collector.rolled_out()
        name = collector.pod()["metadata"]["name"]
        where.kubectl("scale", "deployment/simulator", "statefulset/nats", "--replicas=0")
        eventually(lambda: not ready(collector.pod()), START, "the pod is not ready")
        assert where.answer(name, "/livez") is not None
        where.kubectl("scale", "deployment/simulator", "statefulset/nats", "--replicas=1")
        where.rolled_out("simulator")
        eventually(lambda: ready(collector.pod()), START, "the pod is ready again")
        pod = collector.pod()
    assert pod["metadata"]["name"] == name
    assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0]


def _running(collector: Collector) -> str | None:
    pods = collector.where.pods(collector.labels)
    started = [pod for pod in pods if conditions(pod).get("PodReadyToStartContainers", {}).get("status") == "True"]
    answering = [
        pod["metadata"]["name"] for pod in started if collector.where.answer(pod["metadata"]["name"], "/livez")
    ]
    return answering[0] if answering else None
