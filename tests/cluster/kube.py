"""The cluster that the tests run on, and kubectl."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.harness import ROOT, NotInTime, Process, say

TOOLS = ROOT.parent / "shared" / "cluster"
"""Starts a Kubernetes on this machine and builds images into it, where it exists."""
START_UP = 1800.0
"""Seconds that the first start of that cluster may take: it is built from its sources once."""

Json = dict[str, Any]


class NoCluster(RuntimeError):
    """There is no cluster to test on; the text says what to do."""


class Refused(RuntimeError):
    """kubectl ended with an error; the text is its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A reachable cluster, by kubectl and a kubeconfig."""

    kubectl: Path
    kubeconfig: str

    def run(self, *words: str | Path, given: str | None = None, timeout: float = 60) -> str:
        """Run kubectl and return what it prints; ``given`` is its standard input.

        Raises:
            Refused: it ended with an error, or not within ``timeout`` seconds.
        """
        return self.read(*words, given=given, timeout=timeout).decode()

    def read(self, *words: str | Path, given: str | None = None, timeout: float = 60) -> bytes:
        """Run kubectl as :meth:`run` does, for output that is no text."""
        command = [str(word) for word in (self.kubectl, "--kubeconfig", self.kubeconfig, *words)]
        try:
            done = subprocess.run(
                command, input=(given or "").encode(), capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"kubectl {' '.join(command[3:])}: no end within {timeout:g} s") from None
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}")
        return done.stdout

    def get(self, *words: str) -> Json:
        """Return an object, or a list, as kubectl gets it."""
        found: Json = json.loads(self.run("get", *words, "--output=json"))
        return found

    def raw(self, path: str, timeout: float = 10) -> str:
        """GET a path of the API server.

        Raises:
            Refused: with an error status; the text holds it.
        """
        return self.run("get", "--raw", path, timeout=timeout)

    def apply(self, *objects: Mapping[str, Any], namespace: str | None = None) -> None:
        """Apply objects, server-side, into a namespace unless they name one."""
        where = () if namespace is None else ("--namespace", namespace)
        text = "\n---\n".join(map(json.dumps, objects))  # whose texts, unlike those of YAML 1.1, are the server's, too
        self.run("apply", *where, "--server-side", "--force-conflicts", "--filename=-", given=text)

    def kustomize(self, folder: Path) -> list[Json]:
        """Return the objects of a kustomization."""
        return list(yaml.safe_load_all(self.run("kustomize", folder)))

    def version(self) -> str:
        """Return the API server's version, ``v1.35.4``."""
        return str(json.loads(self.raw("/version"))["gitVersion"])


class Forward:
    """A port of a Service's pod on 127.0.0.1, for the length of a ``with`` block; made anew once its pod has gone."""

    def __init__(self, cluster: Cluster, namespace: str, service: str, port: int) -> None:
        self._cluster, self._namespace, self._service, self._port = cluster, namespace, service, port
        self._process: Process | None = None
        self._address = ""

    def address(self) -> str:
        """Return ``127.0.0.1:PORT``.

        Raises:
            NotInTime: the Service has no ready pod.
        """
        if self._process is not None and self._process.exit_code is not None:
            self._process.terminate()  # what it has open is closed, too
            self._process = None
        if self._process is None:
            target = ("--namespace", self._namespace, "port-forward", f"service/{self._service}", f":{self._port}")
            command: list[str | Path] = [self._cluster.kubectl, "--kubeconfig", self._cluster.kubeconfig, *target]
            self._process = Process(command, name=f"port-forward {self._service}")
            line = self._process.line(20, where=lambda line: line.startswith("Forwarding from 127.0.0.1:"))
            found = re.search(r"127\.0\.0\.1:\d+", line)
            if found is None:
                raise NotInTime(f"kubectl port-forward says {line!r}")
            self._address = found[0]
        return self._address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()


def find() -> Cluster:
    """Return the cluster of KUBECONFIG, else the one of :data:`TOOLS`, started if need be.

    Raises:
        NoCluster: there is neither, or it doesn't answer.
    """
    kubeconfig = os.environ.get("KUBECONFIG") or _start()
    cluster = Cluster(_kubectl(), kubeconfig)
    try:
        cluster.version()
    except Refused as error:
        raise NoCluster(f"the cluster of KUBECONFIG={kubeconfig} doesn't answer: {error}") from None
    return cluster


def _start() -> str:
    if not (TOOLS / "up").is_file():
        remedy = f"set KUBECONFIG (docs/testing.md says how images get there), or put the test cluster at {TOOLS}"
        raise NoCluster(f"no cluster to test on: {remedy}")
    say(f"{TOOLS}/up")
    seldom = {"GOGC": "400"}  # a control plane that collects its garbage at each doubling is dear on two cores
    done = subprocess.run(
        [TOOLS / "up"], env=seldom | os.environ, stdout=subprocess.PIPE, text=True, timeout=START_UP, check=False
    )
    found = re.search(r"^export KUBECONFIG=(\S+)$", done.stdout, re.MULTILINE)
    if done.returncode or found is None:
        raise NoCluster(f"{TOOLS}/up ended with {done.returncode}; its last words stand above")
    return found[1]


def _kubectl() -> Path:
    if not (TOOLS / "tools").is_file():
        if (found := shutil.which("kubectl")) is None:
            raise NoCluster("kubectl is not on PATH")
        return Path(found)
    done = subprocess.run(
        [TOOLS / "tools", "kubectl"], stdout=subprocess.PIPE, text=True, timeout=START_UP, check=False
    )
    if done.returncode:
        raise NoCluster(f"{TOOLS}/tools kubectl ended with {done.returncode}")
    return Path(done.stdout.strip()) / "kubectl"


def conditions(thing: Mapping[str, Any]) -> dict[str, Json]:
    """Return an object's conditions by type."""
    listed: Iterable[Json] = thing.get("status", {}).get("conditions", [])
    return {condition["type"]: condition for condition in listed}
