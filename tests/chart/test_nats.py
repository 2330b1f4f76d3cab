"""The embedded NATS server: its sizes follow from the volume, its passwords are in Secrets alone."""

import base64
import re
from typing import Any

import pytest
import yaml

from metdc_collector.captures.store import MAX_BYTES
from metdc_collector.wire import sizes
from metdc_collector.wire.streams import EVENT_BYTES
from tests.chart.matrix import MATRIX
from tests.checks.rendering import Json, named, render

IN_A_STREAM, ON_DISK = 330, 92
"""Bytes of a trade as `maxBytes` counts it, and as s2 leaves it on disk: docs/sizing.md."""


def installation(objects: list[Json]) -> Json:
    found: Json = yaml.safe_load(named(objects, "ConfigMap", "metdc-installation")["data"]["installation.yaml"])
    return found


def configuration(objects: list[Json]) -> str:
    return str(named(objects, "ConfigMap", "metdc-nats")["data"]["nats.conf"])


def secrets(objects: list[Json]) -> dict[tuple[str, str], dict[str, str]]:
    """The contents of Secrets by namespace and name."""
    found = [each for each in objects if each["kind"] == "Secret"]
    return {(each["metadata"]["namespace"], each["metadata"]["name"]): each["stringData"] for each in found}


@pytest.mark.parametrize("values", [{}, MATRIX["a small volume"], MATRIX["a large volume"]])
def test_all_streams_together_fit_into_the_store_and_the_store_into_the_volume(values: dict[str, Any]) -> None:
    objects = render(values)
    (claim,) = named(objects, "StatefulSet")["spec"]["volumeClaimTemplates"]
    store = re.search(r"max_file_store: (\d+)$", configuration(objects), re.MULTILINE)
    assert store is not None
    streams = values.get("nats", {}).get("embedded", {}).get("streams", 7)
    each = sizes.parse(installation(objects)["nats"]["stream"]["maxBytes"])
    assert streams * each + EVENT_BYTES + MAX_BYTES < int(store[1])
    on_disk = int(store[1]) * ON_DISK // IN_A_STREAM
    assert on_disk < sizes.parse(claim["spec"]["resources"]["requests"]["storage"]) * 6 // 10


def test_streams_have_an_equal_part_of_the_volume() -> None:
    assert installation(render())["nats"]["stream"] == {
        "replicas": 1,
        "maxAge": "24h",
        "maxBytes": f"{(20 * 1024 * 9 // 10 - 896) // 7}Mi",
        "duplicateWindow": "2m",
    }


def test_streams_of_another_server_are_left_to_the_operator_unless_said() -> None:
    assert "maxBytes" not in installation(render(MATRIX["external NATS"]))["nats"]["stream"]
    assert installation(render(MATRIX["external NATS with TLS"]))["nats"]["stream"]["maxBytes"] == "65536Mi"


def test_go_collects_garbage_before_the_container_s_limit() -> None:
    (container,) = named(render(), "StatefulSet")["spec"]["template"]["spec"]["containers"]
    (limit,) = (each["value"] for each in container["env"] if each["name"] == "GOMEMLIMIT")
    assert int(limit) == sizes.parse(container["resources"]["limits"]["memory"]) // 5 * 4
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]


