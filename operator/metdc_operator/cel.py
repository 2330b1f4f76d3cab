"""The CRD's CEL rules (``x-kubernetes-validations``), evaluated as the API server evaluates them on a new object."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

from metdc_operator.problem import Problem, joined

Path = tuple[str | int, ...]


def check(value: Any, schema: Mapping[str, Any]) -> list[Problem]:
    """Return the rules that do not hold; rules on a change (``oldSelf``) have nothing to say about a new object."""
    return list(_check(value, schema, ()))


def _check(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], value):
            yield Problem(joined((*path, *rule.get("fieldPath", "").split(".")[1:])), rule["message"])
    if isinstance(value, dict):
        further = schema.get("additionalProperties") or {}
        for name, each in value.items():
            yield from _check(each, schema.get("properties", {}).get(name, further), (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _check(each, schema.get("items", {}), (*path, index))


def _holds(rule: str, value: Any) -> bool:
    try:
        return bool(_program(rule).evaluate({"self": json_to_cel(value)}))
    except CELEvalError:
        return False  # as for the API server, which refuses what a rule cannot be evaluated on


@cache
def _program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))
