"""Every JSON schema of the wire contract is itself valid, closed by a title, and named in one place only."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema

FOLDER = Path("collector/metdc_collector/wire/schemas")


def violations() -> Iterator[str]:
    """Yield ``path: what is wrong`` for the schemas, or that there are none."""
    paths = sorted(FOLDER.glob("*.json"))
    if not paths:
        yield f"{FOLDER}: no schema found"
    seen: dict[str, Path] = {}
    for path in paths:
        try:
            schema = json.loads(path.read_bytes())
            jsonschema.validators.validator_for(schema).check_schema(schema)
        except (ValueError, jsonschema.SchemaError) as error:
            yield f"{path}: {str(error).splitlines()[0]}"
            continue
        for key in ("$schema", "$id", "title"):
            if key not in schema:
                yield f"{path}: has no {key}"
        other = seen.setdefault(str(schema.get("$id")), path)
        if other != path:
            yield f"{path}: has the $id of {other}"
