"""What kubectl alone cannot do to a cluster: fake nodes, outages of its parts, the log of all requests.

`../shared/cluster` can, on the cluster that it runs. Another cluster has to bring fake nodes and that log along, and no
part of it can be made to fail.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.cluster.kube import TOOLS, Cluster, NoCluster, Refused
from tests.harness import say

NODES = 24
"""Fake nodes of 110 pods each: 2,400 pods, and room for those that replace them."""
AUDIT = "METDC_AUDIT_LOG"
"""Names the API server's audit log, JSON lines, of a cluster that `../shared/cluster` does not run."""
_CAPACITY = 110
_WITHIN = 900.0

Action = Literal["kill", "start", "freeze", "thaw", "restart"]


def ours(cluster: Cluster) -> bool:
    """Whether `../shared/cluster` runs this cluster, by the address of its API server; it may be down just now."""
    if not (TOOLS / "component").is_file():
        return False
    if subprocess.run([TOOLS / "component", "list"], capture_output=True, check=False).returncode:
        return False
    given = yaml.safe_load(Path(cluster.kubeconfig).read_text(encoding="utf-8"))
    port = os.environ.get("METDC_CLUSTER_PORT", "16443")
    return f"https://127.0.0.1:{port}" in [each["cluster"]["server"] for each in given["clusters"]]


def fake_nodes(cluster: Cluster) -> None:
    """See to it that there are :data:`NODES` fake nodes, labelled `type=kwok`.

    Raises:
        NoCluster: there are fewer, and nothing here can add some.
    """
    ready = sum(_is_ready(node) for node in cluster.get("nodes", "--selector", "type=kwok")["items"])
    if ready >= NODES:
        return
    if not ours(cluster):
        raise NoCluster(
            f"the cluster of KUBECONFIG has {ready} ready fake nodes of the {NODES} that tests of the operator fill; "
            f"let kwok keep {NODES} of {_CAPACITY} pods there, with label type=kwok and taint kwok.x-k8s.io/node "
            'of docs/testing.md, or run what needs none: ARGS="tests/cluster/test_images.py"'
        )
    say(f"{TOOLS}/fakes {NODES}")
    done = subprocess.run([TOOLS / "fakes", str(NODES)], capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode:
        raise NoCluster(f"{TOOLS}/fakes ended with {done.returncode}:\n{done.stderr[-2000:]}")


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", ())}
    return conditions.get("Ready") == "True"


def component(cluster: Cluster, action: Action, name: str) -> None:
    """Kill, start, freeze, thaw or restart a part of the control plane.

    Raises:
        Refused: this cluster is not run by `../shared/cluster`, or the part did not follow.
    """
    if not ours(cluster):
        raise Refused(
            f"{action} {name}: only ../shared/cluster can do that, and it does not run the cluster of KUBECONFIG"
        )
    done = subprocess.run([TOOLS / "component", action, name], capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise Refused(f"component {action} {name} ended with {done.returncode}: {done.stderr[-1000:]}")


def requests(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """Yield the audit log's records of completed requests, the oldest first.

    Raises:
        Refused: the cluster keeps no such log that is known here.
    """
    for path in _audit_files(cluster):
        with path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


def _audit_files(cluster: Cluster) -> list[Path]:
    if named := os.environ.get(AUDIT):
        return [Path(named)]
    if not ours(cluster):
        raise Refused(f"{AUDIT} does not name the audit log of the API server, and ../shared/cluster does not run it")
    cache = (
        os.environ.get("METDC_CLUSTER_CACHE")
        or f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/metdc-cluster"
    )
    folder = Path(cache) / "log"
    # One that has grown too large is kept beside the current one: audit-TIME.log.
    return [*sorted(folder.glob("audit-*.log")), folder / "audit.log"]
