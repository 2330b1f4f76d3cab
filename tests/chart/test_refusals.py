"""Values that are wrong are refused before anything is installed, by a message that names the value."""

from typing import Any

import pytest

from tests.checks.rendering import Refused, render


def nested(path: str, value: Any, /) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


WRONG: list[tuple[str, Any, str]] = [
    ("clusterwide", True, "clusterwide"),
    ("clusterWide", "yes", "clusterWide"),
    ("namespaces", ["Trades"], "namespaces"),
    ("namespaces", ["a", "a"], "namespaces"),
    ("namespaces", "trades", "namespaces"),
    ("fullnameOverride", "METDC", "fullnameOverride"),
    ("fullnameOverride", "m" * 41, "fullnameOverride"),
    ("commonLabels.team", 7, "team"),
    ("imagePullSecrets", ["registry"], "imagePullSecrets"),
    ("crds.keep", "true", "keep"),
    ("crds.install", True, "install"),
    ("operator.image.digest", "latest", "digest"),
    ("operator.image.pullPolicy", "Sometimes", "pullPolicy"),
    ("operator.image.repository", "", "repository"),
    ("operator.logLevel", "verbose", "logLevel"),
    ("operator.replicas", 2, "replicas"),
    ("operator.resources.limit", {"memory": "1Gi"}, "limit"),
    ("collectors.limitShare", "2", "limitShare"),
    ("collectors.limitShare", "0", "limitShare"),
    ("collectors.limitShare", 0.5, "limitShare"),
    ("collectors.stream.replicas", 6, "replicas"),
    ("collectors.stream.maxAge", "1 day", "maxAge"),
    ("collectors.stream.maxBytes", "8GB", "maxBytes"),
    ("collectors.stream.maxBytes", 8589934592, "maxBytes"),
    ("collectors.stream.duplicateWindow", "120", "duplicateWindow"),
    ("nats.embedded.storage.size", "1.5Gi", "size"),
    ("nats.embedded.storage.size", "", "size"),
    ("nats.embedded.memory", "lots", "memory"),
    ("nats.embedded.streams", 0, "streams"),
    ("nats.embedded.tradesPerSecond", "many", "tradesPerSecond"),
    ("nats.embedded.existingSecrets.writer", "mine", "writer"),
    ("nats.external.urls", ["localhost:4222"], "urls"),
    ("nats.external.urls", ["nats://user:secret@host:4222"], "urls"),
    ("nats.external.credentials", {"passwort": "x"}, "passwort"),
    ("nats.external.inboxPrefix", "_INBOX.", "inboxPrefix"),
    ("networkPolicies.apiServerPorts", [], "apiServerPorts"),
    ("networkPolicies.apiServerPorts", [70000], "apiServerPorts"),
    ("networkPolicies.monitoring", [{}], "monitoring"),
    ("networkPolicies.natsClients", [{"pods": {}}], "natsClients"),
    ("monitoring.podMonitor.interval", "30", "interval"),
    ("monitoring.rules.disabled", ["NoSuchAlert"], "disabled"),
    ("patches", [{"target": {"kind": "Deployment"}}], "merge"),
    ("patches", [{"target": {"kind": "Ingress"}, "merge": {"spec": {}}}], "kind"),
    ("extraObjects", [7], "extraObjects"),
]


@pytest.mark.parametrize(("path", "value", "names"), WRONG, ids=[f"{path} {value!r:.30}" for path, value, _ in WRONG])
def test_a_wrong_value_is_refused_by_the_schema_which_names_it(path: str, value: Any, names: str) -> None:
    with pytest.raises(Refused, match="specifications of the schema") as refused:
        render(nested(path, value))
    assert names in str(refused.value)
    assert "nil pointer" not in str(refused.value)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"nats": {"embedded": {"enabled": False}}}, "there is no NATS: name one in nats.external.urls"),
    (nested("nats.external.urls", ["nats://a:4222"]), "nats.embedded.enabled is true: set it to false"),
    (
        {
            "nats": {
                "embedded": {"enabled": False},
                "external": {"urls": ["nats://a:4222"], "credentialsSecret": "a", "credentials": {"token": "b"}},
            }
        },
        "nats.external has both credentials and credentialsSecret",
    ),
    (nested("collectors.stream.replicas", 3), "the embedded NATS is a single server"),
    (nested("nats.embedded.maxFileStore", "41Gi"), "maxFileStore (41984Mi) is more than twice"),
    (nested("collectors.stream.maxBytes", "3Gi"), "7 streams of 3072Mi"),
    (nested("nats.embedded.storage.size", "500Mi"), "less than 64Mi is of no use"),
    (nested("nats.embedded.streams", 500), "less than 64Mi is of no use"),
    (nested("nats.embedded.memory", "256Mi"), "3000 trades a second for 2m"),
    (nested("nats.embedded.tradesPerSecond", 20000), "raise memory"),
    (nested("collectors.stream.duplicateWindow", "30m"), "lower tradesPerSecond or the window"),
]


@pytest.mark.parametrize(("values", "words"), CONTRADICTIONS, ids=[words for _, words in CONTRADICTIONS])
def test_values_that_do_not_fit_together_are_refused_with_what_to_change(values: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        render(values)
    assert words in str(refused.value)
