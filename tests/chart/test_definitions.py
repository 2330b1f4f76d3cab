"""The resource definitions in the chart are those of the project, and can be left out or let go."""

import yaml

from tests.chart.matrix import MATRIX
from tests.checks.rendering import CHART, ROOT, render


def test_the_chart_has_no_copy_of_its_own() -> None:
    link = CHART / "files" / "crds"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "crds"


def test_every_definition_is_rendered_as_it_stands() -> None:
    wanted = {
        path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "crds").glob("*.metdc.io.yaml")
    }
    found = [each for each in render() if each["kind"] == "CustomResourceDefinition"]
    assert {each["metadata"]["name"] for each in found} == {each["metadata"]["name"] for each in wanted.values()}
    for each in found:
        assert each["spec"] == wanted[f"{each['metadata']['name']}.yaml"]["spec"]


def test_definitions_are_kept_unless_said() -> None:
    kept, going = (
        [each["metadata"].get("annotations") for each in objects if each["kind"] == "CustomResourceDefinition"]
        for objects in (render(), render(MATRIX["definitions that go"]))
    )
    assert kept == [{"helm.sh/resource-policy": "keep"}] * 2
    assert going == [None] * 2


def test_definitions_can_be_left_to_somebody_else() -> None:
    assert [each for each in render(MATRIX["no definitions"]) if each["kind"] == "CustomResourceDefinition"] == []
