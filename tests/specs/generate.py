"""All the specs: each good value of each field; each keyword of the schema and each rule broken, among other fields."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.specs.breaches import BREACHES
from tests.specs.definition import Schema, below, fields, root, steps
from tests.specs.placing import HEAD, entries, key, placed, plain
from tests.specs.values import GOOD, ending

SEED = 7
MIXED = 60
"""How many good specs combine several fields."""

_WRONG = {"object": "text", "array": "text", "string": 5, "integer": "1", "boolean": "yes"}
# An object of these says nothing when it is empty, which a rule refuses.
_NEVER_EMPTY = ("valueFrom", "extraCA", "endpoints", "tolerations[]", "matchExpressions[]")

Breach = tuple[Any, str]
"""A value of a field, and which field is refused for it, from there on."""


@dataclass(frozen=True)
class Spec:
    """One resource; ``field`` and ``message`` are empty when it is good, ``message`` also when no rule refuses it."""

    name: str
    manifest: dict[str, Any]
    field: str = ""
    message: str = ""


def good(seed: int = SEED) -> list[Spec]:
    """Specs that are odd and to be accepted."""
    single = [Spec(f"{path}-{index}", placed(path, value)) for path, index, value in _good_values()]
    chance = random.Random(seed)
    return single + [Spec(f"mixed-{index}", _mixed(single, chance)) for index in range(MIXED)]


def bad(seed: int = SEED) -> list[Spec]:
    """Specs that are to be refused, each for one reason."""
    chance = random.Random(seed)
    around = [Spec(path, placed(path, value)) for path, _, value in _good_values() if path.startswith("spec.")]
    found = [*_against_the_schema(), *_against_rules()]
    return [Spec(each.name, _surrounded(each.manifest, around, chance), each.field, each.message) for each in found]


def of_the_spec() -> list[tuple[str, Schema]]:
    """Every field of the spec and the spec itself."""
    return [(path, schema) for path, schema in fields(root()) if steps(path)[:1] == ["spec"]]


def _good_values() -> Iterator[tuple[str, int, Any]]:
    for path, schema in of_the_spec():
        values: list[Any] = []
        if "additionalProperties" in schema:
            values = [
                {},
                {
                    f"example.com/a{n}": plain(schema["additionalProperties"], f"{path}{{}}")
                    for n in range(schema["maxProperties"])
                },
            ]
        elif schema.get("type") == "array":
            values = [entries(schema, path, schema["maxItems"])]
        elif "properties" in schema:
            values = [] if schema.get("required") or path.endswith(_NEVER_EMPTY) else [{}]
        else:
            values = ending(GOOD, path) or [plain(schema, path)]
        values = [*values, None] if _may_be_absent(path) else values
        yield from ((path, index, value) for index, value in enumerate(values))


def _may_be_absent(path: str) -> bool:
    """Whether a null, which counts as absent, is good here."""
    parent, _, name = path.rpartition(".")
    above = root()
    for step in steps(parent):
        above = below(above, step)
    one_of_several = parent.endswith(_NEVER_EMPTY)
    return "[]" not in name and name not in above.get("required", ()) and not one_of_several


def _mixed(single: list[Spec], chance: random.Random) -> dict[str, Any]:
    spec: dict[str, Any] = {"exchange": "binance", "markets": [{"name": "futures"}]}
    for each in chance.sample(single, 12):
        spec |= {name: value for name, value in each.manifest["spec"].items() if name != "exchange"}
    return {**HEAD, "spec": spec}


def _surrounded(manifest: dict[str, Any], around: list[Spec], chance: random.Random) -> dict[str, Any]:
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        return manifest
    further: dict[str, Any] = {}
    for each in chance.sample(around, 3):
        further |= {name: value for name, value in each.manifest["spec"].items() if name not in {"exchange", "markets"}}
    return manifest | {"spec": further | spec}


def _against_rules() -> Iterator[Spec]:
    for path, schema in fields(root()):
        for rule in schema.get("x-kubernetes-validations", ()):
            if "oldSelf" in rule["rule"]:
                continue
            field = _shown(path + rule.get("fieldPath", "")).removeprefix(".")
            for index, value in enumerate(BREACHES[rule["message"]]):
                yield Spec(f"{path}: {rule['message']}-{index}", _broken(path, value), field, rule["message"])


def _broken(path: str, value: Any) -> dict[str, Any]:
    """The value in its place; beside what the whole resource, or the spec, needs."""
    if path == "":
        return {**placed("spec", plain(below(root(), "spec"), "spec")), **value}
    if path == "spec":
        return placed(path, plain(below(root(), "spec"), path) | value)
    return placed(path, value)


def _against_the_schema() -> Iterator[Spec]:
    for path, schema in of_the_spec():
        for keyword, value, below_it in _breaches(path, schema):
            yield Spec(f"{path}: {keyword}", placed(path, value), _shown(path) + below_it)


def _breaches(path: str, schema: Schema) -> Iterator[tuple[str, Any, str]]:
    """Each keyword of a field, a value that breaks it, and where below the field it is refused."""
    if "x-kubernetes-int-or-string" in schema:
        yield "type", True, ""
    else:
        yield "type", _WRONG[schema["type"]], ""
    if path.endswith("[]"):
        yield "null", None, ""
    for keyword, value in _out_of_bounds(path, schema):
        yield keyword, value, ""
    if schema.get("x-kubernetes-list-type") in {"set", "map"}:
        one = plain(schema, path)[0]
        yield "twice", [one, one], "[1]"
    if "properties" in schema:
        sound = plain(schema, path)
        yield "unknown", sound | {"nope": 1}, ".nope"
        for name in schema.get("required", ()):
            yield f"without {name}", {each: sound[each] for each in sound if each != name}, f".{name}"
            yield f"{name} null", sound | {name: None}, f".{name}"


def _out_of_bounds(path: str, schema: Schema) -> Iterator[tuple[str, Any]]:
    if "enum" in schema:
        yield "enum", "Nope"
    if "pattern" in schema:
        yield "pattern", "x y"
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1
    elif "format" in schema:
        yield "format", 2 ** (31 if schema["format"] == "int32" else 63)
    if "minLength" in schema:
        yield "minLength", ""
    if "maxLength" in schema:
        yield "maxLength", "1" * (schema["maxLength"] + 1)
    if "minItems" in schema:
        yield "minItems", []
    if "minProperties" in schema:
        yield "minProperties", {}
    if "maxItems" in schema:
        yield "maxItems", entries(schema, path, schema["maxItems"] + 1)
    if "maxProperties" in schema:
        count, each = schema["maxProperties"] + 1, plain(schema["additionalProperties"], f"{path}{{}}")
        yield "maxProperties", {f"example.com/a{index}": each for index in range(count)}


def _shown(path: str) -> str:
    """A path as Kubernetes writes it, to the first entry."""
    listed = path.replace("[]", "[0]")
    return listed.replace("{}", f".{key(path.partition('{}')[0])}")
