"""The sample streams, says so, and every pod of it is rotated; meanwhile the successors of others can't start."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.cluster.kube import Json, conditions
from tests.cluster.place import CEILING, START, ready
from tests.cluster.sample import troubles
from tests.cluster.sample.scene import RATE, ROTATION, SETTLED, Rotations, Sample
from tests.cluster.sample.troubles import IMAGE, TROUBLES, Trouble
from tests.harness import eventually

TIMES = 5
"""Rotations of each market."""
REPORT = 15.0
"""Seconds between two looks of the operator at a report."""
BACK_OFF = 300.0
"""Seconds until Kubernetes tries again what has failed for a minute or two."""

pytestmark = pytest.mark.timeout(2400)


@pytest.fixture(scope="module")
def rotations(scene: Sample) -> Iterator[Rotations]:
    """Every pod of the sample is replaced each minute, until the module's tests are over."""
    scene.rate = RATE
    scene.settle()
    found = Rotations(scene)
    scene.apply(rotation=ROTATION)
    yield found
    scene.settle()


@pytest.mark.usefixtures("rotations")  # what a resource tells is true also while its pods are replaced
def test_each_market_streams_and_its_resource_says_so(scene: Sample) -> None:
    begun, before = time.monotonic(), scene.exchanges.stored()
    time.sleep(REPORT)  # what the resources tell is of that time

    def truthful() -> dict[str, dict[str, str]] | None:
        columns = {name: row for name, row in scene.columns().items() if name in scene.names}
        told = sum(int(row["TRADES/S"] or 0) for row in columns.values())
        measured = (scene.exchanges.stored() - before) / (time.monotonic() - begun)
        return columns if all(map(_flows, columns.values())) and measured / 2 < told < measured * 2 else None

    columns = eventually(truthful, SETTLED, "each resource is Ready and tells of the trades that are stored", every=2)
    assert sorted(columns) == scene.names
    for name, row in columns.items():
        assert row["EXCHANGE"] == name
        assert {f"{name}.{market}" for market in row["MARKETS"].split(",")} == set(scene.markets_of(name))
    assert scene.statuses().keys() == set(scene.markets)
    for status in scene.statuses().values():
        assert datetime.now(UTC) - datetime.fromisoformat(status["reportedAt"]) < timedelta(seconds=CEILING)


def _flows(row: Mapping[str, str]) -> bool:
    """Whether a resource is Ready, all that it wants streams, and there are trades."""
    streaming, _, wanted = row["SYMBOLS"].partition("/")
    told = (row["READY"], row["REASON"]) == ("True", "Collecting")
    return told and streaming == wanted != "0" and row["TRADES/S"] not in {"", "0"}


# -- successors that can't start


@dataclass(frozen=True, slots=True)
class Told:
    """What there was to see of a resource: its pods, conditions and columns, its events, the trades stored of it."""

    pods: list[Json]
    resource: Json
    columns: Mapping[str, str]
    events: list[tuple[str, str]]
    stored: int


def _told(scene: Sample, trouble: Trouble) -> Told:
    columns, resource = scene.columns()[trouble.name], scene.resources()[trouble.name]
    stored, events = scene.exchanges.count(subject(trouble)), scene.where.events("ExchangeCollector", trouble.name)
    return Told(scene.pods_of(trouble.name), resource, columns, events, stored)


def subject(trouble: Trouble) -> str:
    """Where its trades are."""
    quote, base = trouble.instrument.split("-")
    return f"trades.upbit.spot.{base}.{quote}"


def _one_ready(scene: Sample, trouble: Trouble) -> bool:
    pods = scene.pods_of(trouble.name)
    return len(pods) == 1 and ready(pods[0])


def _stalls(scene: Sample, trouble: Trouble) -> bool:
    return scene.condition(trouble.name, "RotationStalled").get("status") == "True"


def _has_traded(scene: Sample, trouble: Trouble, before: int) -> bool:
    return scene.exchanges.count(subject(trouble)) > before


def _heals(scene: Sample, trouble: Trouble, old: str) -> bool:
    """Whether nothing stands in the way any longer, and the pod that went on meanwhile has been replaced."""
    free = scene.condition(trouble.name, "RotationStalled").get("status") == "False"
    return free and _one_ready(scene, trouble) and scene.pods_of(trouble.name)[0]["metadata"]["name"] != old


@pytest.fixture(scope="module")
def healthy(scene: Sample, rotations: Rotations) -> Iterator[dict[str, Told]]:
    """Four resources beside the sample, each with a pod that streams."""
    for trouble in TROUBLES:
        trouble.apply(scene)
    for trouble in TROUBLES:
        eventually(partial(_one_ready, scene, trouble), SETTLED, f"{trouble.name} is ready", every=2)
    yield {trouble.name: _told(scene, trouble) for trouble in TROUBLES}
    for trouble in TROUBLES:
        scene.where.kubectl("delete", "exchangecollector", trouble.name, "--ignore-not-found")
    eventually(lambda: not any(scene.pods_of(each.name) for each in TROUBLES), SETTLED, "their pods end", every=2)


