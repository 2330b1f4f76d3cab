"""The resource definition as a tree of fields.

A path is written as ``spec.markets[].name``: ``[]`` is each entry of a list, ``{}`` each value of a map.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "crds" / "exchangecollectors.metdc.io.yaml"
Schema = Mapping[str, Any]


@cache
def root() -> Schema:
    """The schema of the whole resource."""
    schema: Schema = yaml.safe_load(FILE.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every field below a schema, with its path, parents first."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from fields(each, f"{path}.{name}".removeprefix("."))
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from fields(schema[key], f"{path}{mark}")


def steps(path: str) -> list[str]:
    """``spec.markets[].name`` → spec, markets, [], name."""
    return re.findall(r"\[\]|\{\}|\w+", path)


def below(schema: Schema, step: str) -> Schema:
    """The schema that one step leads to."""
    child: Schema = (
        schema["items"]
        if step == "[]"
        else schema["additionalProperties"]
        if step == "{}"
        else schema["properties"][step]
    )
    return child
