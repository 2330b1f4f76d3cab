"""Manifest files to resources: the same verdicts as the API server's, in words that name field and remedy."""

from pathlib import Path

import pytest

from metdc_collector.exchanges.registry import MARKETS
from metdc_operator import schema
from metdc_operator.problem import InvalidManifest
from metdc_operator.validate import load, parse_text
from tests.unit.operator.examples import HEAD

SAMPLES = Path(__file__).parents[3] / "config" / "samples"
BASE = "exchange: binance, markets: [{name: spot}]"


def problems(spec: str, *, metadata: str = "name: binance") -> list[str]:
    found, wrong = parse_text(f"{HEAD}metadata: {{{metadata}}}\nspec: {spec}\n")
    assert bool(found) != bool(wrong)
    return [f"{each.path}: {each.message}" for each in wrong]


def with_field(field: str) -> list[str]:
    return problems(f"{{{BASE}, {field}}}")


# -- the samples


COLLECTING = sorted(file for file in SAMPLES.glob("*.yaml") if file.stem != "fake-listing")


@pytest.mark.parametrize("file", COLLECTING, ids=lambda file: file.name)
def test_a_sample_is_valid_and_names_a_nats_only_if_it_is_about_that(file: Path) -> None:
    resources = load([file])

    assert resources
    assert {"nats" in each.spec for each in resources} == {file.name == "external-nats.yaml"}


def test_there_is_a_sample_per_exchange_one_for_all_and_one_of_each_way_to_run_them() -> None:
    ways = {"all", "upbit-krw", "simulator", "external-nats", "redundancy", "sharded"}

    assert {file.stem for file in COLLECTING} == {*MARKETS, *ways}
    assert [each.exchange for each in load([SAMPLES / "all.yaml"])] == list(MARKETS)


# -- defaults


def test_defaults_are_those_of_the_resource_definition() -> None:
    (found,), _ = parse_text(f"{HEAD}metadata: {{name: binance}}\nspec: {{{BASE}, rotation: {{overlap: 10s}}}}")

    assert found.spec["rotation"] == {"interval": "30m", "overlap": "10s", "suspend": False}
    assert found.spec["markets"] == [{"name": "spot", "shards": 1}]
    assert found.spec["redundancy"] == 1
    assert found.spec["suspend"] is False
    assert found.namespace == "default"


def test_a_default_is_a_copy_of_its_own() -> None:
    (one, other), _ = parse_text(
        "---\n".join(f"{HEAD}metadata: {{name: {name}}}\nspec: {{{BASE}}}\n" for name in ("one", "other"))
    )

    assert one.spec["rotation"] == other.spec["rotation"]
    assert one.spec["rotation"] is not other.spec["rotation"]


def test_a_null_counts_as_absent_but_in_a_list() -> None:
    (found,), _ = parse_text(
        f"{HEAD}metadata: {{name: a}}\nspec: {{{BASE}, rotation: null, image: null, podLabels: {{a: null}}}}"
    )

    assert found.spec["rotation"]["interval"] == "30m"
    assert "image" not in found.spec
    assert found.spec["podLabels"] == {}
    assert with_field("symbols: {quotes: [null]}") == ["spec.symbols.quotes[0]: must be a text, not null"]


def test_the_same_name_has_the_same_uid_in_every_run() -> None:
    text = f"{HEAD}metadata: {{name: binance}}\nspec: {{{BASE}}}"

    assert parse_text(text)[0] == parse_text(text)[0]


# -- what is good though odd


@pytest.mark.parametrize(
    "field",
    [
        "rotation: {interval: 1m, overlap: 15s}",
        "rotation: {interval: 30m1h, overlap: 0s}",
        "nats: {stream: {maxBytes: 1073741824}}",
        "nats: {stream: {maxBytes: 8Gi, maxAge: 2m, duplicateWindow: 2m}}",
        "nats: {urls: ['nats://[::1]:4222', 'tls://nats.example.com']}",
        "affinity: {nodeAffinity: {anything: [1, two]}}",
        "symbols: {include: ['币安人生USDT', BTC-USDT, 1INCH]}",
        "endpoints: {rest: 'http://127.0.0.1:9401', webSocket: 'wss://gateway.example.com/a/b'}",
        "env: [{name: A, value: ''}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
        "tolerations: [{operator: Exists}, {operator: Exists}]",
        "resources: {requests: {cpu: 1, memory: 64Mi, example.com/gpu: 1}, limits: {cpu: '1.5'}}",
    ],
)
def test_an_odd_but_good_spec_is_accepted(field: str) -> None:
    assert with_field(field) == []


