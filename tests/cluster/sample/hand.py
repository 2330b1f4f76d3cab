"""A hand on a node: signals that a container can't send itself, since its own first process is immune to them.

It is a privileged pod that sees the node's processes, in a namespace of its own that allows that.
"""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.cluster.images import Images
from tests.cluster.kube import Cluster, Json, Refused
from tests.cluster.place import START
from tests.harness import eventually

_FIND = """
import os, pathlib, sys
name, number = sys.argv[1].encode(), int(sys.argv[2])
found = []
for folder in pathlib.Path("/proc").iterdir():
    if folder.name.isdecimal():
        try:
            if b"METDC_POD=" + name in (folder / "environ").read_bytes().split(b"\\0"):
                found.append(int(folder.name))
        except OSError:
            pass
assert len(found) == 1, found
os.kill(found[0], number)
"""


@dataclass(frozen=True, slots=True)
class Hand:
    """Strikes processes of pods, wherever they run."""

    cluster: Cluster
    namespace: str
    image: str
    _numbers: Iterator[int]

    def strike(self, pod: Json, number: signal.Signals) -> None:
        """Send a signal to a collector's process.

        Raises:
            AssertionError: it was not found, or is not alone; the text holds what was.
        """
        name = f"hand-{next(self._numbers)}"
        words = ["python3", "-c", _FIND, pod["metadata"]["name"], str(int(number))]
        container = {
            "name": "hand",
            "image": self.image,
            "command": words,
            "securityContext": {"privileged": True, "runAsUser": 0, "runAsNonRoot": False},
        }
        spec = {
            "nodeName": pod["spec"]["nodeName"],
            "hostPID": True,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [container],
        }
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        self.cluster.apply(made, namespace=self.namespace)

        def ended() -> str | None:
            status = self.cluster.get("--namespace", self.namespace, "pod", name)["status"]
            phase: str = status.get("phase", "")
            return phase if phase in {"Succeeded", "Failed"} else None

        if eventually(ended, START, f"{name} ends") == "Failed":
            raise AssertionError(self.cluster.run("--namespace", self.namespace, "logs", name))


@contextlib.contextmanager
def hand(cluster: Cluster, name: str, images: Images) -> Iterator[Hand]:
    """Make the namespace, and remove it."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        yield Hand(cluster, name, images.simulator, count())
    finally:
        with contextlib.suppress(Refused):
            cluster.run("delete", "namespace", name, "--wait=false")