def test_collectors_of_every_namespace_have_one_password_and_the_server_knows_it() -> None:
    objects = render(MATRIX["credentials in other namespaces"])
    found = secrets(objects)
    own = found["metdc", "metdc-nats-collector"]
    assert own["username"] == "collector"
    assert found["trades-a", "metdc-nats-collector"] == found["trades-b", "metdc-nats-collector"] == own
    (container,) = named(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    sources = {each["name"]: each["valueFrom"] for each in container["env"] if each["name"].endswith("_PASSWORD")}
    assert sources == {
        f"{user.upper()}_PASSWORD": {"secretKeyRef": {"name": f"metdc-nats-{user}", "key": "password"}}
        for user in ("collector", "listings", "reader")
    }
    assert installation(objects)["nats"]["credentialsSecretRef"] == {"name": "metdc-nats-collector"}


def test_readers_passwords_stay_in_the_release_s_namespace() -> None:
    found = secrets(render(MATRIX["credentials in other namespaces"]))
    assert {place for place in found if place[1].endswith("reader")} == {("metdc", "metdc-nats-reader")}


def test_captures_of_every_namespace_have_the_password_of_the_watcher() -> None:
    found = secrets(render(MATRIX["credentials in other namespaces"]))
    own = found["metdc", "metdc-nats-listings"]
    assert own["username"] == "listings"
    assert found["trades-a", "metdc-nats-listings"] == found["trades-b", "metdc-nats-listings"] == own


def test_passwords_are_new_for_each_release_and_begin_with_a_letter() -> None:
    first, second = (secrets(render())["metdc", "metdc-nats-reader"]["password"] for _ in range(2))
    assert first != second
    assert re.fullmatch(r"[a-z][A-Za-z0-9]{31}", first)
    assert len({user["password"] for user in secrets(render()).values()}) == 3


def test_no_password_is_anywhere_but_in_a_secret() -> None:
    objects = render()
    passwords = [user["password"] for user in secrets(objects).values()]
    rest = yaml.safe_dump([each for each in objects if each["kind"] != "Secret"])
    for password in passwords:
        assert password not in rest
        assert base64.b64encode(password.encode()).decode() not in rest


def test_secrets_outlive_the_release_for_the_collectors_that_do() -> None:
    kept = [each for each in render() if each["kind"] in {"Secret", "CustomResourceDefinition"}]
    assert len(kept) == 5
    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in kept} == {"keep"}


def test_secrets_that_are_there_are_used_and_none_is_made() -> None:
    objects = render(MATRIX["existing secrets"])
    assert secrets(objects) == {}
    assert installation(objects)["nats"]["credentialsSecretRef"] == {"name": "mine"}
    pod = named(objects, "Pod")["spec"]
    assert pod["volumes"][0]["projected"]["sources"] == [{"secret": {"name": "theirs"}}]


def test_another_server_s_credentials_are_put_where_collectors_are() -> None:
    found = secrets(render(MATRIX["external NATS with credentials"]))
    assert found == {(place, "metdc-nats-collector"): {"token": "1e3"} for place in ("metdc", "trades-a")}


def test_what_another_server_needs_reaches_resources_that_name_none() -> None:
    nats = installation(render(MATRIX["external NATS with TLS"]))["nats"]
    assert nats | {"stream": None} == {
        "urls": ["tls://a.example.com:4222", "tls://b.example.com:4222"],
        "credentialsSecretRef": {"name": "nats-credentials"},
        "inboxPrefix": "_INBOX.metdc",
        "jetStreamDomain": "hub",
        "tls": {
            "caSecretRef": {"name": "nats-ca", "key": "ca.crt"},
            "certSecretRef": {"name": "nats-client"},
            "handshakeFirst": True,
        },
        "stream": None,
    }


def test_without_the_embedded_server_nothing_of_it_is_made() -> None:
    kinds = {each["kind"] for each in render(MATRIX["external NATS"])}
    assert kinds.isdisjoint({"StatefulSet", "Secret"})


def test_only_collectors_captures_and_named_clients_reach_the_server() -> None:
    names = ["metdc-collector", "metdc-capture"]
    (rule, monitoring) = named(render(), "NetworkPolicy", "metdc-nats")["spec"]["ingress"]
    assert rule == {
        "from": [
            {
                "namespaceSelector": {},
                "podSelector": {
                    "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": names}]
                },
            },
            {"podSelector": {"matchLabels": {"metdc.io/nats-client": "true"}}},
        ],
        "ports": [{"port": 4222, "protocol": "TCP"}],
    }
    assert monitoring["ports"] == [{"port": 8222, "protocol": "TCP"}]
