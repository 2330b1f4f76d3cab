"""The chart as a release in a cluster, by the real helm."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import tools
from tests.checks.rendering import CHART
from tests.cluster.images import Images, parts
from tests.cluster.kube import Json
from tests.cluster.listing import watching
from tests.cluster.place import Place
from tests.cluster.sample.scene import DIVIDE
from tests.harness import say

NAME = "metdc"
NATS = f"{NAME}-nats"
OPERATOR = f"{NAME}-operator"
_WITHIN = 300.0


class HelmFailed(RuntimeError):
    """helm ended with an error; the text is its own."""


@dataclass(slots=True)
class Release:
    """A release of the chart in a namespace that serves this one and others."""

    where: Place
    values: dict[str, Any]

    def install(self, chart: Path = CHART) -> None:
        """Install it; its objects are there then, and its pods start."""
        self._run("install", NAME, str(chart), "--values=-", given=self.values)

    def upgrade(self, chart: Path = CHART, **values: Any) -> None:
        """Upgrade it, with these values in place of those before."""
        self.values = merged(self.values, values)
        self._run("upgrade", NAME, str(chart), "--values=-", given=self.values)

    def rollback(self, revision: int) -> None:
        """Go back to a revision."""
        self._run("rollback", NAME, str(revision))

    def uninstall(self) -> str:
        """Uninstall it; return what helm says."""
        return self._run("uninstall", NAME)

    def test(self) -> str:
        """Run the tests of the chart; return what they log."""
        return self._run("test", NAME, "--logs")

    @property
    def revision(self) -> int:
        """The number of the present revision."""
        listed: list[Json] = json.loads(self._run("history", NAME, "--output=json"))
        return int(listed[-1]["revision"])

    def password(self, user: str) -> str:
        """Return the password of a user of the embedded NATS."""
        given = self.where.kubectl("get", "secret", f"{NATS}-{user}", "--output=jsonpath={.data.password}")
        return base64.b64decode(given).decode()

    def operator(self) -> Json:
        """Return the operator's pod, the newest."""
        return self.where.pods({"app.kubernetes.io/name": "metdc-operator"})[-1]

    def operator_acts(self) -> bool:
        """Whether the newest of the operator's pods holds the Lease."""
        name = f"metdc-operator-{self.values['operator']['name']}"
        words = ("get", "lease", name, "--ignore-not-found", "--output=jsonpath={.spec.holderIdentity}")
        return bool(self.where.kubectl(*words) == self.operator()["metadata"]["name"])

    def _run(self, *words: str, given: Mapping[str, Any] | None = None) -> str:
        """Run helm in the namespace.

        Raises:
            HelmFailed: it ended with an error, or not in time.
        """
        command = [str(tools.helm()), *words, "--namespace", self.where.name]
        environment = os.environ | {"KUBECONFIG": self.where.cluster.kubeconfig}
        say(f"helm {' '.join(words[:2])}")
        try:
            done = subprocess.run(
                command,
                input=None if given is None else json.dumps(given),
                capture_output=True,
                text=True,
                env=environment,
                timeout=_WITHIN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise HelmFailed(f"helm {words[0]}: no end within {_WITHIN:g} s") from None
        if done.returncode:
            raise HelmFailed(f"helm {words[0]}: {done.stderr.strip()[-2000:]}")
        return done.stdout


def version() -> str:
    """Return helm's version, ``v4.3.1``."""
    done = subprocess.run(
        [tools.helm(), "version", "--template={{.Version}}"], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def values(where: Place, other: Place, images: Images) -> dict[str, Any]:
    """Return the values of an installation that serves two namespaces, sees nodes, and watches for listings."""
    return merged(
        {
            "clusterWide": False,
            "namespaces": [other.name],
            "operator": {"name": where.name},  # another test's operator leaves its collectors alone
            "listings": watching(DIVIDE),
            "nats": {"embedded": {"storage": {"size": "5Gi"}, "memory": "1Gi", "tradesPerSecond": 2000, "cpu": "100m"}},
        },
        of_images(images),
    )


def of_images(images: Images) -> dict[str, Any]:
    """Return the values that name the images of operator, collectors and captures."""
    return {
        "operator": {"image": parts(images.operator)},
        "collectors": {"image": parts(images.collector)},
        "listings": {"image": parts(images.listings)},
    }


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one with the other's values in place of its own, maps merged."""
    made = dict(one)
    for key, value in other.items():
        before = made.get(key)
        made[key] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return made
