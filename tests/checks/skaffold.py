"""skaffold.yaml is of the shape that its schema asks for, and every path, image and value that it names exists."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

FILE = Path("skaffold.yaml")
_CHART = Path("charts/metdc")
SCHEMA = Path(os.environ.get("METDC_SKAFFOLD_SCHEMA", "../shared/reference/skaffold-v4beta13.json"))
"""As published for the file's ``apiVersion``; too large for this repository."""

Json = Mapping[str, Any]


def violations(file: Path = FILE) -> Iterator[str]:
    """Yield ``skaffold.yaml: what is of another shape, or named and not there``."""
    record = yaml.safe_load(file.read_text(encoding="utf-8"))
    if misshapen := list(_misshapen(record)):
        yield from (f"{file}: {problem}" for problem in misshapen)
        return  # what is read below may not be there
    images = {each["image"] for each in record["build"]["artifacts"]}
    problems = [*_paths(record), *_releases(record, images), *_manifests(record, images)]
    yield from (f"{file}: {problem}" for problem in problems)


def _misshapen(record: Json) -> Iterator[str]:
    if not SCHEMA.is_file():
        print(f"{FILE}: its shape is not looked at: there is no {SCHEMA}", file=sys.stderr)
        return
    if record.get("apiVersion") != SCHEMA.stem.replace("-", "/"):
        yield f"apiVersion: {record.get('apiVersion')} is not that of {SCHEMA.name}"
    schema = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for error in schema.iter_errors(record):
        exact = min(_leaves(error), key=_unlikely)
        yield f"{'.'.join(map(str, exact.absolute_path)) or 'the whole'}: {exact.message}"


def _leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    """What each alternative has against it; the one that has least is meant."""
    if not error.context:
        yield error
    for each in error.context or ():
        yield from _leaves(each)


def _unlikely(error: jsonschema.ValidationError) -> tuple[bool, int, int]:
    return error.validator != "additionalProperties", -len(error.absolute_path), len(error.message)


def _paths(record: Json) -> Iterator[str]:
    for artifact in record["build"]["artifacts"]:
        dockerfile = Path(artifact["context"]) / artifact["docker"]["dockerfile"]
        if not dockerfile.is_file():
            yield f"{artifact['image']}: there is no {dockerfile}"
    for release in record["deploy"]["helm"]["releases"]:
        for path in (f"{release['chartPath']}/Chart.yaml", *release.get("valuesFiles", ())):
            if not Path(path).is_file():
                yield f"release {release['name']}: there is no {path}"
    for path in record["manifests"]["rawYaml"]:
        if not Path(path).is_file():
            yield f"manifests: there is no {path}"


def _releases(record: Json, images: set[str]) -> Iterator[str]:
    """Values that the chart does not take, and templates that stand for no image that is built."""
    schema = jsonschema.Draft7Validator(yaml.safe_load((_CHART / "values.schema.json").read_text(encoding="utf-8")))
    known = {f"{{{{.IMAGE_{part}_{_word(image)}}}}}": image for image in images for part in ("REPO", "TAG", "DIGEST")}
    for release in record["deploy"]["helm"]["releases"]:
        values: dict[str, Any] = {}
        for path in filter(Path.is_file, map(Path, release.get("valuesFiles", ()))):
            _merge(values, yaml.safe_load(path.read_text(encoding="utf-8")))
        for key, template in release.get("setValueTemplates", {}).items():
            if template not in known:
                yield f"{key}: {template} stands for no image that is built"
            image = known.get(template, "image")
            _merge(values, _nested(key, image if "_REPO_" in template else "tag"))
        for key, value in release.get("setValues", {}).items():
            _merge(values, _nested(key, value))
        for error in schema.iter_errors(values):
            yield f"release {release['name']}: {'.'.join(map(str, error.absolute_path))}: {error.message}"


def _manifests(record: Json, images: set[str]) -> Iterator[str]:
    """Manifests of our own images, which skaffold is to replace by what it builds."""
    for path in filter(Path.is_file, map(Path, record["manifests"]["rawYaml"])):
        for thing in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            pod = thing.get("spec", {}).get("template", {}).get("spec", {})
            for container in pod.get("containers", ()):
                image = container["image"].partition(":")[0]
                if image.startswith("metdc/") and image not in images:
                    yield f"{path}: {image} is not among the images that are built"


def _word(image: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in image)


def _nested(key: str, value: object) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _merge(into: dict[str, Any], more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
