"""Whatever people set, the chart makes whole and restricted objects of it."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from metdc_operator.installation import parse
from tests.chart.matrix import MATRIX
from tests.checks.rendering import CHART, Json, named, render, run

CLUSTERED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
whatever = pytest.mark.parametrize("values", MATRIX.values(), ids=list(MATRIX))


def pods(objects: list[Json]) -> Iterator[Json]:
    """The specs of all pods."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["spec"]
        elif "template" in each.get("spec", {}):
            yield each["spec"]["template"]["spec"]


@whatever
def test_helm_finds_nothing_wrong_with_the_chart(values: dict[str, Any]) -> None:
    told = run(["lint", CHART, "--strict", "--values", "-"], given=json.dumps(values))
    assert "0 chart(s) failed" in told


@whatever
def test_every_object_is_there_once_and_says_where_it_belongs(values: dict[str, Any]) -> None:
    objects = render(values)
    places = Counter((each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects)
    assert [place for place, count in places.items() if count > 1] == []
    own = [each for each in objects if each["metadata"]["name"] not in {"more", "metdc-text"}]
    assert {each["kind"] for each in own if "namespace" not in each["metadata"]} <= CLUSTERED
    assert {each["metadata"]["labels"]["app.kubernetes.io/instance"] for each in own} == {"metdc"}


@whatever
def test_every_pod_meets_the_restricted_standard(values: dict[str, Any]) -> None:
    for pod in pods(render(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"]


@whatever
def test_only_the_operator_and_the_watcher_have_a_token(values: dict[str, Any]) -> None:
    with_token = [pod for pod in pods(render(values)) if pod.get("automountServiceAccountToken", True)]
    watcher = ["listings"] if values.get("listings", {}).get("enabled") else []
    assert [pod["containers"][0]["name"] for pod in with_token] == [*watcher, "operator"]


@whatever
def test_no_role_gives_access_to_secrets(values: dict[str, Any]) -> None:
    roles = [each for each in render(values) if each["kind"] in {"Role", "ClusterRole"}]
    granted = [rule for role in roles for rule in role["rules"]]
    assert roles
    assert [
        rule for rule in granted if {"secrets", "*"} & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}
    ] == []


@whatever
def test_the_operator_takes_the_defaults_that_it_is_given(values: dict[str, Any]) -> None:
    name = values.get("fullnameOverride", "metdc")
    text = named(render(values), "ConfigMap", f"{name}-installation")["data"]["installation.yaml"]
    found = parse(yaml.safe_load(text))
    assert found.nats["urls"]
    assert found.operator == name


def test_resources_of_other_namespaces_are_none_of_its_business() -> None:
    objects = render(MATRIX["several namespaces"])
    roles = [each for each in objects if each["kind"] == "Role" and each["metadata"]["name"] == "metdc-operator"]
    assert [each["metadata"]["namespace"] for each in roles] == ["metdc", "trades-a", "trades-b"]
    (operator,) = named(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--namespaces=metdc,trades-a,trades-b" in operator["args"]
    (nodes,) = named(objects, "ClusterRole")["rules"]
    assert nodes["resources"] == ["nodes"]


def test_without_sight_of_nodes_nothing_is_granted_in_the_cluster() -> None:
    objects = render(MATRIX["one namespace"])
    assert [each for each in objects if each["kind"].startswith("ClusterRole")] == []
    (operator,) = named(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert operator["args"][1:] == ["--namespaces=metdc", "--nodes=false"]


def test_installations_in_two_namespaces_share_no_role_of_the_cluster() -> None:
    first, second = (named(render(namespace=each), "ClusterRole")["metadata"]["name"] for each in ("metdc", "other"))
    assert (first, second) == ("metdc-operator", "other-metdc-operator")


def test_a_value_of_the_operator_alone_changes_nothing_that_collectors_are_made_of() -> None:
    before, after = (
        named(render(values), "ConfigMap", "metdc-installation")["data"]
        for values in ({}, {"operator": {"logLevel": "debug", "resources": {"limits": {"memory": "1Gi"}}}})
    )
    assert before == after


def test_other_defaults_start_the_operator_anew_since_it_reads_them_once() -> None:
    def digest(values: dict[str, Any]) -> str:
        template = named(render(values), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["metdc.io/installation-digest"])

    assert digest({}) == digest({"operator": {"logLevel": "debug"}})
    assert digest({}) != digest({"collectors": {"limitShare": "1/4"}})


def test_patches_merge_maps_replace_the_rest_and_take_out_what_is_null() -> None:
    objects = render(MATRIX["labels, patches and more"])
    spec = named(objects, "Deployment")["spec"]
    assert "revisionHistoryLimit" not in spec
    assert (spec["replicas"], spec["template"]["spec"]["dnsPolicy"]) == (1, "Default")
    services = [each for each in objects if each["kind"] == "Service"]
    assert len(services) == 2
    assert {each["metadata"]["annotations"]["example.com/patched"] for each in services} == {"yes"}


def test_extra_objects_may_be_maps_or_texts_and_both_are_templates() -> None:
    objects = render(MATRIX["labels, patches and more"])
    assert named(objects, "ConfigMap", "more")["data"] == {"of": "metdc"}
    assert named(objects, "ConfigMap", "metdc-text")


def test_common_labels_are_on_everything_and_in_no_selector() -> None:
    objects = render(MATRIX["labels, patches and more"])
    own = [each for each in objects if each["metadata"]["name"] not in {"more", "metdc-text"}]
    assert {each["metadata"]["labels"]["team"] for each in own} == {"markets"}
    assert "team" not in named(objects, "Deployment")["spec"]["selector"]["matchLabels"]


def test_notes_say_the_next_command_and_what_stays() -> None:
    told = run(["install", "metdc", CHART, "--namespace", "metdc", "--dry-run=client"]).partition("NOTES:")[2]
    for words in ("kubectl apply -n metdc", "helm test -n metdc metdc", "helm uninstall", "every resource and its"):
        assert words in told
