"""What the operator is told."""

from fractions import Fraction
from pathlib import Path

import pytest

from metdc_operator.installation import Installation, InvalidInstallation, parse
from metdc_operator.options import InvalidOptions, Options, read


def test_without_anything_said_it_serves_all_namespaces() -> None:
    assert read([], {"METDC_POD": "operator-a"}) == Options(identity="operator-a", log_format="json")


def test_flags_win_over_the_environment() -> None:
    found = read(
        ["--namespaces", "b,c b", "--listen", "[::1]:9", "--nodes", "false"],
        {"METDC_NAMESPACES": "a", "METDC_OPERATOR": "two", "METDC_LEASE_NAMESPACE": "x", "METDC_LOG_FORMAT": "text"},
    )

    assert (found.namespaces, found.listen, found.nodes) == (("b", "c"), ("::1", 9), False)
    assert (found.installation.operator, found.lease_namespace, found.log_format) == ("two", "x", "text")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--listen", "8080"], "--listen"),
        (["--listen", "a:99999"], "--listen"),
        (["--nodes", "maybe"], "--nodes"),
        (["--installation", "/nowhere.yaml"], "--installation"),
    ],
)
def test_what_cannot_be_is_named(flags: list[str], message: str) -> None:
    with pytest.raises(InvalidOptions, match=message):
        read(flags, {})


def test_an_installation_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "installation.yaml"
    file.write_text("operator: one\nlimitShare: 1/4\nnetworkPolicies: false\n", encoding="utf-8")

    found = read(["--installation", str(file)], {}).installation
    assert (found.operator, found.limit_share, found.network_policies) == ("one", Fraction(1, 4), False)
    file.write_text("operator: [\n", encoding="utf-8")
    with pytest.raises(InvalidOptions, match=r"installation\.yaml"):
        read(["--installation", str(file)], {})


def test_every_field_of_an_installation_is_taken() -> None:
    found = parse(
        {
            "operator": "one",
            "nats": {
                "urls": ["nats://a:4222"],
                "credentialsSecretRef": {"name": "x"},
                "stream": {"replicas": 3, "maxAge": "12h", "maxBytes": "1Gi", "duplicateWindow": "4m"},
            },
            "limitShare": 1,
            "image": "metdc/collector:1",
            "imagePullPolicy": "Always",
            "imagePullSecrets": [{"name": "r"}],
            "resources": {"requests": {"cpu": "100m"}},
            "disruptionBudgets": False,
            "networkPolicies": False,
            "reportClients": [{"podSelector": {}}],
        }
    )

    assert found == Installation(
        operator="one",
        nats={"urls": ["nats://a:4222"], "credentialsSecretRef": {"name": "x"}},
        replicas=3,
        max_age="12h",
        max_bytes=1024**3,
        duplicate_window="4m",
        limit_share=Fraction(1),
        image="metdc/collector:1",
        image_pull_policy="Always",
        image_pull_secrets=[{"name": "r"}],
        resources={"requests": {"cpu": "100m"}},
        disruption_budgets=False,
        network_policies=False,
        report_clients=[{"podSelector": {}}],
    )
    assert parse(None) == Installation()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "must be an object"),
        ({"imge": "x"}, "imge: no such field"),
        ({"image": 3}, "image: 3 is of the wrong type"),
        ({"limitShare": "2"}, "limitShare"),
        ({"limitShare": "1/0"}, "limitShare"),
        ({"nats": {"stream": {"size": 1}}}, "nats.stream.size: no such field"),
        ({"nats": {"stream": {"maxAge": "1d"}}}, "nats.stream: '1d'"),
        ({"nats": {"stream": {"maxBytes": "much"}}}, "nats.stream: 'much'"),
        ({"nats": {"stream": {"maxAge": 3}}}, "nats.stream"),
    ],
)
def test_an_installation_that_is_wrong_is_refused_by_field(record: object, message: str) -> None:
    with pytest.raises(InvalidInstallation, match=message):
        parse(record)
