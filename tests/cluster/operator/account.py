"""The ServiceAccount that operators under test act as, with the rights of config/base/rbac.yaml and no others.

An operator that needs more than its role grants is refused here as it would be in its pod.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from metdc_operator.cluster.api import Api

NAME = "metdc-operator"
ROLES = Path(__file__).resolve().parents[3] / "config" / "base" / "rbac.yaml"
_GROUP = "rbac.authorization.k8s.io"
_VALID = 7200
"""Seconds for which a token is good."""
Json = dict[str, Any]


def rules(kind: str) -> list[Json]:
    """The rules of config/base: ``ClusterRole`` for the resources that are served, ``Role`` for the Lease."""
    documents: Iterator[Json] = yaml.safe_load_all(ROLES.read_text(encoding="utf-8"))
    found: list[Json] = next(each["rules"] for each in documents if each["kind"] == kind)
    return found


def user(namespace: str) -> str:
    """The account of a namespace as the API server calls it."""
    return f"system:serviceaccount:{namespace}:{NAME}"


@dataclass(frozen=True, slots=True)
class Account:
    """The account of one namespace."""

    api: Api
    namespace: str

    @asynccontextmanager
    async def made(self, kubeconfig: Path) -> AsyncIterator[Path]:
        """Make it, and write the file by which a process acts as it.

        It may do in its own namespace what config/namespaced grants; nodes are of none, so they need a grant of the
        cluster.
        """
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        await self.api.request("POST", path, body={"metadata": {"name": NAME}})
        nodes = [each for each in rules("ClusterRole") if each["resources"] == ["nodes"]]
        rest = [each for each in rules("ClusterRole") if each not in nodes]
        await self._grant("Role", NAME, rest + rules("Role"))
        asked = {"spec": {"expirationSeconds": _VALID}}
        token = (await self.api.request("POST", f"{path}/{NAME}/token", body=asked))["status"]["token"]
        _write(kubeconfig, token)
        async with self._granted(f"{self.namespace}-nodes", nodes):
            yield kubeconfig

    @asynccontextmanager
    async def everywhere(self) -> AsyncIterator[None]:
        """Let it do for a while in all namespaces what config/base grants."""
        async with self._granted(f"{self.namespace}-all", rules("ClusterRole")):
            yield

    @asynccontextmanager
    async def _granted(self, name: str, granted: list[Json]) -> AsyncIterator[None]:
        await self._grant("ClusterRole", name, granted)
        try:
            yield
        finally:
            for plural in ("clusterrolebindings", "clusterroles"):
                await self.api.request("DELETE", f"/apis/{_GROUP}/v1/{plural}/{name}")

    async def _grant(self, kind: str, name: str, granted: list[Json]) -> None:
        scope = f"/namespaces/{self.namespace}" if kind == "Role" else ""
        where = f"/apis/{_GROUP}/v1{scope}/{kind.lower()}"
        await self.api.request("POST", f"{where}s", body={"metadata": {"name": name}, "rules": granted})
        body = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": self.namespace}],
        }
        await self.api.request("POST", f"{where}bindings", body=body)


def _write(path: Path, token: str) -> None:
    """Write a file that leads to the cluster of KUBECONFIG with a token."""
    given: Json = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
    context = next(each["context"] for each in given["contexts"] if each["name"] == given["current-context"])
    cluster = next(each for each in given["clusters"] if each["name"] == context["cluster"])
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": cluster["name"], "user": NAME}}],
        "clusters": [cluster],
        "users": [{"name": NAME, "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(made), encoding="utf-8")
    path.chmod(0o600)
