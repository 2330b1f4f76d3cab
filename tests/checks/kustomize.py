"""``python -m tests.checks.kustomize`` compares what config/ has from the chart with it; ``--write`` makes it anew.

The chart is the one place where operator and NATS are described; config/ has the same for those without Helm.
"""

import argparse
import copy
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from tests import tools
from tests.checks.rendering import ROOT, Json, named, render
from tests.harness import say

CONFIG = ROOT / "config"
_HEAD = (
    "# Made from charts/metdc by `python -m tests.checks.kustomize --write`, and compared with it by `make check`.\n"
)
_USERS = ("collector", "listings", "reader")
_NATS: Mapping[str, Any] = {"nats": {"embedded": {"existingSecrets": {user: f"metdc-nats-{user}" for user in _USERS}}}}
_ELSEWHERE: Mapping[str, Any] = {
    "nats": {"embedded": {"enabled": False}, "external": {"urls": ["nats://nats.nats:4222"]}}
}
_RIGHTS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
_OF_HELM = ("helm.sh/", "app.kubernetes.io/managed-by", "metdc.io/installation-digest")


def files() -> dict[str, str]:
    """Return the text of each file below config/ that the chart makes."""
    with_nats, without = render(_NATS), render(_ELSEWHERE)
    own = [each for each in without if each["kind"] != "CustomResourceDefinition" and not _is_hook(each)]
    rest = [each for each in own if each["kind"] != "ConfigMap"]
    return {
        "base/installation.yaml": _installation(without),
        "base/rbac.yaml": _text(each for each in rest if each["kind"] in _RIGHTS),
        "base/operator.yaml": _text(each for each in rest if each["kind"] not in _RIGHTS),
        "installation.yaml": _installation(with_nats),
        "nats.yaml": _text(each for each in with_nats if _application(each) == "metdc-nats"),
    }


def _is_hook(thing: Json) -> bool:
    return "helm.sh/hook" in thing["metadata"].get("annotations", {})


def _application(thing: Json) -> str | None:
    found: str | None = thing["metadata"].get("labels", {}).get("app.kubernetes.io/name")
    return found


def _installation(objects: list[Json]) -> str:
    text: str = named(objects, "ConfigMap", "metdc-installation")["data"]["installation.yaml"]
    return f"{_HEAD}# What resources leave out; docs/operator.md explains each field.\n{text.strip()}\n"


def _text(objects: Iterable[Json]) -> str:
    plain = [_without_helm(each) for each in objects]
    return _HEAD + yaml.safe_dump_all(plain, sort_keys=False, width=1000, explicit_start=True)


def _without_helm(thing: Json) -> Json:
    """Take out what only Helm needs: kustomize has its own, a name by digest in place of an annotation by digest."""
    made = copy.deepcopy(thing)
    for metadata in _metadatas(made):
        for part in ("labels", "annotations"):
            kept = {key: value for key, value in metadata.get(part, {}).items() if not key.startswith(_OF_HELM)}
            metadata.pop(part, None)
            if kept:
                metadata[part] = kept
    return made


def _metadatas(thing: Json) -> Iterator[Json]:
    yield thing["metadata"]
    spec = thing.get("spec", {})
    if "template" in spec:
        yield spec["template"]["metadata"]


def stale() -> list[str]:
    """Return the differences between config/ and the chart, as lines of a diff."""
    lines: list[str] = []
    for name, wanted in files().items():
        path = CONFIG / name
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        told = difflib.unified_diff(
            present.splitlines(), wanted.splitlines(), f"config/{name}", f"config/{name} (chart)", lineterm="", n=0
        )
        lines += told
    return lines


def main() -> int:
    """Run the command; exit 0 when config/ is as the chart makes it, 1 when not, or when there is no helm."""
    parser = argparse.ArgumentParser(prog="python -m tests.checks.kustomize", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the files anew instead of comparing them")
    options = parser.parse_args()
    try:
        if options.write:
            for name, text in files().items():
                (CONFIG / name).write_text(text, encoding="utf-8")
            return 0
        lines = stale()
    except tools.Missing as error:
        say(str(error))
        return 1
    for line in lines[:40]:
        say(line)
    say(f"config/: {'not as the chart makes it, run `make config`' if lines else 'as the chart makes it'}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
