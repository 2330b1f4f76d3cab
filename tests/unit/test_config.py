"""The installation in `config` grants the operator what its page says, and nothing else."""

import re
from typing import Any

import yaml

from metdc_operator.installation import parse
from tests.harness import ROOT

CONFIG = ROOT / "config"
PAGE = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")


def documents(path: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all((CONFIG / path).read_text(encoding="utf-8")) if each]


def granted(kind: str) -> dict[str, set[str]]:
    """Verbs by resource, as the page writes it: ``deployments.apps``."""
    (role,) = (each for each in documents("base/rbac.yaml") if each["kind"] == kind)
    found = {}
    for rule in role["rules"]:
        for resource in rule["resources"]:
            plural, slash, part = resource.partition("/")
            (group,) = rule["apiGroups"]
            found[f"{plural}.{group}".rstrip(".") + slash + part] = set(rule["verbs"])
    return found


def told() -> dict[str, set[str]]:
    table = PAGE.partition("## What it has to be granted")[2]
    rows = re.findall(r"^\| `([a-z0-9./]+)` \| ([a-z, ]+) \|", table, re.MULTILINE)
    return {resource: set(verbs.split(", ")) for resource, verbs in rows}


def test_the_cluster_role_grants_what_the_page_lists_and_nodes() -> None:
    assert granted("ClusterRole") == told() | {"nodes": {"list", "watch"}}


def test_the_role_for_the_lease_grants_that_alone() -> None:
    assert granted("Role") == {"leases.coordination.k8s.io": {"get", "create", "update"}}


def test_the_files_of_defaults_can_be_read() -> None:
    for file in ("base/installation.yaml", "try/installation.yaml"):
        (record,) = documents(file)
        assert parse(record).nats["urls"]
