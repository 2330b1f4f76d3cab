"""A namespace of its own on the cluster of KUBECONFIG, an operator that serves it, and what tests ask of both."""

import asyncio
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from metdc_collector.wire import durations
from metdc_operator.cluster.api import APPLY, MERGE, Api, ApiError
from tests.cluster.kube import Cluster
from tests.cluster.operator import BEHIND
from tests.cluster.operator.account import Account
from tests.cluster.operator.stub import Stub
from tests.cluster.place import LABELS

ROOT = Path(__file__).resolve().parents[3]
COLLECTORS = "/apis/metdc.io/v1alpha1"
_STRATEGIC = "application/strategic-merge-patch+json"  # merges conditions by their types
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FAKE: dict[str, Any] = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
}
"""What puts pods on nodes that run nothing."""
SELDOM = {"interval": "10000h", "overlap": "1s"}
"""No pod is replaced by the clock in the middle of a test that waits for something else."""


@dataclass
class World:
    """One namespace, with what tests do there; ``kubeconfig`` is what operators act with."""

    api: Api
    namespace: str
    stub: Stub
    folder: Path
    account: Account
    kubeconfig: Path
    operators: list["Process"] = field(default_factory=list)

    def path(self, plural: str, name: str = "") -> str:
        """Where objects of a kind are in this namespace."""
        group = {
            "exchangecollectors": COLLECTORS,
            "deployments": "/apis/apps/v1",
            "poddisruptionbudgets": "/apis/policy/v1",
            "networkpolicies": "/apis/networking.k8s.io/v1",
            "listingcaptures": COLLECTORS,
            "jobs": "/apis/batch/v1",
            "leases": "/apis/coordination.k8s.io/v1",
        }.get(plural, "/api/v1")
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def every(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind."""
        found: list[dict[str, Any]] = (await self.api.request("GET", self.path(plural)))["items"]
        return found

    async def get(self, plural: str, name: str) -> dict[str, Any] | None:
        """An object; null when there is none."""
        try:
            return await self.api.request("GET", self.path(plural, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def patch(self, plural: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Merge something into an object, as a person would."""
        return await self.api.request("PATCH", self.path(plural, name), body=body, content_type=MERGE)

    async def create(self, plural: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object."""
        return await self.api.request("POST", self.path(plural), body=body)

    async def delete(self, plural: str, name: str) -> None:
        """Delete an object."""
        await self.api.request("DELETE", self.path(plural, name), body={"propagationPolicy": "Background"})

    async def collector(self, name: str = "binance", **spec: Any) -> None:
        """Apply an ExchangeCollector for Binance's spot market, on fake nodes unless the spec says otherwise."""
        wanted = {"exchange": "binance", "markets": [{"name": "spot"}], "rotation": SELDOM, **FAKE} | spec
        body = {
            "apiVersion": "metdc.io/v1alpha1",
            "kind": "ExchangeCollector",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": wanted,
        }
        await self.api.request(
            "PATCH",
            self.path("exchangecollectors", name),
            query={"fieldManager": "tests", "force": "true"},
            body=body,
            content_type=APPLY,
        )

    async def status(self, name: str = "binance") -> dict[str, Any]:
        """The status of a resource; empty while it has none."""
        found = await self.get("exchangecollectors", name)
        return (found or {}).get("status") or {}

    async def condition(self, kind: str, name: str = "binance") -> tuple[str, str]:
        """Status and reason of a condition."""
        for each in (await self.status(name)).get("conditions", ()):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    async def age(self, cluster: Cluster, name: str = "binance") -> float:
        """How old the status is, in seconds, by the column that `kubectl get xc` shows."""
        words = ("--namespace", self.namespace, "get", "xc", name)
        head, row = (await asyncio.to_thread(cluster.run, *words)).splitlines()
        shown = row[head.index("REPORTED") :].split()[0]
        return durations.parse(shown) / durations.SECOND

    async def order(self, name: str = "binance") -> None:
        """Order every pod of a resource to be replaced, as the documents say."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self.patch("exchangecollectors", name, {"metadata": {"annotations": {"metdc.io/rotate-after": now}}})

    @asynccontextmanager
    async def beside(self, count: int) -> AsyncIterator[list["World"]]:
        """So many further namespaces, for an operator that serves them all; they are gone afterwards."""
        made = [replace(self, namespace=f"{self.namespace}-{number}") for number in range(count)]
        for each in made:
            await _make(self.api, each.namespace)
        try:
            yield made
        finally:
            for each in made:
                await _delete(self.api, each.namespace)

    @asynccontextmanager
    async def nodes(self, count: int) -> AsyncIterator[tuple[dict[str, Any], list[str]]]:
        """Fake nodes that no other test's pods are put on: what a spec needs to get there, and their names."""
        label = {"metdc.io/nodes-of": self.namespace}
        names = [f"{self.namespace}-{number}" for number in range(count)]
        for name in names:
            await self.api.request("POST", "/api/v1/nodes", body=_node(name, label))
        await until(partial(self._nodes_ready, names), why="the nodes are ready")
        try:
            yield FAKE | {"nodeSelector": label}, names
        finally:
            for name in names:
                await self.api.request("DELETE", f"/api/v1/nodes/{name}")

    async def _nodes_ready(self, names: Sequence[str]) -> bool:
        found = [await self.api.request("GET", f"/api/v1/nodes/{name}") for name in names]
        states = [{each["type"]: each["status"] for each in node["status"].get("conditions", ())} for node in found]
        return all(state.get("Ready") == "True" for state in states)

    async def names(self, plural: str) -> list[str]:
        """The names of all objects of a kind that are not being deleted, in order."""
        found = await self.every(plural)
        return sorted(each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"])

    async def pods(self, prefix: str = "") -> list[str]:
        """Names of pods that are not ending."""
        return [name for name in await self.names("pods") if name.startswith(prefix)]

    async def say_ready(self) -> None:
        """Say again that all pods are ready.

        An outage of the API server has their nodes look dead, and them not ready; a kubelet puts that right afterwards,
        fake nodes don't.
        """
        for name in await self.pods():
            body = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            path = self.path("pods", name) + "/status"
            await self.api.request("PATCH", path, body=body, content_type=_STRATEGIC)

    async def node_of(self, pod: str) -> str:
        """The node that a pod is on."""
        found = await self.get("pods", pod)
        assert found is not None
        return str(found["spec"]["nodeName"])

    async def events(self) -> list[tuple[str, str]]:
        """Reason and message of the events that the operator has posted."""
        found = await self.every("events")
        return [
            (each["reason"], each["message"])
            for each in found
            if each.get("source", {}).get("component") == "metdc-operator"
        ]

    async def slot(self, name: str) -> str:
        """The slot in a Deployment's template; empty without one."""
        found = await self.get("deployments", name)
        if found is None:
            return ""
        annotations: dict[str, str] = found["spec"]["template"]["metadata"]["annotations"]
        return annotations["metdc.io/rotation-slot"]

    async def generation(self, name: str) -> int:
        """How often the spec of a Deployment has been written."""
        found = await self.get("deployments", name)
        assert found is not None
        return int(found["metadata"]["generation"])

    async def settled(self, *names: str) -> bool:
        """Whether these Deployments are rolled out, with nothing left of before."""
        for name in names:
            found = await self.get("deployments", name)
            if found is None:
                return False
            status, wanted = found.get("status", {}), found["spec"]["replicas"]
            counts = [status.get(each, 0) for each in ("replicas", "updatedReplicas", "availableReplicas")]
            if status.get("observedGeneration") != found["metadata"]["generation"] or counts != [wanted] * 3:
                return False
        return True

    @asynccontextmanager
    async def operator(
        self, *flags: str, installation: Mapping[str, Any] | None = None, behind: float = 0, everywhere: bool = False
    ) -> AsyncIterator["Process"]:
        """Run an operator for this namespace, or for all, until the block ends; its clock may be seconds behind."""
        served = () if everywhere else ("--namespaces", self.namespace)
        process = await Process.start(self, (*served, *flags), installation or {}, behind)
        try:
            yield process
        finally:
            await process.stop()


@dataclass
class Process:
    """An operator as a process."""

    child: asyncio.subprocess.Process
    port: int
    log: Path

    @classmethod
    async def start(
        cls, world: World, flags: tuple[str, ...], installation: Mapping[str, Any], behind: float
    ) -> "Process":
        """Start one that acts as the world's account."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        count = len(world.operators)
        given = world.folder / f"{world.namespace}-{count}.yaml"
        log = world.folder / f"{world.namespace}-{count}.log"
        defaults = {"operator": world.namespace, "image": "metdc/collector:dev", "nats": {"urls": ["nats://nats:4222"]}}
        given.write_text(yaml.safe_dump(defaults | dict(installation)), encoding="utf-8")
        command = [sys.executable, "-m", "tests.cluster.operator.process", str(world.stub.port)]
        command += ["--lease-namespace", world.namespace]
        command += ["--installation", str(given), "--listen", f"127.0.0.1:{port}"]
        command += ["--identity", f"operator-{count}", "--log-format", "text", *flags]
        environment = {**os.environ, "KUBECONFIG": str(world.kubeconfig), BEHIND: str(behind)}
        with log.open("wb") as sink:
            child = await asyncio.create_subprocess_exec(*command, stderr=sink, stdout=sink, cwd=ROOT, env=environment)
        process = cls(child, port, log)
        world.operators.append(process)
        await until(process.answers, why="the operator answers")
        return process

    async def answers(self) -> bool:
        """Whether its port answers."""
        try:
            await self.get("/healthz")
        except aiohttp.ClientError:
            return False
        return True

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, if it has not ended yet; return its exit code."""
        if self.child.returncode is None:
            self.child.send_signal(how)
        return await self.child.wait()

    async def get(self, path: str) -> tuple[int, str]:
        """Ask its own port."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def metric(self, name: str) -> float:
        """A metric without labels, or with those that the name gives."""
        return (await self.metrics(name))[""]

    async def metrics(self, name: str) -> dict[str, float]:
        """All values of a metric, by their labels as they are written: ``{urgency="edit"}``."""
        _, text = await self.get("/metrics")
        lines = [
            line.removeprefix(name).rsplit(" ", 1)
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        ]
        return {labels: float(value) for labels, value in lines}


async def until(
    what: Callable[[], Awaitable[Any]], *, within: float = 60.0, every: float = 0.25, why: str | Callable[[], str]
) -> Any:
    """Wait until something is true and return it; fail after ``within`` seconds, saying what was waited for."""
    end = time.monotonic() + within
    while True:
        found = await what()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"not within {within:g} s: {why if isinstance(why, str) else why()}")
        await asyncio.sleep(every)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A namespace that is gone afterwards, with the definition in the cluster."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG names no cluster; tests/cluster needs a real one")
    async with new_world(tmp_path) as found:
        yield found


@asynccontextmanager
async def new_world(folder: Path) -> AsyncIterator[World]:
    """Make a namespace and delete it; what operators are told and log goes into the folder."""
    api = await Api.connect()
    namespace = f"{os.environ.get('METDC_CLUSTER_PREFIX', 'metdc-test')}-op-{uuid.uuid4().hex[:5]}"
    await _define(api)
    await _make(api, namespace)
    stub = Stub(namespace)
    await stub.start()
    try:
        account = Account(api, namespace)
        async with account.made(folder / f"{namespace}.kubeconfig") as kubeconfig:
            found = World(api, namespace, stub, folder, account, kubeconfig)
            try:
                yield found
            finally:
                for each in found.operators:
                    await each.stop(signal.SIGKILL)
                    print(f"--- {each.log.name}\n{each.log.read_text(errors='replace')[-6000:]}")
    finally:
        await stub.stop()
        await _delete(api, namespace)
        await api.close()


async def _make(api: Api, namespace: str) -> None:
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": namespace, "labels": LABELS}})


async def _delete(api: Api, namespace: str) -> None:
    await api.request("DELETE", f"/api/v1/namespaces/{namespace}", body={"propagationPolicy": "Background"})


def _node(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A node that kwok keeps alive; the taint is that of all fake nodes."""
    size = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    marks = {"labels": dict(labels), "annotations": {"kwok.x-k8s.io/node": "fake"}}
    taint = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
    return {
        "metadata": {"name": name, **marks},
        "spec": {"taints": [taint]},
        "status": {"allocatable": size, "capacity": size},
    }


async def _define(api: Api) -> None:
    """Apply the definitions that are not there."""
    for file in sorted((ROOT / "crds").glob("*.metdc.io.yaml")):
        path = f"{_CRDS}/{file.stem}"
        try:
            await api.request("GET", path)
        except ApiError as error:
            if error.status != 404:
                raise
            body = yaml.safe_load(file.read_text(encoding="utf-8"))
            query = {"fieldManager": "tests", "force": "true"}
            await api.request("PATCH", path, query=query, body=body, content_type=APPLY)
            await asyncio.sleep(1)