# -- what is bad


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("rotation: {interval: 59s, overlap: 1s}", "spec.rotation.interval: interval must be at least 1m"),
        (
            "rotation: {interval: 1m, overlap: 16s}",
            "spec.rotation.overlap: overlap must be at most a quarter of interval; shorten overlap or lengthen",
        ),
        ("rotation: {intervall: 1h}", "spec.rotation.intervall: no such field; did you mean interval?"),
        ("nope: 1", "spec.nope: no such field; there are exchange, markets, symbols"),
        ("markets: [{name: margin}]", "spec.markets[0].name: 'margin' is not supported; choose one of spot, futures"),
        ("markets: [{}]", "spec.markets[0].name: is required (spot, or futures for the perpetual futures margined in"),
        ("markets: [{name: spot}, {name: spot}]", "spec.markets[1]: stands in the list twice; remove one"),
        ("markets: []", "spec.markets: must have at least 1 entry; without any, leave it out"),
        ("markets: [{name: spot, shards: 0}]", "spec.markets[0].shards: must be at least 1, not 0"),
        ("markets: [{name: spot, shards: 33}]", "spec.markets[0].shards: must be at most 32, not 33"),
        ("redundancy: '2'", "spec.redundancy: must be an integer, not '2'"),
        ("redundancy: true", "spec.redundancy: must be an integer, not True"),
        ("suspend: 'yes'", "spec.suspend: must be a boolean, not 'yes'"),
        ("symbols: {quotes: [usdt]}", "spec.symbols.quotes: write quote coins in capital letters and digits, such as"),
        ("symbols: {quotes: [USDT, USDT]}", "spec.symbols.quotes[1]: stands in the list twice; remove one"),
        (
            "symbols: {include: [BTC], exclude: [BTC]}",
            "spec.symbols: a name stands in include and in exclude; remove it from one of them",
        ),
        ("symbols: {include: ['BTC ETH']}", "spec.symbols.include: a name of an instrument holds no white space"),
        (
            "nats: {urls: ['http://nats:4222']}",
            "spec.nats.urls: write a NATS address that starts with nats:// or tls://",
        ),
        ("nats: {urls: ['nats://me:secret@nats']}", "spec.nats.urls: an address holds no credentials; put them into a"),
        ("nats: {stream: {replicas: 2}}", "spec.nats.stream.replicas: replicas must be 1, 3 or 5, since a majority"),
        ("nats: {stream: {name: a.b}}", "spec.nats.stream.name: a stream's name holds letters, digits, _ and - only"),
        ("nats: {stream: {name: METDC_EVENTS}}", "spec.nats.stream.name: METDC_EVENTS keeps gaps, listings and"),
        ("nats: {stream: {maxBytes: 8GB}}", "spec.nats.stream.maxBytes: '8GB' does not match"),
        ("nats: {stream: {maxBytes: 0}}", "spec.nats.stream.maxBytes: must be at least 1, not 0"),
        (
            "nats: {stream: {maxBytes: []}}",
            "spec.nats.stream.maxBytes: must be a whole number or a text in quotes, not []",
        ),
        ("nats: {stream: {maxAge: 59s}}", "spec.nats.stream.maxAge: maxAge must be at least 1m"),
        (
            "nats: {stream: {maxAge: 1m, duplicateWindow: 2m}}",
            "spec.nats.stream.duplicateWindow: duplicateWindow must not be longer than maxAge",
        ),
        (
            "nats: {inboxPrefix: 'a.'}",
            "spec.nats.inboxPrefix: write letters, digits, _ and -, in parts that single dots",
        ),
        ("endpoints: {rest: 'https://a/'}", "spec.endpoints.rest: write a base address that starts with http:// or"),
        (
            "endpoints: {webSocket: 'https://a'}",
            "spec.endpoints.webSocket: write a base address that starts with ws://",
        ),
        ("endpoints: {}", "spec.endpoints: must have at least 1 entry; without any, leave it out"),
        ("spool: {}", "spec.spool.maxBytes: is required"),
        ("image: ''", "spec.image: must have at least 1 character"),
        ("podLabels: {metdc.io/market: x}", "spec.podLabels: labels under metdc.io/, app.kubernetes.io/name and app."),
        ("env: [{name: METDC_POD, value: x}]", "spec.env: METDC_CONFIG, METDC_POD, METDC_SPOOL, METDC_NATS_"),
        (
            "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
            "spec.env: give a variable a value or",
        ),
        ("env: [{name: A}, {name: A}]", "spec.env[1]: stands in the list twice; remove one"),
        (
            "extraCA: {configMapRef: {name: a}, secretRef: {name: b}}",
            "spec.extraCA: give either configMapRef or secretRef",
        ),
        ("tolerations: [{tolerationSeconds: 9223372036854775808}]", "spec.tolerations[0].tolerationSeconds: 92233720"),
    ],
)
def test_a_bad_field_is_refused_with_its_path_and_a_remedy(field: str, problem: str) -> None:
    told = with_field(field) if not field.startswith("markets") else problems(f"{{exchange: binance, {field}}}")

    assert len(told) == 1
    assert told[0].startswith(problem)


