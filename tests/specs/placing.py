"""A value at a path of the resource, with as little around it as makes the rest of the resource good."""

from typing import Any

from tests.specs.definition import Schema, below, root, steps
from tests.specs.values import BESIDE, GOOD, KEY, ending

HEAD = {"apiVersion": "metdc.io/v1alpha1", "kind": "ExchangeCollector", "metadata": {"name": "odd"}}


def placed(path: str, value: Any) -> dict[str, Any]:
    """The resource that has this value at this path."""
    manifest: dict[str, Any] = HEAD | _around(root(), "", steps(path), value)
    return manifest


def plain(schema: Schema, path: str) -> Any:
    """The plainest good value of a field."""
    if "additionalProperties" in schema:
        return {key(path): plain(schema["additionalProperties"], f"{path}{{}}")}
    if schema.get("type") == "array":
        return [plain(schema["items"], f"{path}[]")]
    if schema.get("type") == "object":
        return _required(schema, path) | (ending(BESIDE, path) or {})
    good = ending(GOOD, path)
    assert good is not None, f"{path}: tests/specs/values.py has no value for it"
    return good[0]


def entries(schema: Schema, path: str, count: int) -> list[Any]:
    """So many good entries of a list, each its own."""
    one = plain(schema["items"], f"{path}[]")
    named = ending(GOOD, f"{path}[].name") or []
    keys = schema.get("x-kubernetes-list-map-keys", ())
    made = []
    for index in range(count):
        if isinstance(one, str):
            made.append(f"{one}{index}")
        elif not keys:
            made.append(one)
        else:
            enough = keys[0] == "name" and path.endswith("markets") and index < len(named)
            made.append(one | {keys[0]: named[index] if enough else f"{one[keys[0]]}{index}"})
    return made


def key(path: str) -> str:
    """The key under which a map's value is placed."""
    return ending(KEY, path) or "example.com/a"


def _required(schema: Schema, path: str) -> dict[str, Any]:
    return {
        name: plain(schema["properties"][name], f"{path}.{name}".removeprefix("."))
        for name in schema.get("required", ())
    }


def _around(schema: Schema, path: str, rest: list[str], value: Any) -> Any:
    if not rest:
        return value
    step, *further = rest
    inner = f"{path}{step}" if step in {"[]", "{}"} else f"{path}.{step}".removeprefix(".")
    child = _around(below(schema, step), inner, further, value)
    if step == "[]":
        return [child]
    if step == "{}":
        return {key(path): child}
    return _required(schema, path) | (ending(BESIDE, inner) or {}) | {step: child}
