"""Raw requests to the API server: bytes in, plain objects out; model classes would cost time and 26 MiB."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

TIMEOUT = 20.0
_PAGE = 100
_PARALLEL = 16
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused, or could not be asked; ``status`` is the HTTP status, 0 when there was no answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(message)

    @property
    def retryable(self) -> bool:
        """Whether asking again may help without anything being changed."""
        return self.status in {0, 409, 429} or self.status >= 500


class Api:
    """One connection pool to the API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls) -> "Api":
        """Take the credentials of the pod, else those that KUBECONFIG names.

        Raises:
            ConfigException: when there are none.
        """
        configuration = Configuration()
        try:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        except ConfigException:
            await load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.connection_pool_maxsize = _PARALLEL
        configuration.disable_strict_ssl_verification = True  # as for the watches: metdc_operator.cluster.login
        client = ApiClient(configuration)
        client.user_agent = "metdc-operator"
        return cls(client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
    ) -> dict[str, Any]:
        """Return the answer's object.

        Raises:
            ApiError: when the API server refuses, or does not answer in time.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            serialized = await self._client.param_serialize(
                method,
                target,
                header_params={"Accept": JSON, "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = await self._client.call_api(*serialized, _request_timeout=TIMEOUT)
            data = await answer.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, "NoAnswer", f"{method} {path}: {error or type(error).__name__}") from error
        if answer.status >= 300:
            raise _refusal(answer.status, data, f"{method} {path}")
        found: dict[str, Any] = orjson.loads(data)
        return found

    async def pages(self, path: str, *, selector: str = "") -> AsyncIterator[dict[str, Any]]:
        """Yield a list page by page; each has ``items`` and the list's resource version.

        Raises:
            ApiError: as :meth:`request`.
        """
        query = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self.request("GET", path, query=query)
            yield page
            more = page["metadata"].get("continue")
            if not more:
                return
            query["continue"] = more


def _refusal(status: int, data: bytes, what: str) -> ApiError:
    try:
        told = json.loads(data)
        return ApiError(status, told.get("reason", ""), f"{what}: {told.get('message', '')}")
    except (ValueError, AttributeError):
        return ApiError(status, "", f"{what}: {status} {data[:200].decode(errors='replace')}")
