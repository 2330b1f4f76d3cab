"""Figures that tests measure, for the last line of `make cluster-test`."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VARIABLE = "METDC_CLUSTER_FIGURES"
"""Names the file, one JSON object a line; without it a figure is for the test alone."""
BEGUN = "METDC_CLUSTER_BEGUN"
"""Names the moment at which the run began, for tests that judge all of it; a part of the tests judges itself."""
WANTED = ("bad_specs", "refused", "status_writes_per_min", "reconcile_p99_ms", "operator_rss_mib")
"""What a whole run has to have measured."""


def moment(seconds: float) -> str:
    """A time as the API server's log has it, so that texts compare as times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def note(**values: float) -> None:
    """Write figures down; the latest of a name counts."""
    _write({"note": values})


def add(**values: int) -> None:
    """Add to figures that count."""
    _write({"add": values})


def _write(record: dict[str, dict[str, Any]]) -> None:
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def read(path: Path) -> dict[str, float]:
    """Return the figures of a run."""
    figures: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        record = json.loads(line)
        figures |= record.get("note", {})
        for name, value in record.get("add", {}).items():
            figures[name] = figures.get(name, 0) + value
    return figures
