"""What the chart and `config` make is taken by a real API server, whatever people set."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.chart.matrix import MATRIX
from tests.checks.rendering import ROOT, Json, render
from tests.cluster.conftest import PREFIX
from tests.cluster.kube import Cluster, Refused
from tests.cluster.place import Place, place

OF_OTHERS = {"PodMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which isn't there; `tests/chart` has promtool judge the rules."""
SHAPES = {
    "PodMonitor": {"podMetricsEndpoints", "selector", "namespaceSelector"},
    "PrometheusRule": {"groups"},
}


@pytest.fixture(scope="module")
def places(cluster: Cluster) -> Iterator[dict[str, Place]]:
    """Namespaces under restricted Pod Security, in place of those that the values name."""
    suffix = uuid4().hex[:5]
    with (
        place(cluster, f"{PREFIX}-chart-{suffix}") as own,
        place(cluster, f"{PREFIX}-chart-a-{suffix}") as first,
        place(cluster, f"{PREFIX}-chart-b-{suffix}") as second,
    ):
        yield {"metdc": own, "trades-a": first, "trades-b": second}


def judged(places: Mapping[str, Place], objects: list[Json]) -> list[str]:
    """Have the API server judge objects, each in its namespace, without storing them; return what it named."""
    of: dict[Place, list[str]] = {}
    for each in objects:
        where = places[each["metadata"].pop("namespace", "metdc")]
        of.setdefault(where, []).append(json.dumps(each))
    words = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename=-")
    told = []
    for where, texts in of.items():
        # What violates Pod Security in a template is a warning, not an error.
        scope = ("--namespace", where.name, "--warnings-as-errors")
        told += where.cluster.run(*scope, *words, given="\n---\n".join(texts)).splitlines()
    return told


@pytest.mark.parametrize("values", MATRIX.values(), ids=list(MATRIX))
def test_the_api_server_takes_what_the_chart_makes(places: Mapping[str, Place], values: dict[str, Any]) -> None:
    objects = [each for each in render(values) if each["kind"] not in OF_OTHERS]
    told = judged(places, objects)
    assert len(told) == len(objects) > 5


def test_objects_of_the_prometheus_operator_have_no_field_that_it_does_not_know() -> None:
    found = [each for each in render(MATRIX["monitoring"]) if each["kind"] in OF_OTHERS]
    assert {each["kind"] for each in found} == OF_OTHERS
    for each in found:
        assert set(each["spec"]) <= SHAPES[each["kind"]]


@pytest.mark.parametrize("folder", ["config/base", "config/namespaced", "config/try"])
def test_the_api_server_takes_what_a_kustomization_makes(places: Mapping[str, Place], folder: str) -> None:
    assert judged(places, places["metdc"].cluster.kustomize(ROOT / folder))


def test_without_passwords_applying_config_fails_and_names_what_makes_them(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"run-sh-config-passwords\.sh-first"):
        cluster.kustomize(copied(tmp_path))


def test_with_passwords_the_api_server_takes_config(places: Mapping[str, Place], tmp_path: Path) -> None:
    folder = copied(tmp_path)
    made = folder / "run-sh-config-passwords.sh-first"
    made.mkdir()
    for user in ("collector", "listings", "reader"):
        (made / f"{user}.env").write_text(f"username={user}\npassword=m1\n")
    objects = places["metdc"].cluster.kustomize(folder)
    assert {"StatefulSet", "Secret", "Deployment", "CustomResourceDefinition"} <= {each["kind"] for each in objects}
    assert judged(places, objects)


def copied(tmp_path: Path) -> Path:
    """Copy what `kubectl apply -k config` reads, without passwords that may be there."""
    for name in ("config", "crds"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("run-sh-*"))
    return tmp_path / "config"
