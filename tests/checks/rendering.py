"""The chart as helm renders it: objects by kind and name."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests import tools

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "metdc"
_WITHIN = 60.0

Json = dict[str, Any]


class Refused(RuntimeError):
    """helm does not render the chart with these values; the text is its own."""


def render(values: Mapping[str, Any] | None = None, *, release: str = "metdc", namespace: str = "metdc") -> list[Json]:
    """Return the objects of a release, hooks included, as `helm template` makes them: without a cluster to look into.

    Raises:
        Refused: by the values' schema, or by the chart.
        tests.tools.Missing: there is no helm.
    """
    words = ["template", release, CHART, "--namespace", namespace, "--values", "-"]
    text = run(words, given=json.dumps(dict(values or {})))
    return [each for each in yaml.safe_load_all(text) if each]


def run(words: Sequence[object], *, given: str | None = None) -> str:
    """Run helm; return what it prints.

    Raises:
        Refused: it ended with an error.
        tests.tools.Missing: there is no helm.
    """
    command = [str(word) for word in (tools.helm(), *words)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return done.stdout


def named(objects: Sequence[Json], kind: str, name: str | None = None) -> Json:
    """Return the one object of a kind, and of a name if one is given."""
    found = [each for each in objects if each["kind"] == kind and name in {None, each["metadata"]["name"]}]
    assert len(found) == 1, f"{len(found)} objects are a {kind} {name or ''}"
    return found[0]
