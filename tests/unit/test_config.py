"""What `kubectl apply -k` installs is what the chart does, and grants the operator what its page says."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from metdc_operator.installation import parse
from tests.checks import kustomize, skaffold
from tests.harness import ROOT

CONFIG = ROOT / "config"
PAGE = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
KUSTOMIZATIONS = sorted(CONFIG.glob("**/kustomization.yaml"))


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


@pytest.mark.parametrize("file", ["installation.yaml", "base/installation.yaml", "try/installation.yaml"])
def test_a_file_of_defaults_can_be_read(file: str) -> None:
    (record,) = documents(file)
    assert parse(record).nats["urls"]


def test_what_comes_from_the_chart_is_as_the_chart_makes_it() -> None:
    assert kustomize.stale() == []


def test_nothing_of_helm_s_own_is_left_and_no_secret() -> None:
    for name in kustomize.files():
        text = (CONFIG / name).read_text(encoding="utf-8")
        assert "helm.sh" not in text
        assert "kind: Secret\n" not in text


@pytest.mark.parametrize("file", KUSTOMIZATIONS, ids=[str(path.parent.relative_to(ROOT)) for path in KUSTOMIZATIONS])
def test_a_kustomization_names_only_what_is_there(file: Path) -> None:
    record = yaml.safe_load(file.read_text(encoding="utf-8"))
    files = [name for each in record.get("configMapGenerator", ()) for name in each["files"]]
    assert [name for name in (*record["resources"], *files) if not (file.parent / name).exists()] == []


def test_passwords_come_from_files_that_git_ignores_and_that_are_named_for_what_makes_them() -> None:
    (record,) = documents("kustomization.yaml")
    generated = {each["name"]: each["envs"] for each in record["secretGenerator"]}
    assert generated == {
        f"metdc-nats-{user}": [f"run-sh-config-passwords.sh-first/{user}.env"]
        for user in ("collector", "listings", "reader")
    }
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "config/run-sh-config-passwords.sh-first/" in ignored


def test_passwords_are_made_once_begin_with_a_letter_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    script = tmp_path / "passwords.sh"
    script.write_text((CONFIG / "passwords.sh").read_text(encoding="utf-8"))
    folder, made = tmp_path / "run-sh-config-passwords.sh-first", []
    for _ in range(2):
        subprocess.run(["sh", script], check=True, capture_output=True, timeout=30)
        made.append({path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"collector.env", "listings.env", "reader.env"}
    for name, text in made[0].items():
        assert re.fullmatch(rf"username={name.removesuffix('.env')}\npassword=m[0-9a-f]{{40}}\n", text)
    assert {os.stat(path).st_mode & 0o777 for path in folder.iterdir()} == {0o600}


SHAPE = {
    "properties": {
        "build": {
            "anyOf": [
                {"properties": {"artifacts": {}, "local": {}, "tagPolicy": {}}, "additionalProperties": False},
                {"properties": {"artifacts": {}, "cluster": {}, "tagPolicy": {}}, "additionalProperties": False},
            ]
        }
    }
}
"""A part of what skaffold's own schema asks for."""


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("tagPolicy:", "tagPolicies:", "build: Additional properties are not allowed ('tagPolicies' was unexpected)"),
        ("v4beta13", "v4beta1", "apiVersion: skaffold/v4beta1 is not that of skaffold-v4beta13.json"),
        ("v4beta13", "v4beta13", None),
    ],
)
def test_the_shape_of_skaffold_is_that_of_its_schema(
    before: str, after: str, problem: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(skaffold, "SCHEMA", tmp_path / "skaffold-v4beta13.json")
    skaffold.SCHEMA.write_text(json.dumps(SHAPE))
    file = tmp_path / "skaffold.yaml"
    file.write_text((ROOT / "skaffold.yaml").read_text(encoding="utf-8").replace(before, after))
    assert list(skaffold.violations(file)) == ([f"{file}: {problem}"] if problem else [])


def test_where_the_schema_of_skaffold_is_not_there_that_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(skaffold, "SCHEMA", tmp_path / "none.json")
    assert list(skaffold.violations()) == []
    assert "its shape is not looked at: there is no" in capsys.readouterr().err


def test_every_path_image_and_value_of_skaffold_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert list(skaffold.violations()) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("dockerfile: operator/Dockerfile", "dockerfile: operator/Containerfile", "there is no operator/Containerfile"),
        ("chartPath: charts/metdc", "chartPath: charts/other", "there is no charts/other/Chart.yaml"),
        ("config/dev/values.yaml", "config/dev/other.yaml", "there is no config/dev/other.yaml"),
        (
            "config/simulator/simulator.yaml",
            "config/simulator/exchanges.yaml",
            "there is no config/simulator/exchanges",
        ),
        ("image: metdc/simulator", "image: metdc/exchanges", "metdc/simulator is not among the images"),
        ("IMAGE_TAG_metdc_operator", "IMAGE_TAG_metdc_exchanges", "stands for no image that is built"),
        ("collectors.image.tag", "collectors.image.version", "'version' was unexpected"),
    ],
)
def test_what_skaffold_names_and_is_not_there_is_found(
    before: str, after: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "skaffold.yaml").read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "skaffold.yaml"
    file.write_text(text.replace(before, after))
    assert any(words in problem for problem in skaffold.violations(file))
