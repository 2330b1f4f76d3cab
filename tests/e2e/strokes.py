"""What befalls an installation, one after the other: upgrades, a rollback, kills, drains, a chart that returns."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.audit.stream import CannotRead
from tests.checks.rendering import CHART
from tests.cluster.kube import Refused, conditions
from tests.cluster.place import CEILING, START, collected, ready
from tests.cluster.sample.scene import DIVIDE, ROTATION, SETTLED, Rotations
from tests.e2e import adversary, listing
from tests.e2e.release import NATS, OPERATOR, HelmFailed, merged, of_images
from tests.e2e.scene import CALM, DEFINITION, Scene, Watch, wait_for_nats
from tests.harness import NotInTime, eventually, folder, say

QUIET = 20.0
"""Seconds in which an operator that acts would begin to replace a collector: it asks all pods within 15 s and gives
out turns each second."""
ROTATIONS = 60
"""Replacements of all markets together, upgrades and drains included."""
_MARK = "E2E"


@dataclass(frozen=True, slots=True)
class Stroke:
    """One thing that befalls the installation.

    Attributes:
        name: in the result.
        strike: does it; what it raises means that it did not happen.
        holds: looks whether everything held afterwards; gets what ``strike`` returned, returns figures.
    """

    name: str
    strike: Callable[[Scene], Any]
    holds: Callable[[Scene, Any], dict[str, Any]]


FAILURES = (AssertionError, NotInTime, Refused, HelmFailed, CannotRead, OSError)


def struck(scene: Scene, stroke: Stroke) -> dict[str, Any]:
    """Let it happen; return what became of it."""
    say(f"-- {stroke.name}")
    record: dict[str, Any] = {"name": stroke.name, "injected": False, "ok": False}
    begun = time.monotonic()
    try:
        found = stroke.strike(scene)
        record["injected"] = True
        record |= stroke.holds(scene, found) | {"ok": True}
    except FAILURES as error:
        record["why"] = str(error).strip().splitlines()[0][:500] if str(error) else type(error).__name__
        say(f"{stroke.name}: {error}")
    return record | {"s": round(time.monotonic() - begun, 1)}


# -- upgrades


def _images_of(scene: Scene) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in scene.sample.pods()}


def _changed_under_watch(scene: Scene, change: Callable[[], None], image: str) -> Watch:
    """Change the release and wait until every collector runs an image, each market with one pod."""
    with Watch(scene) as watch:
        change()
        eventually(lambda: _images_of(scene) == {image} and scene.sample.whole(), SETTLED, "the new image", every=3)
    return watch


def _upgraded(scene: Scene) -> Watch:
    return _changed_under_watch(scene, lambda: scene.release.upgrade(**of_images(scene.again)), scene.again.collector)


def _rolled_back(scene: Scene) -> Watch:
    before = scene.release.revision - 1
    found = _changed_under_watch(scene, lambda: scene.release.rollback(before), scene.images.collector)
    scene.release.values = merged(scene.release.values, of_images(scene.images))  # as they are in the cluster now
    return found


def _within_the_budget(scene: Scene, watch: Watch) -> dict[str, Any]:
    scene.whole("afterwards", SETTLED)
    return watch.within()


def _operator_and_definition_upgraded(scene: Scene) -> dict[str, int]:
    before = scene.collectors()
    _operator_upgraded(scene)
    _definition_upgraded(scene)
    return before


def _operator_upgraded(scene: Scene) -> None:
    """Upgrade with values that touch the operator alone."""
    operator = scene.release.operator()
    image = of_images(scene.again)["operator"]["image"]
    scene.release.upgrade(operator={"image": image, "logLevel": "debug"})
    scene.where.rolled_out(OPERATOR)
    assert scene.release.operator()["metadata"]["uid"] != operator["metadata"]["uid"], "the operator is the old one"


def _definition_upgraded(scene: Scene) -> None:
    """Upgrade to a chart whose definition has one column more."""
    with folder("metdc-chart-") as temporary:
        chart = temporary / "metdc"
        shutil.copytree(CHART, chart)  # the link becomes a folder
        _with_column(chart / "files" / "crds" / f"{DEFINITION}.yaml")
        scene.release.upgrade(chart)
    columns = scene.where.cluster.get("crd", DEFINITION)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert _MARK in {column["name"] for column in columns}, "the definition is the old one"


def _with_column(file: Path) -> None:
    record = yaml.safe_load(file.read_text(encoding="utf-8"))
    column = {"name": _MARK, "type": "string", "jsonPath": ".spec.exchange", "description": "Of a newer version."}
    record["spec"]["versions"][0]["additionalPrinterColumns"].append(column)
    file.write_text(yaml.safe_dump(record), encoding="utf-8")


def _resources_stayed(scene: Scene, before: dict[str, int]) -> dict[str, Any]:
    assert set(scene.sample.names) <= set(scene.sample.resources()), "resources have gone"
    return _nobody_was_restarted(scene, before)


def _nobody_was_restarted(scene: Scene, before: dict[str, int]) -> dict[str, Any]:
    """Whether the collectors are those of before, after a while in which they would have been replaced."""
    eventually(scene.release.operator_acts, CEILING, "the operator holds its Lease", every=1)
    scene.whole("afterwards", SETTLED)  # without NATS nothing is replaced
    time.sleep(QUIET)
    assert scene.collectors() == before, "collectors were replaced or restarted"
    return {"collectors": len(before)}


def _gone_and_back(scene: Scene) -> dict[str, int]:
    before = scene.collectors()
    claim = scene.where.get("persistentvolumeclaim", f"data-{NATS}-0")["metadata"]["uid"]
    password = scene.release.password("reader")
    scene.release.uninstall()
    for kind, name in (("deployment", OPERATOR), ("statefulset", NATS)):
        eventually(partial(_is_gone, scene, kind, name), START, f"{name} is gone")
    assert scene.collectors() == before, "collectors went with the chart"
    assert scene.where.get("persistentvolumeclaim", f"data-{NATS}-0")["metadata"]["uid"] == claim
    time.sleep(5)  # trades that come meanwhile are to be kept and delivered
    scene.release.install()
    wait_for_nats(scene.where)
    scene.where.rolled_out(OPERATOR)
    assert scene.release.password("reader") == password, "the reader has another password"
    return before


def _is_gone(scene: Scene, kind: str, name: str) -> bool:
    return not scene.where.kubectl("get", kind, name, "--ignore-not-found", "--output=name").strip()


# -- outages


def _nats_killed(scene: Scene) -> dict[str, int]:
    before = scene.collectors()
    pod = f"{NATS}-0"
    uid = scene.where.get("pod", pod)["metadata"]["uid"]
    scene.where.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")

    def anew() -> bool:
        listed = scene.where.pods({"app.kubernetes.io/name": "metdc-nats"})
        return [each["metadata"]["uid"] for each in listed if each["metadata"]["uid"] != uid] != []

    eventually(anew, START, "another pod of NATS", every=1)
    wait_for_nats(scene.where)
    return before


def _drained(scene: Scene) -> tuple[str, Watch]:
    """Drain the node with most of the collectors; exchanges and NATS, whose disk may be the node's, stay there."""
    nodes = [pod["spec"]["nodeName"] for pod in scene.sample.pods()]
    node: str = max(sorted(set(nodes)), key=nodes.count)
    chosen = "--pod-selector=app.kubernetes.io/name in (metdc-collector,metdc-operator)"
    words = ("drain", node, chosen, "--delete-emptydir-data", f"--timeout={SETTLED:.0f}s")
    try:
        with Watch(scene) as watch, ThreadPoolExecutor() as threads:
            drain = threads.submit(scene.where.cluster.run, *words, timeout=SETTLED + CEILING)
            eventually(drain.done, SETTLED + CEILING, f"{node} is drained", every=1)
            drain.result()
        left = [pod for pod in scene.sample.pods() if pod["spec"]["nodeName"] == node and ready(pod)]
        assert not left, f"{len(left)} collectors are still on {node}"
    finally:
        scene.where.cluster.run("uncordon", node)
    return node, watch


