"""Specs to pod configurations and Deployments."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from metdc_collector.wire.config import PodConfig, decode
from metdc_operator.installation import Installation
from metdc_operator.manifests.config import pod_config, pod_spec
from metdc_operator.manifests.deployment import adjustment, deployment, digests
from metdc_operator.manifests.disruption import disruption_budget
from metdc_operator.manifests.names import CONFIG, SLOT
from metdc_operator.manifests.network import network_policy
from metdc_operator.resource import Part, Resource
from tests.unit.operator.examples import resource

SPOT = Part("spot", 0, 1)
SLOT_START = "2026-09-21T14:00:00Z"
NATS = Installation(nats={"urls": ["nats://nats:4222"], "credentialsSecretRef": {"name": "nats-of-chart"}})
SNAPSHOT = Path(__file__).with_name("deployment.yaml")


def filled(spec: str = "", *, part: Part = SPOT, installation: Installation = NATS) -> dict[str, Any]:
    return pod_spec(resource(spec), part, installation)


def made(spec: str = "", *, part: Part = SPOT, installation: Installation = NATS, name: str = "binance") -> Any:
    return deployment(resource(spec, name=name), part, slot=SLOT_START, installation=installation)


def pod(spec: str = "", *, part: Part = SPOT, installation: Installation = NATS) -> Any:
    return made(spec, part=part, installation=installation)["spec"]["template"]["spec"]


# -- the pod's configuration


def test_the_configuration_is_what_a_collector_reads() -> None:
    config = pod_config(resource(), SPOT, slot=SLOT_START, installation=NATS, pod="binance-spot-0-a")

    assert config == PodConfig(
        namespace="default",
        name="binance",
        uid="8a1f",
        market="spot",
        slot=SLOT_START,
        shard=0,
        shards=1,
        limit_share=Fraction(1, 8),
        spec=filled(),
        pod="binance-spot-0-a",
    )


def test_everything_that_a_resource_leaves_out_is_filled() -> None:
    assert filled() == {
        "exchange": "binance",
        "markets": [{"name": "spot", "shards": 1}],
        "symbols": {"upbitKRW": "Ignore", "quotes": ["USDT"]},
        "redundancy": 1,
        "nats": {
            "urls": ["nats://nats:4222"],
            "stream": {
                "management": "Ensure",
                "replicas": 1,
                "maxAge": "24h",
                "maxBytes": 8 * 1024**3,
                "duplicateWindow": "2m",
            },
        },
    }


def test_upbit_is_quoted_in_krw() -> None:
    assert filled("  exchange: upbit")["symbols"]["quotes"] == ["KRW"]


def test_symbols_of_a_market_replace_those_of_the_resource() -> None:
    markets = "  markets: [{name: spot, symbols: {include: [ETH]}}, {name: futures}]"
    spec = f"  symbols: {{quotes: [USDC], exclude: [BTC]}}\n{markets}"

    assert filled(spec)["symbols"] == {"include": ["ETH"], "quotes": ["USDT"], "upbitKRW": "Ignore"}
    assert filled(spec, part=Part("futures", 0, 1))["symbols"]["exclude"] == ["BTC"]


def test_each_address_of_a_market_replaces_that_of_the_resource() -> None:
    spec = (
        "  endpoints: {rest: 'https://a', webSocket: 'wss://a'}\n"
        "  markets: [{name: spot, endpoints: {rest: 'https://b'}}, {name: futures}]"
    )

    assert filled(spec)["endpoints"] == {"rest": "https://b", "webSocket": "wss://a"}
    assert filled(spec, part=Part("futures", 0, 1))["endpoints"]["rest"] == "https://a"


def test_a_stream_s_sizes_are_bytes_and_win_over_the_installation_s() -> None:
    stream = filled("  nats: {stream: {name: ALL, maxBytes: 2Gi, maxAge: 12h, replicas: 3, management: Observe}}")[
        "nats"
    ]

    assert stream["stream"] == {
        "name": "ALL",
        "management": "Observe",
        "replicas": 3,
        "maxAge": "12h",
        "maxBytes": 2 * 1024**3,
        "duplicateWindow": "2m",
    }
    assert stream["urls"] == ["nats://nats:4222"]


def test_a_resource_with_its_own_nats_takes_no_credentials_of_the_installation() -> None:
    spec = "  nats: {urls: ['tls://other:4222'], inboxPrefix: _I, jetStreamDomain: hub, tls: {handshakeFirst: true}}"

    assert filled(spec)["nats"]["urls"] == ["tls://other:4222"]
    assert filled(spec)["nats"]["inboxPrefix"] == "_I"
    assert filled(spec)["nats"]["jetStreamDomain"] == "hub"
    assert filled(spec)["nats"]["tls"] == {"handshakeFirst": True}
    assert [each["name"] for each in pod(spec)["volumes"]] == ["config", "spool"]


def test_certificates_alone_say_nothing_of_the_handshake() -> None:
    assert "tls" not in filled("  nats: {tls: {caSecretRef: {name: ca}}}")["nats"]


def test_the_spool_is_in_bytes() -> None:
    assert filled("  spool: {maxBytes: 2Gi}")["spool"] == {"maxBytes": 2 * 1024**3}


@pytest.mark.parametrize(("spec", "most"), [("  spool: {maxBytes: 2Gi}", 2 * 1024**3), ("", 1024**3)])
def test_the_volume_of_the_spool_has_an_eighth_more_than_its_bound(spec: str, most: int) -> None:
    assert pod(spec)["volumes"][-1] == {"name": "spool", "emptyDir": {"sizeLimit": most + most // 8}}
    (mount,) = [each for each in pod(spec)["containers"][0]["volumeMounts"] if each["name"] == "spool"]
    assert mount == {"name": "spool", "mountPath": "/var/lib/metdc/spool"}
    assert {"name": "METDC_SPOOL", "value": mount["mountPath"]} in pod(spec)["containers"][0]["env"]


POD_ONLY = [
    "  rotation: {suspend: true}",
    "  rotation: {interval: 1h, overlap: 1m}",
    "  suspend: true",
    "  image: other",
    "  resources: {requests: {cpu: 100m}}",
    "  nodeSelector: {disk: ssd}",
    "  markets: [{name: spot}, {name: futures, symbols: {include: [BTC]}, shards: 3}]",
    "  podLabels: {team: a}",
]


@pytest.mark.parametrize("spec", POD_ONLY)
def test_an_edit_that_no_collector_reads_leaves_the_configuration(spec: str) -> None:
    assert filled(spec) == filled()


# -- the Deployment


def test_the_deployment_is_as_it_was_reviewed() -> None:
    spec = """  symbols: {include: [BTC]}
  nats:
    urls: [tls://nats:4222]
    credentialsSecretRef: {name: nats-user}
    tls: {caSecretRef: {name: nats-ca}, certSecretRef: {name: nats-client}}
  extraCA: {configMapRef: {name: proxy}}
  env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}]
  resources: {requests: {cpu: 100m, memory: 64Mi}}
  tolerations: [{key: spot, operator: Exists}]
  nodeSelector: {disk: ssd}
  priorityClassName: high
  imagePullSecrets: [{name: registry}]
  podLabels: {team: a}
  podAnnotations: {note: b}"""

    assert made(spec) == yaml.safe_load(SNAPSHOT.read_text())


def test_the_annotation_is_the_configuration_that_a_collector_decodes() -> None:
    annotations = made()["spec"]["template"]["metadata"]["annotations"]

    assert decode(annotations[CONFIG]).spec == filled()
    assert decode(annotations[CONFIG]).slot == annotations[SLOT] == SLOT_START


def test_equal_specs_make_equal_deployments() -> None:
    assert json.dumps(made()) == json.dumps(made())


def test_the_overlap_is_what_a_new_pod_must_be_ready_for() -> None:
    spec = made("  rotation: {interval: 10m, overlap: 1m}")["spec"]

    assert spec["minReadySeconds"] == 60
    assert spec["progressDeadlineSeconds"] == 480


def test_a_suspended_resource_has_no_pods_and_a_redundant_one_two_on_different_nodes() -> None:
    assert made("  suspend: true")["spec"]["replicas"] == 0
    assert made("  redundancy: 2")["spec"]["replicas"] == 2
    (spread,) = pod("  redundancy: 2")["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert "topologySpreadConstraints" not in pod()


def test_own_spread_constraints_win_and_count_the_market_s_pods_unless_they_say_otherwise() -> None:
    zone = "maxSkew: 1, topologyKey: zone, whenUnsatisfiable"
    both = f"[{{{zone}: DoNotSchedule}}, {{{zone}: ScheduleAnyway, labelSelector: {{}}}}]"
    own = pod(f"  redundancy: 2\n  topologySpreadConstraints: {both}")

    assert [each["topologyKey"] for each in own["topologySpreadConstraints"]] == ["zone", "zone"]
    assert own["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["metdc.io/market"] == "spot"
    assert own["topologySpreadConstraints"][1]["labelSelector"] == {}


def test_each_shard_has_a_deployment_of_its_own() -> None:
    sharded = resource("  markets: [{name: spot, shards: 2}, {name: futures}]")
    names = [
        deployment(sharded, part, slot=SLOT_START, installation=NATS)["metadata"]["name"] for part in sharded.parts()
    ]

    assert names == ["binance-spot-0", "binance-spot-1", "binance-futures-0"]


def test_resources_of_a_market_replace_those_of_the_resource_and_these_the_installation_s() -> None:
    installation = Installation(resources={"requests": {"cpu": "10m"}})
    markets = "  markets: [{name: spot, resources: {limits: {memory: 1Gi}}}, {name: futures}]"
    spec = f"  resources: {{requests: {{cpu: 100m}}}}\n{markets}"

    assert pod(spec)["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
    assert pod(spec, part=Part("futures", 0, 1))["containers"][0]["resources"] == {"requests": {"cpu": "100m"}}
    assert pod(installation=installation)["containers"][0]["resources"] == {"requests": {"cpu": "10m"}}
    assert "resources" not in pod()["containers"][0]


def test_further_authorities_may_come_from_a_secret() -> None:
    volumes = {each["name"]: each for each in pod("  extraCA: {secretRef: {name: proxy, key: pem}}")["volumes"]}

    assert volumes["ca"]["projected"]["sources"] == [
        {"secret": {"name": "proxy", "items": [{"key": "pem", "path": "ca.crt"}]}}
    ]


def test_credentials_of_the_installation_serve_a_resource_without_nats_of_its_own() -> None:
    assert {"name": "METDC_NATS_CREDENTIALS", "value": "/var/run/metdc/nats"} in pod()["containers"][0]["env"]
    assert pod()["volumes"][1]["projected"]["sources"] == [{"secret": {"name": "nats-of-chart"}}]


def test_of_the_exchange_s_secret_a_pod_gets_the_key_alone() -> None:
    keyed = pod("  exchangeCredentialsSecretRef: {name: binance-key}")
    container, volumes = keyed["containers"][0], {each["name"]: each for each in keyed["volumes"]}

    assert {"name": "METDC_EXCHANGE_CREDENTIALS", "value": "/var/run/metdc/exchange"} in container["env"]
    assert {"name": "exchange", "mountPath": "/var/run/metdc/exchange", "readOnly": True} in container["volumeMounts"]
    assert volumes["exchange"]["projected"]["sources"] == [
        {"secret": {"name": "binance-key", "items": [{"key": "apiKey", "path": "apiKey"}]}}
    ]


def test_without_a_secret_of_the_exchange_nothing_is_mounted_for_it() -> None:
    assert "exchange" not in {each["name"] for each in pod()["volumes"]}


# -- the resource


def test_an_order_to_rotate_is_read_from_the_annotation() -> None:
    def ordered(text: str) -> int | None:
        return Resource("a", "b", "c", {}, annotations={"metdc.io/rotate-after": text}).rotate_after

    assert ordered("2026-09-21T14:13:20Z") == 1_790_000_000 * 10**9
    assert ordered("now") is None
    assert resource().rotate_after is None


def test_intervals_are_in_nanoseconds() -> None:
    assert resource().interval == 1800 * 10**9
    assert resource().overlap == 30 * 10**9


def test_the_identity_outlives_the_resource_s_re_creation() -> None:
    assert resource().identity(SPOT) == "default/binance/spot/0"


# -- what stands beside the Deployments


def test_a_disruption_budget_keeps_one_pod_of_each_shard() -> None:
    budget = disruption_budget(resource(), Part("spot", 1, 2), NATS)

    assert budget["metadata"]["name"] == "binance-spot-1"
    assert budget["spec"]["minAvailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"]["metdc.io/shard"] == "1"


def test_a_network_policy_lets_out_to_venues_nats_endpoints_and_proxies_and_in_to_the_report() -> None:
    spec = (
        "  endpoints: {rest: 'http://a', webSocket: 'wss://a:7443'}\n"
        "  markets: [{name: spot, endpoints: {rest: 'http://b:8081'}}]\n"
        "  nats: {urls: ['tls://nats', 'nats://other:4333']}\n"
        "  env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}, {name: A, value: '//x:y'}, {name: B, value: 'no'}]"
    )
    policy = network_policy(resource(spec), NATS)["spec"]

    assert [port["port"] for port in policy["egress"][0]["ports"]] == [53, 53]
    opened = [port["port"] for port in policy["egress"][1]["ports"]]
    assert opened == [80, 443, 3128, 4222, 4333, 7443, 8081, 8443, 9443]
    assert policy["ingress"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "metdc-operator"}


def test_an_adjustment_leaves_the_template_alone() -> None:
    patch = adjustment(resource("  suspend: true"), SPOT, NATS)

    assert patch["spec"]["replicas"] == 0
    assert not {"template", "selector"} & set(patch["spec"])


def test_digests_tell_a_change_of_the_template_from_one_beside_it() -> None:
    before, longer = digests(resource(), SPOT, NATS), digests(resource("  rotation: {overlap: 60s}"), SPOT, NATS)
    image = digests(resource("  image: other"), SPOT, NATS)

    assert (before.template == longer.template, before.shell == longer.shell) == (True, False)
    assert (before.template == image.template, before.shell == image.shell) == (False, True)
