"""The resource definitions themselves: strict, bounded, described, small, and their rules portable."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from metdc_operator import cel

CRDS = Path(__file__).parents[3] / "crds"
FILES = sorted(CRDS.glob("*.metdc.io.yaml"))


def nodes(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in the schema, with the path of its field."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in node:
            yield from nodes(node[key], f"{path}{mark}")


class Definition:
    """A definition, its schema and the rules in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.record = yaml.safe_load(file.read_text())
        self.version = self.record["spec"]["versions"][0]
        self.root: Mapping[str, Any] = self.version["schema"]["openAPIV3Schema"]
        own = {".metadata", ".apiVersion", ".kind"}
        self.nodes = [(path, node) for path, node in nodes(self.root) if path not in own]
        self.rules = [(path, rule) for path, node in self.nodes for rule in node.get("x-kubernetes-validations", ())]


COLLECTOR, CAPTURE = (Definition(file) for file in FILES)
RULES = [each for definition in (COLLECTOR, CAPTURE) for each in definition.rules]
each_definition = pytest.mark.parametrize("definition", [COLLECTOR, CAPTURE], ids=[file.stem for file in FILES])


@each_definition
def test_the_definition_is_small_enough_for_every_way_to_apply_it(definition: Definition) -> None:
    assert definition.file.stat().st_size < 80_000


def test_the_operator_s_package_holds_the_definition_by_a_link_alone() -> None:
    link = CRDS.parent / "operator" / "metdc_operator" / "crds"

    assert link.is_symlink()
    assert link.readlink() == Path("../../crds")


def test_kustomize_finds_every_definition() -> None:
    named = yaml.safe_load((CRDS / "kustomization.yaml").read_text())["resources"]

    assert sorted(named) == [file.name for file in FILES]


@each_definition
def test_every_field_is_described(definition: Definition) -> None:
    inner = re.compile(r"(\[\]|\{\})$")

    assert [path for path, node in definition.nodes if not node.get("description") and not inner.search(path)] == []


@each_definition
def test_descriptions_are_sentences(definition: Definition) -> None:
    texts = {path: node["description"] for path, node in definition.nodes if "description" in node}

    assert [path for path, text in texts.items() if not text.endswith(".")] == []


@pytest.mark.parametrize(("definition", "open_"), [(COLLECTOR, [".spec.affinity"]), (CAPTURE, [])])
def test_only_affinity_is_open(definition: Definition, open_: list[str]) -> None:
    def is_open(node: Mapping[str, Any]) -> bool:
        return node.get("type") == "object" and "properties" not in node and "additionalProperties" not in node

    assert [path for path, node in definition.nodes if is_open(node)] == open_
    preserving = [path for path, node in definition.nodes if "x-kubernetes-preserve-unknown-fields" in node]
    assert preserving == open_


@each_definition
def test_every_list_and_text_of_the_spec_is_bounded(definition: Definition) -> None:
    for path, node in definition.nodes:
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert {"maxLength", "enum", "format"} & set(node), path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


@each_definition
def test_integers_of_the_status_carry_their_unit_or_count_in_the_name(definition: Definition) -> None:
    units = re.compile(
        r"(Generation|PerSecond|SinceRotation|Trades|Bytes|Milliseconds|Percent|Open|Filled|Unfillable|duplicates|Lost"
        r"|symbols(Wanted|Streaming|Refused|ProvenBy\w+|Backfilled|Unfilled)|connections(Active|Reconnecting|InCooldown|Failed)|shards?|restarts|Missing|InWindow|Traded|trades)$"
    )
    integers = [path for path, node in definition.nodes if path.startswith(".status") and node.get("type") == "integer"]

    assert [path for path in integers if not units.search(path)] == []


@each_definition
def test_a_list_of_named_things_is_a_map_by_its_name(definition: Definition) -> None:
    for path, node in definition.nodes:
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path


