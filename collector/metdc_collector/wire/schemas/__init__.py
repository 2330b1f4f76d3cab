"""JSON Schemas (2020-12) of the messages, for whoever reads them in another language."""

from importlib.resources import files
from typing import Any

import orjson

NAMES = ("trade", "gap", "instrument", "report", "listing", "capture")


def load(name: str) -> dict[str, Any]:
    """Return the schema of ``trade``, ``gap``, ``instrument``, ``report``, ``listing`` or ``capture``, as published."""
    schema: dict[str, Any] = orjson.loads(files(__name__).joinpath(f"{name}.v1.schema.json").read_bytes())
    return schema
