"""The watcher of listings: off unless said, with the one right that it needs, and captures that find their NATS."""

from typing import Any

import pytest
import yaml

from metdc_collector.cli.group import metdc
from metdc_operator.installation import Installation, parse
from tests.chart.matrix import MATRIX
from tests.checks.rendering import Json, Refused, named, render

NAME = "metdc-listings"
KINDS = {"ServiceAccount", "Role", "RoleBinding", "Deployment", "NetworkPolicy"}
SIMULATED = MATRIX["listings of a simulator"]
EXTERNAL = MATRIX["listings with external NATS and TLS"]


def of_watcher(objects: list[Json]) -> dict[str, Json]:
    return {each["kind"]: each for each in objects if each["metadata"]["name"] == NAME}


def pod(values: Any) -> Json:
    found: Json = named(render(values), "Deployment", NAME)["spec"]["template"]["spec"]
    return found


def installation(values: Any) -> Installation:
    return parse(yaml.safe_load(named(render(values), "ConfigMap", "metdc-installation")["data"]["installation.yaml"]))


def ports(values: Any) -> list[int]:
    _, out = named(render(values), "NetworkPolicy", NAME)["spec"]["egress"]
    return [each["port"] for each in out["ports"]]


def test_there_is_no_watcher_unless_said() -> None:
    assert of_watcher(render()) == {}
    assert set(of_watcher(render(MATRIX["listings"]))) == KINDS
    without = {"listings": {"enabled": True}, "networkPolicies": {"enabled": False}}
    assert set(of_watcher(render(without))) == KINDS - {"NetworkPolicy"}


def test_the_watcher_may_create_captures_in_its_namespace_and_nothing_else() -> None:
    found = of_watcher(render(MATRIX["listings"]))
    assert found["Role"]["rules"] == [
        {"apiGroups": ["metdc.io"], "resources": ["listingcaptures"], "verbs": ["create"]}
    ]
    (subject,) = found["RoleBinding"]["subjects"]
    assert (subject["name"], subject["namespace"]) == (NAME, "metdc")
    assert found["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == NAME
    others = [each for each in render(MATRIX["listings"]) if each["kind"].endswith("RoleBinding")]
    bound = [each["roleRef"]["name"] for each in others for one in each["subjects"] if one["name"] == NAME]
    assert bound == [NAME]


@pytest.mark.parametrize("values", [MATRIX["listings"], SIMULATED, EXTERNAL])
def test_the_command_takes_what_the_watcher_is_told(values: Any) -> None:
    (container,) = pod(values)["containers"]
    words = [word for word in container["args"] if not word.startswith("--exchange-credentials")]
    command = metdc.get_command(None, words[0])  # type: ignore[arg-type] # it asks nothing of the context
    assert command is not None
    given = command.make_context("listings", words[1:]).params
    assert given["create_captures"]
    assert given["http"] == "0.0.0.0:8080"
    assert given["capture_window"] == (values["listings"].get("before", "20s"), values["listings"].get("after", "20s"))


def test_other_addresses_and_windows_reach_the_watcher_and_its_policy() -> None:
    (container,) = pod(SIMULATED)["containers"]
    for word in (
        "--rest=http://simulator:9409",
        "--web-socket=ws://simulator:9409",
        "--announcements=http://simulator",
    ):
        assert word in container["args"]
    window = container["args"].index("--capture-window")
    assert container["args"][window + 1 : window + 3] == ["30s", "2m"]
    assert "--log-level=debug" in container["args"]
    assert "--exchange-credentials=/var/run/metdc/upbit" in container["args"]
    assert sorted(ports(SIMULATED)) == [80, 443, 4222, 6443, 9409]
    assert sorted(ports(MATRIX["listings"])) == [443, 4222, 6443]
    assert sorted(ports(EXTERNAL)) == [443, 4222, 4333, 6443]


def test_the_embedded_server_s_user_of_listings_is_that_of_watcher_and_captures() -> None:
    values = MATRIX["listings"]
    (nats,) = pod(values)["volumes"]
    assert nats["projected"]["sources"] == [{"secret": {"name": "metdc-nats-listings"}}]
    (container,) = pod(values)["containers"]
    assert {"name": "NATS_INBOX_PREFIX", "value": "_INBOX_listings"} in container["env"]
    own = installation({}).captures.nats
    assert own == {
        "urls": ["nats://metdc-nats.metdc:4222"],
        "credentialsSecretRef": {"name": "metdc-nats-listings"},
        "inboxPrefix": "_INBOX_listings",
    }


def test_on_a_server_of_one_s_own_watcher_and_captures_have_the_collectors_credentials() -> None:
    assert installation(EXTERNAL).captures.nats == {}
    assert installation(EXTERNAL).nats["credentialsSecretRef"] == {"name": "nats-credentials"}
    (container,) = pod(EXTERNAL)["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment == {
        "METDC_NATS_CREDENTIALS": "/var/run/metdc/nats",
        "NATS_INBOX_PREFIX": "_INBOX.metdc",
        "NATS_DOMAIN": "hub",
        "NATS_HANDSHAKE_FIRST": "true",
    }
    (nats,) = pod(EXTERNAL)["volumes"]
    assert [each["secret"]["name"] for each in nats["projected"]["sources"]] == [
        *("nats-credentials", "nats-ca", "nats-client"),
    ]


def test_captures_may_be_ordered_by_hand_without_a_watcher() -> None:
    found = installation({"listings": {"image": {"repository": "a/b", "tag": "c", "pullPolicy": "Always"}}}).captures
    assert (found.image, found.image_pull_policy) == ("a/b:c", "Always")
    assert found.resources["limits"] == {"memory": "1Gi"}


def test_nats_lets_watcher_and_captures_in() -> None:
    def admitted(values: Any) -> str:
        return str(named(render(values), "NetworkPolicy", "metdc-nats")["spec"]["ingress"][0]["from"])

    assert "metdc-capture" in admitted({})
    assert "metdc-capture" in admitted(MATRIX["several namespaces"])
    assert ("metdc-listings" in admitted({}), "metdc-listings" in admitted(MATRIX["listings"])) == (False, True)


def test_its_metrics_are_scraped_where_those_of_the_operator_are() -> None:
    monitored = {"podMonitor": {"enabled": True, "interval": "15s"}}
    found = named(render({"listings": {"enabled": True}, "monitoring": monitored}), "PodMonitor", NAME)
    watched = named(render(MATRIX["listings"]), "Deployment", NAME)["spec"]["template"]["metadata"]["labels"]
    assert found["spec"]["selector"]["matchLabels"].items() <= watched.items()
    assert found["spec"]["podMetricsEndpoints"] == [{"port": "http", "path": "/metrics", "interval": "15s"}]
    assert "PodMonitor" not in {each["kind"] for each in render(MATRIX["listings"])}


@pytest.mark.parametrize(
    "values", [{"enabled": "yes"}, {"before": "20"}, {"endpoints": {"rest": "ftp://a"}}, {"window": "20s"}]
)
def test_what_cannot_be_is_refused(values: Any) -> None:
    with pytest.raises(Refused):
        render({"listings": values})
