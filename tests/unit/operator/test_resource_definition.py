"""The resource definition itself: strict, bounded, described, small, and its rules portable."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from metdc_operator import cel, schema

CRDS = Path(__file__).parents[3] / "crds"
FILE = CRDS / schema.CRD
DEFINITION = yaml.safe_load(FILE.read_text())
VERSION = DEFINITION["spec"]["versions"][0]
ROOT: Mapping[str, Any] = VERSION["schema"]["openAPIV3Schema"]


def nodes(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in the schema, with the path of its field."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in node:
            yield from nodes(node[key], f"{path}{mark}")


NODES = [(path, node) for path, node in nodes(ROOT) if path not in {".metadata", ".apiVersion", ".kind"}]
RULES = [(path, rule) for path, node in NODES for rule in node.get("x-kubernetes-validations", ())]


def test_the_definition_is_small_enough_for_every_way_to_apply_it() -> None:
    assert FILE.stat().st_size < 80_000


def test_the_operator_s_package_holds_the_definition_by_a_link_alone() -> None:
    link = CRDS.parent / "operator" / "metdc_operator" / "crds"

    assert link.is_symlink()
    assert link.readlink() == Path("../../crds")


def test_kustomize_finds_every_definition() -> None:
    named = yaml.safe_load((CRDS / "kustomization.yaml").read_text())["resources"]

    assert sorted(named) == sorted(file.name for file in CRDS.glob("*.metdc.io.yaml"))


def test_every_field_is_described() -> None:
    inner = re.compile(r"(\[\]|\{\})$")

    assert [path for path, node in NODES if not node.get("description") and not inner.search(path)] == []


def test_descriptions_are_sentences() -> None:
    texts = {path: node["description"] for path, node in NODES if "description" in node}

    assert [path for path, text in texts.items() if not text.endswith(".")] == []


def test_only_affinity_is_open() -> None:
    def is_open(node: Mapping[str, Any]) -> bool:
        return node.get("type") == "object" and "properties" not in node and "additionalProperties" not in node

    assert [path for path, node in NODES if is_open(node)] == [".spec.affinity"]
    preserving = [path for path, node in NODES if "x-kubernetes-preserve-unknown-fields" in node]
    assert preserving == [".spec.affinity"]


def test_every_list_and_text_of_the_spec_is_bounded() -> None:
    for path, node in NODES:
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert {"maxLength", "enum", "format"} & set(node), path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_integers_of_the_status_carry_their_unit_or_count_in_the_name() -> None:
    units = re.compile(
        r"(Generation|PerSecond|SinceRotation|Trades|Bytes|Milliseconds|Percent|Open|Filled|Unfillable|duplicates|Lost"
        r"|symbols(Wanted|Streaming|Refused|ProvenBy\w+|Backfilled|Unfilled)|connections(Active|Reconnecting|InCooldown|Failed)|shards?|restarts)$"
    )
    integers = [path for path, node in NODES if path.startswith(".status") and node.get("type") == "integer"]

    assert [path for path in integers if not units.search(path)] == []


def test_a_list_of_named_things_is_a_map_by_its_name() -> None:
    for path, node in NODES:
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path


@pytest.mark.parametrize(("path", "rule"), RULES, ids=lambda each: each if isinstance(each, str) else "")
def test_a_rule_has_a_message_and_keeps_to_standard_functions(path: str, rule: Mapping[str, str]) -> None:
    standard = {"size", "matches", "all", "has", "duration", "startsWith", "contains"}
    text = re.sub(r"'(?:[^'\\]|\\.)*'", "''", rule["rule"])

    assert rule["message"]
    assert not rule["message"].endswith(".")
    assert set(re.findall(r"(\w+)\(", text)) <= standard


def test_every_rule_on_a_new_object_compiles() -> None:
    sample = {"metadata": {"name": "a"}, "spec": {"exchange": "binance", "markets": [{"name": "spot"}]}}

    assert cel.check(sample, ROOT) == []
    assert [path for path, rule in RULES if "oldSelf" in rule["rule"]] == [".spec.exchange"]


def test_columns_point_at_fields_that_exist() -> None:
    known = {path for path, _ in NODES}

    for column in VERSION["additionalPrinterColumns"]:
        path = re.sub(r"\[\?\([^)]*\)\]", "[]", column["jsonPath"])
        assert path in known or path.startswith(".metadata."), column["name"]


def test_conditions_follow_the_conventions_of_the_api() -> None:
    conditions = ROOT["properties"]["status"]["properties"]["conditions"]

    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert conditions["items"]["properties"]["status"]["enum"] == ["True", "False", "Unknown"]


def test_status_has_a_subresource_and_the_short_name_is_xc() -> None:
    assert VERSION["subresources"] == {"status": {}}
    assert DEFINITION["spec"]["names"]["shortNames"] == ["xc"]


def test_a_default_keeps_the_rules_of_its_field_before_further_defaults_are_filled_in() -> None:
    # The API server judges a default as it stands, and refuses the whole definition when a rule can't be evaluated.
    defaults = [(path, node) for path, node in NODES if "default" in node]

    assert len(defaults) > 5
    assert [path for path, node in defaults if cel.check(node["default"], node)] == []
