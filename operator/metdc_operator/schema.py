"""The CRD's structural schema, applied as the API server applies it: defaults, unknown fields refused, values checked.

The schema is the CRD file itself, so that one manifest is judged alike on a laptop and in a cluster.
"""

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import re2  # type: ignore[import-untyped]
import yaml

from metdc_operator.problem import Problem, joined

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
CRD = "exchangecollectors.metdc.io.yaml"
# The API server evaluates no rule while the shape is wrong: the rules may rely on it.
_BLOCKING = frozenset({"type", "required", "enum", "maxLength", "maxItems", "maxProperties", "format", "unknown"})
_RANGES = {"int32": 2**31, "int64": 2**63}
_INT_OR_STRING = ["integer", "string"]
_ARTICLES = {
    "object": "an object",
    "array": "a list",
    "integer": "an integer",
    "string": "a text",
    "boolean": "a boolean",
}


@cache
def load() -> Schema:
    """Return the schema of the CRD's version ``v1alpha1``."""
    text = resources.files("metdc_operator").joinpath("crds", CRD).read_text(encoding="utf-8")
    schema: dict[str, Any] = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object"}  # what it holds is no matter of the definition
    return schema


def fill(value: Any, schema: Schema) -> None:
    """Set the defaults in place; as for the API server, a null counts as absent but in a list and where it may be."""
    if isinstance(value, dict):
        known, further = schema.get("properties", {}), schema.get("additionalProperties")
        for name in [name for name, each in value.items() if each is None]:
            if (each := known.get(name, further)) is not None and not each.get("nullable"):
                del value[name]
        for name, each in known.items():
            if "default" in each and name not in value:
                value[name] = copy.deepcopy(each["default"])
        for name, each in value.items():
            fill(each, known.get(name, further) or {})
    elif isinstance(value, list):
        for each in value:
            fill(each, schema.get("items", {}))


def check(value: Any, schema: Schema) -> tuple[list[Problem], bool]:
    """Return what is wrong with a value, and whether its shape is sound, so that rules may be evaluated."""
    found = [("unknown", path, message) for path, message in _unknown(value, schema, ())]
    for error in _validator().iter_errors(value):
        found += _told(error)
    found += [("unique", path, message) for path, message in _repeated(value, schema, ())]
    found.sort(key=lambda each: [str(part) for part in each[1]])
    problems = [Problem(joined(path), message) for _, path, message in found]
    return problems, _BLOCKING.isdisjoint(keyword for keyword, _, _ in found)


@cache
def _validator() -> Any:
    def pattern(_: Any, expression: str, instance: Any, __: Schema) -> Iterator[jsonschema.ValidationError]:
        # The API server's engine: Python's own reads $ and \s differently.
        if isinstance(instance, str) and not re2.search(expression, instance):
            yield jsonschema.ValidationError("")

    formats = jsonschema.FormatChecker(formats=())
    for name, bound in _RANGES.items():
        formats.checks(name)(lambda each, bound=bound: not isinstance(each, int) or -bound <= each < bound)
    extend: Any = jsonschema.validators.extend  # types-jsonschema leaves it untyped
    kind = extend(jsonschema.Draft202012Validator, {"pattern": pattern})
    return kind(_standard(load()), format_checker=formats)


def _standard(schema: Any) -> Any:
    """The schema with what Kubernetes says in words of its own said in JSON schema's."""
    if isinstance(schema, list):
        return [_standard(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {name: _standard(each) for name, each in schema.items()}
    if schema.get("x-kubernetes-int-or-string") is True:
        said["type"] = _INT_OR_STRING
    if schema.get("nullable") is True and "type" in schema:
        said["type"] = [schema["type"], "null"]
    return said


def _unknown(value: Any, schema: Schema, path: Path) -> Iterator[tuple[Path, str]]:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict):
        known = schema.get("properties", {})
        further = schema.get("additionalProperties")
        for name, each in value.items():
            if name in known or further is not None:
                yield from _unknown(each, known.get(name, further), (*path, name))
            elif known:
                yield (*path, name), _no_such_field(str(name), known)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, schema.get("items", {}), (*path, index))


def _no_such_field(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"no such field; did you mean {near[0]}?" if near else f"no such field; there are {', '.join(known)}"


def _repeated(value: Any, schema: Schema, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _repeated(each, schema.get("properties", {}).get(name, {}), (*path, name))
    elif isinstance(value, list):
        kind = schema.get("x-kubernetes-list-type")
        keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys", ())
        seen: list[Any] = []
        for index, each in enumerate(value):
            yield from _repeated(each, schema.get("items", {}), (*path, index))
            identity = [each.get(key) for key in keys] if keys and isinstance(each, dict) else each
            if kind in {"set", "map"} and identity in seen:
                yield (*path, index), "stands in the list twice; remove one"
            seen.append(identity)


def _told(error: jsonschema.ValidationError) -> Iterator[tuple[str, Path, str]]:
    """One error in words; those of keywords that another way reports are passed over."""
    wanted: Any = error.validator_value
    value: Any = error.instance
    schema: Any = error.schema
    keyword = str(error.validator)
    path: Path = tuple(error.absolute_path)
    if keyword == "required":
        for name in wanted:
            if name not in value:
                yield keyword, (*path, name), f"is required{_meaning(schema['properties'][name])}"
        return
    yield keyword, path, _words(keyword, wanted, value, schema)


def _meaning(schema: Schema) -> str:
    """The first sentence of a field's description, for a message."""
    sentence = schema.get("description", "").split(". ")[0].rstrip(".")
    return f" ({sentence})" if sentence else ""


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _words(keyword: str, wanted: Any, value: Any, schema: Schema) -> str:
    shown = "null" if value is None else f"{value!r}"[:80]
    match keyword:
        case "type" if wanted == _INT_OR_STRING:
            return f"must be a whole number or a text in quotes, not {shown}"
        case "type":
            return f"must be {_ARTICLES.get(str(wanted), wanted)}, not {shown}"
        case "enum":
            return f"{shown} is not supported; choose one of {', '.join(str(each) for each in wanted)}"
        case "pattern":
            return f"{shown} does not match {wanted}{_meaning(schema)}"
        case "minimum" | "maximum":
            return f"must be at {'least' if keyword == 'minimum' else 'most'} {wanted}, not {shown}"
        case "minLength" | "maxLength":
            bound = "least" if keyword == "minLength" else "most"
            return f"must have at {bound} {_counted(wanted, 'character', 'characters')}"
        case "minItems" | "minProperties":
            return f"must have at least {_counted(wanted, 'entry', 'entries')}; without any, leave it out"
        case "maxItems" | "maxProperties":
            return f"must have at most {_counted(wanted, 'entry', 'entries')}"
        case _:
            return f"{shown} is out of range for {wanted}"