@pytest.mark.parametrize(("path", "rule"), RULES, ids=lambda each: each if isinstance(each, str) else "")
def test_a_rule_has_a_message_and_keeps_to_standard_functions(path: str, rule: Mapping[str, str]) -> None:
    standard = {"size", "matches", "all", "has", "duration", "startsWith", "contains"}
    text = re.sub(r"'(?:[^'\\]|\\.)*'", "''", rule["rule"])

    assert rule["message"]
    assert not rule["message"].endswith(".")
    assert set(re.findall(r"(\w+)\(", text)) <= standard


@pytest.mark.parametrize(
    ("definition", "spec", "changing"),
    [
        (COLLECTOR, {"exchange": "binance", "markets": [{"name": "spot"}]}, [".spec.exchange"]),
        (CAPTURE, {"base": "SOMI", "before": "20s", "after": "20s", "markets": ["okx", "upbit.spot"]}, [".spec"]),
    ],
)
def test_every_rule_on_a_new_object_compiles(definition: Definition, spec: dict[str, Any], changing: list[str]) -> None:
    assert cel.check({"metadata": {"name": "a"}, "spec": spec}, definition.root) == []
    assert [path for path, rule in definition.rules if "oldSelf" in rule["rule"]] == changing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base", "SOMI USDT"),
        ("base", "trades.>"),
        ("before", "0s"),
        ("before", "1h"),
        ("after", "601s"),
        ("markets", ["kraken"]),
        ("markets", ["upbit.futures"]),
        ("markets", ["binance.spot", "binance.margin"]),
    ],
)
def test_a_capture_that_cannot_be_is_refused_for_its_field(field: str, value: Any) -> None:
    spec = {"base": "SOMI", "before": "20s", "after": "20s"} | {field: value}

    problems = cel.check({"metadata": {"name": "a"}, "spec": spec}, CAPTURE.root)
    assert [problem.path for problem in problems] == [f"spec.{field}"]


@pytest.mark.parametrize("name", ["a" * 51, "SOMI", "somi.1"])
def test_a_capture_s_name_is_one_that_a_job_can_be_named_after(name: str) -> None:
    (problem,) = cel.check({"metadata": {"name": name}, "spec": {"base": "SOMI"}}, CAPTURE.root)
    assert problem.path == "metadata.name"


def test_a_capture_finds_nats_as_a_collector_does_but_for_the_stream() -> None:
    ours, theirs = (
        each.root["properties"]["spec"]["properties"]["nats"]["properties"] for each in (CAPTURE, COLLECTOR)
    )
    assert ours == {name: node for name, node in theirs.items() if name != "stream"}


@each_definition
def test_columns_point_at_fields_that_exist(definition: Definition) -> None:
    known = {path for path, _ in definition.nodes}

    for column in definition.version["additionalPrinterColumns"]:
        path = re.sub(r"\[\?\([^)]*\)\]", "[]", column["jsonPath"])
        assert path in known or path.startswith(".metadata."), column["name"]


@each_definition
def test_conditions_follow_the_conventions_of_the_api(definition: Definition) -> None:
    conditions = definition.root["properties"]["status"]["properties"]["conditions"]

    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert conditions["items"]["properties"]["status"]["enum"] == ["True", "False", "Unknown"]


@pytest.mark.parametrize(("definition", "short"), [(COLLECTOR, "xc"), (CAPTURE, "lc")])
def test_status_has_a_subresource_and_the_name_is_short(definition: Definition, short: str) -> None:
    assert definition.version["subresources"] == {"status": {}}
    assert definition.record["spec"]["names"]["shortNames"] == [short]


@pytest.mark.parametrize(("definition", "least"), [(COLLECTOR, 6), (CAPTURE, 3)])
def test_a_default_keeps_the_rules_of_its_field_before_further_defaults_are_filled_in(
    definition: Definition, least: int
) -> None:
    # The API server judges a default as it stands, and refuses the whole definition when a rule can't be evaluated.
    defaults = [(path, node) for path, node in definition.nodes if "default" in node]

    assert len(defaults) >= least
    assert [path for path, node in defaults if cel.check(node["default"], node)] == []
