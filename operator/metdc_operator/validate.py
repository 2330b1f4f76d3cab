"""A manifest file → its resources, judged by the CRD itself: schema, defaults and CEL rules, as in a cluster."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from metdc_operator import cel, schema
from metdc_operator.problem import InvalidManifest, Problem
from metdc_operator.resource import API_VERSION, KIND, ROTATE_AFTER, Resource
from metdc_operator.times import parse

DEFAULT_NAMESPACE = "default"


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a key stands once, a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(files: Sequence[Path]) -> list[Resource]:
    """Return the ExchangeCollectors in the files, in their order, with the schema's defaults.

    Raises:
        InvalidManifest: naming the file, the resource, the field and the remedy, for everything that is wrong.
    """
    problems: list[Problem] = []
    found: dict[str, Resource] = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
            problems.append(Problem("", f"cannot be read: {reason}", file=str(file)))
            continue
        resources, wrong = parse_text(text, file=str(file))
        problems += wrong
        for resource in resources:
            if resource.key in found:
                problems.append(
                    Problem("metadata.name", "stands twice; give one another name", resource.key, str(file))
                )
            found[resource.key] = resource
    if not found and not problems:
        problems.append(Problem("", f"no {KIND} in it", file=", ".join(str(file) for file in files)))
    if problems:
        raise InvalidManifest(problems)
    return list(found.values())


def parse_text(text: str, *, file: str = "") -> tuple[list[Resource], list[Problem]]:
    """Return the resources of one text of YAML, or of JSON, and what is wrong with the others."""
    try:
        documents = list(_documents(text))
    except yaml.YAMLError as error:
        return [], [Problem("", f"is no YAML: {' '.join(str(error).split())}", file=file)]
    resources: list[Resource] = []
    problems: list[Problem] = []
    for document in documents:
        name, wrong = _named(document), check(document)
        problems += [Problem(each.path, each.message, name, file) for each in wrong]
        if not wrong:
            resources.append(_resource(document))
    return resources, problems


def _documents(text: str) -> Iterator[Any]:
    for document in yaml.load_all(text, _Loader):
        if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            yield from document["items"]
        elif document is not None:
            yield document


def check(document: Any) -> list[Problem]:
    """Return what is wrong with a resource, and fill the schema's defaults into it."""
    if not isinstance(document, dict):
        return [Problem("", "is no resource: it needs apiVersion, kind, metadata and spec")]
    if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        kind = f"{document.get('kind')} of {document.get('apiVersion')}"
        return [Problem("kind", f"{kind} is not known here; only {KIND} of {API_VERSION} is")]
    problems = _metadata(document.get("metadata"))
    crd = schema.load()
    schema.fill(document, crd)
    wrong, sound = schema.check(document, crd)
    if sound and not problems:  # the rules rely on the shape and on the name
        wrong += cel.check(document, crd)
    return problems + wrong


def _metadata(metadata: Any) -> list[Problem]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return [Problem("metadata.name", "is required")]
    if not isinstance(metadata.get("namespace", DEFAULT_NAMESPACE), str):
        return [Problem("metadata.namespace", "must be a text")]
    annotations = metadata.get("annotations") or {}
    if not isinstance(annotations, dict) or not all(isinstance(each, str) for each in annotations.values()):
        return [Problem("metadata.annotations", "must be an object of texts; put numbers and booleans into quotes")]
    if ROTATE_AFTER in annotations:
        try:
            parse(annotations[ROTATE_AFTER])
        except ValueError:
            path = f"metadata.annotations[{ROTATE_AFTER}]"
            return [Problem(path, f"{annotations[ROTATE_AFTER]!r} is no time; write it as 2026-11-23T10:00:00Z")]
    return []


def _named(document: Any) -> str:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return ""
    return f"{metadata.get('namespace', DEFAULT_NAMESPACE)}/{metadata['name']}"


def _resource(document: dict[str, Any]) -> Resource:
    metadata = document["metadata"]
    namespace, name = metadata.get("namespace", DEFAULT_NAMESPACE), metadata["name"]
    return Resource(
        namespace=namespace,
        name=name,
        uid=metadata.get("uid") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"metdc.io/{namespace}/{name}")),
        spec=document["spec"],
        generation=metadata.get("generation", 1),
        annotations=metadata.get("annotations") or {},
    )
