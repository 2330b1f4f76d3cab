"""``python -m tests.checks.reference``: writes the tables of the documents that come from the code anew.

Fields, rules and columns of the resources from their definitions, metrics from what is served, values of the chart from
its schema. `make test` compares them.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.checks import metrics, values

ROOT = Path(__file__).resolve().parents[2]

Schema = Mapping[str, Any]
Tables = Mapping[str, Callable[[], Iterator[str]]]


def _version(plural: str) -> Schema:
    file = ROOT / "crds" / f"{plural}.metdc.io.yaml"
    found: Schema = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]["versions"][0]
    return found


def _of(plural: str) -> Tables:
    return {
        "spec": lambda: _fields(_version(plural), "spec"),
        "rules": lambda: _rules(_version(plural)),
        "columns": lambda: _columns(_version(plural)),
        "status": lambda: _fields(_version(plural), "status"),
    }


PAGES: Mapping[str, Tables] = {
    "docs/exchangecollector.md": _of("exchangecollectors"),
    "docs/listingcapture.md": _of("listingcaptures"),
    "docs/metrics.md": {
        "collectors": lambda: metrics.table(metrics.of_collectors()),
        "operator": lambda: metrics.table(metrics.of_operator()),
    },
    "charts/metdc/README.md": {"values": values.table},
}
"""By page: its tables, each between two comments that name it."""


def page(name: str, text: str) -> str:
    """Return a page's text with the tables that the code makes."""
    for mark, table in PAGES[name].items():
        before, start, rest = text.partition(f"<!-- {mark} -->\n")
        _, end, after = rest.partition(f"<!-- /{mark} -->")
        assert end, f"{name} has no place for {mark}"
        text = "\n".join((before + start, *table(), "", end + after))
    return text


def _fields(version: Schema, part: str) -> Iterator[str]:
    schema = version["schema"]["openAPIV3Schema"]["properties"][part]
    defaults = part == "spec"
    yield f"| `{part}.…` | Type |{' Default |' if defaults else ''} Meaning |"
    yield f"| --- | --- |{' --- |' if defaults else ''} --- |"
    for path, each, required in _walk(schema, ""):
        default = f" {_default(each, required=required)} |" if defaults else ""
        yield f"| `{path}` | {_kind(each)} |{default} {_cell(each['description'])} |"


def _walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """Every named field below a schema, with its path and whether it is required."""
    inner = schema.get("items", schema)
    marked = path + ("[]" if inner is not schema else "")
    for name, each in inner.get("properties", {}).items():
        field = f"{marked}.{name}".removeprefix(".")
        yield field, each, name in inner.get("required", ())
        yield from _walk(each, field)


def _default(schema: Schema, *, required: bool) -> str:
    default = schema.get("default")
    if required:
        return "required"
    return "" if default is None or default == {} else f"`{str(default).lower() if default is False else default}`"


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "x-kubernetes-int-or-string" in schema:
        return "size"
    if "additionalProperties" in schema:
        return f"map, at most {schema['maxProperties']}"
    if schema["type"] == "array":
        return f"list, {schema.get('minItems', 0)} to {schema['maxItems']}"
    if schema["type"] == "integer" and {"minimum", "maximum"} <= schema.keys():
        return f"integer, {schema['minimum']} to {schema['maximum']}"
    return "time" if schema.get("format") == "date-time" else str(schema["type"])


def _rules(version: Schema) -> Iterator[str]:
    where: dict[str, list[str]] = {}
    for path, rule in _ruled(version["schema"]["openAPIV3Schema"], ""):
        where.setdefault(rule["message"], []).append(path + rule.get("fieldPath", ""))
    yield "| Field | What the refusal says |"
    yield "| --- | --- |"
    for message, paths in where.items():
        named = ", ".join(f"`{path.removeprefix('.').removeprefix('spec.')}`" for path in paths)
        yield f"| {named} | {_cell(message)} |"


def _ruled(schema: Schema, path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule
    for name, each in schema.get("properties", {}).items():
        yield from _ruled(each, f"{path}.{name}")
    if "items" in schema:
        yield from _ruled(schema["items"], f"{path}[]")


def _columns(version: Schema) -> Iterator[str]:
    yield "| Column | Shown with | Meaning |"
    yield "| --- | --- | --- |"
    for column in version["additionalPrinterColumns"]:
        shown = "`-o wide`" if column.get("priority") else "always"
        yield f"| {column['name']} | {shown} | {_cell(column['description'])} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for each in PAGES:
        (ROOT / each).write_text(page(each, (ROOT / each).read_text(encoding="utf-8")), encoding="utf-8")
