"""The values of the chart, as its schema describes them and its defaults are."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.checks.rendering import CHART

Schema = Mapping[str, Any]


def table() -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    yield "| Value | Default | Meaning |"
    yield "| --- | --- | --- |"
    for path, default, text in _walk(schema, schema["definitions"], defaults, ""):
        yield f"| `{path}` | {default} | {text} |"


def _walk(schema: Schema, shared: Schema, defaults: Any, path: str) -> Iterator[tuple[str, str, str]]:
    for name, each in schema["properties"].items():
        if name == "global":
            continue
        found = defaults[name]
        inner = shared[each["allOf"][0]["$ref"].rpartition("/")[2]] if "allOf" in each else each
        if "properties" in inner and name != "resources":
            yield from _walk(inner, shared, found, f"{path}{name}.")
        else:
            yield f"{path}{name}", _shown(found), each["description"].replace("|", "\\|")


def _shown(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{json.dumps(value) if isinstance(value, list | dict | bool) else value}`"
