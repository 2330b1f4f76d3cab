"""The calls that the operator makes, each with the verb and the resource that its role has to grant."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from metdc_operator.cluster.api import APPLY, MERGE, Api, ApiError
from metdc_operator.manifests.names import LABEL_CAPTURE, LABEL_MANAGER, LABEL_OPERATOR, MANAGER

STATUS_MANAGER = "metdc-operator-status"
COLLECTORS = "/apis/metdc.io/v1alpha1"
_GROUPS = {
    "collectors": (COLLECTORS, "exchangecollectors"),
    "deployments": ("/apis/apps/v1", "deployments"),
    "pods": ("/api/v1", "pods"),
    "budgets": ("/apis/policy/v1", "poddisruptionbudgets"),
    "policies": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "nodes": ("/api/v1", "nodes"),
    "captures": (COLLECTORS, "listingcaptures"),
    "jobs": ("/apis/batch/v1", "jobs"),
}
SHELVES = {
    "ExchangeCollector": "collectors",
    "ListingCapture": "captures",
    "Deployment": "deployments",
    "PodDisruptionBudget": "budgets",
    "NetworkPolicy": "policies",
    "Job": "jobs",
}
"""Where the objects of a kind are kept."""
_OURS = ("deployments", "pods", "budgets", "policies")


class Calls:
    """The API server, as the operator uses it."""

    def __init__(self, api: Api, *, operator: str) -> None:
        """``operator`` is the installation's name: only what carries it is listed, pods and other children."""
        self._api = api
        self._selector = selector(operator)

    async def pages(self, shelf: str, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        """Yield all objects of a kind in a namespace, or everywhere, page by page.

        Raises:
            ApiError: when they can't be had.
        """
        path = _path(shelf, None if shelf == "nodes" else namespace)
        async for page in self._api.pages(path, selector=self._selector if shelf in _OURS else ""):
            yield page

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, null when there is none.

        Raises:
            ApiError: when it can't be had.
        """
        try:
            return await self._api.request("GET", _path(SHELVES[kind], namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def apply(self, kind: str, body: Mapping[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """Write an object as a whole, and return what it then is; ``dry`` only tells what it would be.

        Raises:
            ApiError: when it is refused.
        """
        query = {"fieldManager": MANAGER, "force": "true"} | ({"dryRun": "All"} if dry else {})
        return await self._api.request("PATCH", _of(kind, body), query=query, body=body, content_type=APPLY)

    async def adjust(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the fields that the body names, and return what the object then is.

        Raises:
            ApiError: when it is refused.
        """
        return await self._api.request(
            "PATCH", _of(kind, body), query={"fieldManager": MANAGER}, body=body, content_type=MERGE
        )

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Delete an object and what it owns, if it is still the one with that uid.

        Raises:
            ApiError: when it is refused.
        """
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._api.request("DELETE", _path(SHELVES[kind], namespace, name), body=body)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    async def pods_of(self, namespace: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the pods with these labels.

        Raises:
            ApiError: when they can't be had.
        """
        wanted = ",".join(f"{name}={value}" for name, value in labels.items())
        found: list[dict[str, Any]] = []
        async for page in self._api.pages(_path("pods", namespace), selector=wanted):
            found += page["items"]
        return found

    async def write_status(
        self, namespace: str, name: str, status: Mapping[str, Any], *, kind: str = "ExchangeCollector"
    ) -> dict[str, Any]:
        """Write a resource's status, and return the resource.

        Raises:
            ApiError: when it is refused.
        """
        body = {
            "apiVersion": "metdc.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "status": status,
        }
        query = {"fieldManager": STATUS_MANAGER, "force": "true"}
        path = f"{_path(SHELVES[kind], namespace, name)}/status"
        return await self._api.request("PATCH", path, query=query, body=body, content_type=APPLY)

    async def post_event(self, namespace: str, event: Mapping[str, Any]) -> None:
        """Post an event about a resource.

        Raises:
            ApiError: when it is refused.
        """
        await self._api.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)

    async def events_of(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """Return the events about one object.

        Raises:
            ApiError: when they can't be had.
        """
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": "50"}
        answer = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/events", query=query)
        found: list[dict[str, Any]] = answer["items"]
        return found


def selector(operator: str) -> str:
    """Return the label selector of what an installation has made of collectors."""
    return f"{LABEL_MANAGER}={MANAGER},{LABEL_OPERATOR}={operator},!{LABEL_CAPTURE}"


def _path(shelf: str, namespace: str | None, name: str = "") -> str:
    group, plural = _GROUPS[shelf]
    scope = f"/namespaces/{namespace}" if namespace is not None else ""
    return f"{group}{scope}/{plural}" + (f"/{name}" if name else "")


def _of(kind: str, body: Mapping[str, Any]) -> str:
    return _path(SHELVES[kind], body["metadata"]["namespace"], body["metadata"]["name"])