def _moved(scene: Scene, found: tuple[str, Watch]) -> dict[str, Any]:
    _, watch = found
    scene.whole("afterwards", SETTLED)
    return watch.within()


# -- what new users do


def _tested(scene: Scene) -> str:
    return scene.release.test()


def _read(scene: Scene, said: str) -> dict[str, Any]:
    assert '"price"' in said, f"helm test shows no trade: {said[-300:]}"
    return {}


ELSEWHERE = "elsewhere"
"""A collector in the second namespace, of trades that the sample collects, too: they are stored once all the same."""


def _applied_elsewhere(scene: Scene) -> None:
    """Apply a resource in a namespace that has nothing but what the chart has put there: NATS's credentials."""
    env = [{"name": "METDC_DIVIDE_TIMERS", "value": str(DIVIDE)}]
    scene.other.apply(collected(ELSEWHERE, "upbit", f"simulator.{scene.where.name}:9409", env=env))


def _streams_elsewhere(scene: Scene, _: None) -> dict[str, Any]:
    def rate() -> int | None:
        found = scene.other.get("exchangecollector", ELSEWHERE)
        is_ready = conditions(found).get("Ready", {}).get("status") == "True"
        return found["status"]["totals"]["tradesPerSecond"] or None if is_ready else None

    try:
        found = eventually(rate, SETTLED, "a resource of another namespace is Ready and has trades", every=2)
    finally:
        scene.other.kubectl("delete", "exchangecollector", ELSEWHERE)
    eventually(lambda: not scene.other.pods({"metdc.io/collector": ELSEWHERE}), START, "its pods end", every=2)
    return {"trades_per_second": found}


@contextlib.contextmanager
def rotating(scene: Scene, counted: Rotations) -> Iterator[None]:
    """Rotate by the clock, each minute, for the length of the block and until there were enough replacements."""
    say("-- rotations")

    def enough() -> bool:
        counts = counted.look()
        return sum(counts.values()) >= ROTATIONS and min(counts.values()) >= 1

    scene.sample.apply(rotation=ROTATION)
    try:
        yield
        eventually(enough, SETTLED, f"{ROTATIONS} rotations", every=5)
    finally:
        scene.sample.apply(rotation=CALM)
        scene.whole("after the rotations", SETTLED)


STROKES = (
    Stroke("helm test", _tested, _read),
    Stroke("a listing", listing.listed, listing.captured),
    Stroke("helm upgrade to rebuilt images", _upgraded, _within_the_budget),
    Stroke("helm rollback", _rolled_back, _within_the_budget),
    Stroke("operator and definition upgraded", _operator_and_definition_upgraded, _resources_stayed),
    Stroke("NATS killed", _nats_killed, _nobody_was_restarted),
    Stroke("node drained", _drained, _moved),
    Stroke("chart uninstalled and installed again", _gone_and_back, _nobody_was_restarted),
)
MEANWHILE = (
    Stroke("a resource in another namespace", _applied_elsewhere, _streams_elsewhere),
    Stroke("a pod without credentials", lambda scene: None, lambda scene, _: adversary.without_credentials(scene)),
    Stroke("a pod with the reader's", lambda scene: None, lambda scene, _: adversary.with_the_reader_s(scene)),
    Stroke(
        "another namespace's Secret", lambda scene: None, lambda scene, _: adversary.another_namespace_s_secret(scene)
    ),
)
