"""What a run on one machine refuses, and what it says has no effect."""

import pytest

from metdc_operator.local.support import needs_secrets, refused, without_effect
from tests.unit.operator.examples import resource


def told(spec: str, *, credentials: bool = False, exchange_credentials: bool = False) -> list[str]:
    problems = refused(resource(spec), credentials=credentials, exchange_credentials=exchange_credentials)
    return [str(each) for each in problems]


def test_what_is_supported_is_refused_nowhere() -> None:
    spec = """  symbols: {quotes: [USDT, USDC], include: [BTC], exclude: [ETH], upbitKRW: Exclude}
  rotation: {interval: 1h, overlap: 1m, suspend: true}
  endpoints: {rest: 'https://a', webSocket: 'wss://a'}
  nats: {urls: ['nats://a:4222'], stream: {maxBytes: 1Gi}, inboxPrefix: _I, jetStreamDomain: hub}
  env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}]
  suspend: true"""

    assert told(spec) == []


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("  redundancy: 2", "spec.redundancy: 2 is not supported yet; leave it out"),
        ("  extraCA: {secretRef: {name: a}}", "spec.extraCA: is not supported yet; remove it"),
        (
            "  markets: [{name: spot, shards: 2}]",
            "spec.markets[0].shards: a market cannot be split yet; leave it out",
        ),
        (
            "  env: [{name: A, value: b}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
            "spec.env[1].valueFrom: needs a cluster; give a value",
        ),
    ],
)
def test_a_field_without_behaviour_is_refused_by_name(spec: str, problem: str) -> None:
    assert told(spec) == [f"default/binance: {problem}"]


def test_a_key_of_the_exchange_needs_a_folder() -> None:
    spec = "  exchangeCredentialsSecretRef: {name: a}"
    assert told(spec) == [
        (
            "default/binance: spec.exchangeCredentialsSecretRef: without a cluster there are no Secrets; "
            "give a folder with its key apiKey as a file (--exchange-credentials), or remove it"
        )
    ]
    assert told(spec, exchange_credentials=True) == []


SECRETS = [
    "credentialsSecretRef: {name: a}",
    "tls: {caSecretRef: {name: a}}",
    "tls: {certSecretRef: {name: a}}",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_need_a_folder_and_a_server(secret: str) -> None:
    spec = f"  nats: {{urls: ['tls://a:4222'], {secret}}}"

    assert needs_secrets(resource(spec).spec)
    assert "--credentials" in told(spec)[0]
    assert told(spec, credentials=True) == []
    assert "spec.nats.urls: is required here" in told(f"  nats: {{{secret}}}", credentials=True)[0]


def test_a_handshake_alone_needs_no_secret() -> None:
    assert told("  nats: {urls: ['tls://a:4222'], tls: {handshakeFirst: true}}") == []


def test_fields_of_pods_alone_are_named() -> None:
    spec = (
        "  image: a\n  nodeSelector: {a: b}\n  markets: [{name: spot}, {name: futures, resources: {limits: {cpu: 1}}}]"
    )

    assert without_effect(resource(spec)) == ["spec.image", "spec.nodeSelector", "spec.markets[1].resources"]
    assert without_effect(resource()) == []