@pytest.mark.parametrize("duration", ["abc", "1d", "1.5h", "-5m", '"30m\\n"', "999999s"])
def test_a_text_that_is_no_duration_is_refused_with_an_example(duration: str) -> None:
    told = with_field(f"rotation: {{interval: {duration}}}")

    assert all(each.startswith("spec.rotation.interval: ") for each in told)
    assert "such as 90s, 30m or 1h30m" in told[-1]


def test_upbit_has_no_futures() -> None:
    told = problems("{exchange: upbit, markets: [{name: futures}]}")

    assert told == ["spec.markets: Upbit has a spot market only; remove the others from markets"]


def test_every_problem_of_a_spec_is_told_at_once() -> None:
    assert len(problems("{exchange: ftx, suspend: 1, nope: 2}")) == 4


def test_rules_are_not_asked_while_the_shape_is_wrong() -> None:
    told = problems(f"{{{BASE}, rotation: {{interval: 30}}}}")

    assert told == ["spec.rotation.interval: must be a text, not 30"]


@pytest.mark.parametrize("name", ["Binance", "a.b", "-a", "a-", "a" * 41])
def test_a_name_that_pods_cannot_carry_is_refused(name: str) -> None:
    (told,) = problems(f"{{{BASE}}}", metadata=f"name: {name}")

    assert told.startswith("metadata.name: metadata.name must be a DNS label of at most 40 characters")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ("labels: {}", "metadata.name: is required"),
        ("name: 1", "metadata.name: is required"),
        ("name: a, namespace: 1", "metadata.namespace: must be a text"),
        ("name: a, annotations: {b: 1}", "metadata.annotations: must be an object of texts; put numbers and booleans"),
        ("name: a, annotations: {metdc.io/rotate-after: now}", "metadata.annotations[metdc.io/rotate-after]: 'now' is"),
    ],
)
def test_bad_metadata_is_refused(metadata: str, problem: str) -> None:
    (told,) = problems(f"{{{BASE}}}", metadata=metadata)

    assert told.startswith(problem)


def test_an_order_to_rotate_is_kept() -> None:
    metadata = "name: a, annotations: {metdc.io/rotate-after: 2026-09-21T14:13:20Z}"
    (found,), _ = parse_text(f"{HEAD}metadata: {{{metadata}}}\nspec: {{{BASE}}}")

    assert found.rotate_after == 1_790_000_000 * 10**9


# -- files


def test_several_resources_in_one_file_and_in_a_list_are_read_in_order(tmp_path: Path) -> None:
    def one(name: str) -> str:
        return (
            f"{{apiVersion: metdc.io/v1alpha1, kind: ExchangeCollector, metadata: {{name: {name}}}, spec: {{{BASE}}}}}"
        )

    file = tmp_path / "all.yaml"
    file.write_text(f"---\n---\n{one('a')}\n---\nkind: List\napiVersion: v1\nitems: [{one('b')}, {one('c')}]\n")

    assert [each.name for each in load([file])] == ["a", "b", "c"]


def test_every_problem_names_its_file_and_resource(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(f"{HEAD}metadata: {{name: binance, namespace: md}}\nspec: {{{BASE}, redundancy: 3}}\n")

    with pytest.raises(InvalidManifest) as refusal:
        load([bad, tmp_path / "none.yaml"])

    assert str(refusal.value).splitlines() == [
        f"{bad}: md/binance: spec.redundancy: must be at most 2, not 3",
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory",
    ]
    assert len(refusal.value.problems) == 2


def test_the_same_resource_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{HEAD}metadata: {{name: a}}\nspec: {{{BASE}}}\n")

    with pytest.raises(InvalidManifest, match=r"default/a: metadata\.name: stands twice; give one another name"):
        load([file, file])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no ExchangeCollector in it"),
        ("a: [", "is no YAML"),
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("just text", "is no resource: it needs apiVersion, kind, metadata and spec"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", "x: kind: Secret of v1 is not known here; only"),
        (f"{HEAD}spec: {{}}", "metadata.name: is required"),
        (f"{HEAD}metadata: {{name: a}}\n", "default/a: spec: is required (What to collect, and how)"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)

    with pytest.raises(InvalidManifest) as refusal:
        load([file])
    assert problem in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidManifest, match="cannot be read: is no text in UTF-8"):
        load([file])


def test_json_is_read_as_well() -> None:
    text = '{"apiVersion":"metdc.io/v1alpha1","kind":"ExchangeCollector","metadata":{"name":"a"},"spec":'
    found, wrong = parse_text(text + '{"exchange":"binance","markets":[{"name":"spot"}]}}')

    assert not wrong
    assert found[0].key == "default/a"


def test_the_schema_is_that_of_the_repository_s_definition() -> None:
    assert schema.load()["properties"]["spec"]["required"] == ["exchange", "markets"]