@pytest.fixture(scope="module")
def stalled(scene: Sample, healthy: dict[str, Told]) -> dict[str, Told]:
    """Each was edited so that its successor can't start; the exchange has traded since that was told."""
    for trouble in TROUBLES:
        trouble.cause(scene)
        trouble.apply(scene, **trouble.spec)
    for trouble in TROUBLES:
        eventually(partial(_stalls, scene, trouble), SETTLED, f"{trouble.name} says that its rotation stalls", every=2)
    for trouble in TROUBLES:
        before = scene.exchanges.count(subject(trouble))
        scene.exchanges.order("/trade", exchange="upbit", market="spot", instrument=trouble.instrument, count=3)
        eventually(partial(_has_traded, scene, trouble, before), CEILING, f"{trouble.name} stores trades", every=2)
    return {trouble.name: _told(scene, trouble) for trouble in TROUBLES}


@pytest.fixture(scope="module")
def healed(scene: Sample, stalled: dict[str, Told]) -> Iterator[dict[str, Told]]:
    """What stood in the way was taken away, and a successor has taken over."""
    for trouble in TROUBLES:
        trouble.remedy(scene)
    for trouble in TROUBLES:
        (old,) = (pod["metadata"]["name"] for pod in stalled[trouble.name].pods if ready(pod))
        eventually(partial(_heals, scene, trouble, old), BACK_OFF, f"{trouble.name} heals", every=2)
    yield {trouble.name: _told(scene, trouble) for trouble in TROUBLES}
    troubles.unlabel(scene)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_the_old_pod_streams_on_when_its_successor_cannot_start(
    healthy: dict[str, Told], stalled: dict[str, Told], trouble: Trouble
) -> None:
    (before,) = (pod["metadata"]["name"] for pod in healthy[trouble.name].pods)
    now = stalled[trouble.name]
    assert [pod["metadata"]["name"] for pod in now.pods if ready(pod)] == [before]
    assert now.stored > healthy[trouble.name].stored
    assert now.columns["READY"] == "True"


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_condition_event_and_column_say_why_a_successor_cannot_start(
    stalled: dict[str, Told], trouble: Trouble
) -> None:
    now = stalled[trouble.name]
    condition = conditions(now.resource)["RotationStalled"]
    assert (condition["status"], condition["reason"]) == ("True", trouble.reason)
    assert trouble.words in condition["message"]
    assert now.columns["ROTATION"] == trouble.reason
    assert any(reason == trouble.reason and trouble.words in message for reason, message in now.events), now.events


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_a_rotation_goes_on_by_itself_once_its_cause_is_gone(healed: dict[str, Told], trouble: Trouble) -> None:
    now = healed[trouble.name]
    assert conditions(now.resource)["RotationStalled"]["reason"] == "RotationSuspended"
    assert now.columns["ROTATION"] == "RotationSuspended"
    assert now.columns["READY"] == "True"


def test_a_deleted_resource_leaves_nothing_behind_but_its_data(scene: Sample, healed: dict[str, Told]) -> None:
    name, stored = IMAGE.name, healed[IMAGE.name].stored
    scene.where.kubectl("delete", "exchangecollector", name)

    def left() -> list[str]:
        kinds = "deployments,replicasets,pods,poddisruptionbudgets,networkpolicies"
        listed = scene.where.kubectl("get", kinds, "--output=name").split()
        return [each for each in listed if each.partition("/")[2].startswith(name)]

    eventually(lambda: not left(), START, "all that the operator made of it is gone", every=2)
    assert scene.exchanges.count(subject(IMAGE)) >= stored > 0


# -- all of it


@pytest.mark.usefixtures("healed")  # they use the time in which the sample is rotated, and trouble nobody else
def test_rotations_of_each_market_under_load_lose_repeat_and_misorder_nothing(
    scene: Sample, rotations: Rotations
) -> None:
    eventually(lambda: min(rotations.look().values()) >= TIMES, SETTLED + TIMES * 120, "all have rotated", every=5)
    scene.settle()
    eventually(lambda: _proven(rotations) == set(scene.markets), SETTLED, "each market tells of a hand-over", every=2)
    counts = rotations.look()
    record = scene.audited().record()
    assert record["ok"], json.dumps(record)
    assert set(scene.markets) <= set(record["markets"])
    assert all(count >= TIMES for count in counts.values()), counts
    proofs = rotations.proofs.values()
    assert not [proof for proof in proofs if proof.get("tradesLost")]
    assert all(proof["overlapMilliseconds"] > 0 for proof in proofs if "overlapMilliseconds" in proof)


def _proven(rotations: Rotations) -> set[str]:
    rotations.look()
    return {market for market, _ in rotations.proofs}
