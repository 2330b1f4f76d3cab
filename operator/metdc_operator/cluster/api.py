"""Raw requests to the API server: bytes in, plain objects out; a client library would cost time and 20 MiB."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import kopf
import orjson

from metdc_operator.cluster.login import Connection, login

TIMEOUT = 20.0
_PAGE = 100
_PARALLEL = 8
"""Requests at once; each connection has a buffer of 256 KiB for TLS."""
_UNAUTHORIZED = 401
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

    def __init__(self, connection: Connection) -> None:
        self._server = connection.server.rstrip("/")
        self._credentials = connection.as_http_headers()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_PARALLEL, ssl=connection.as_ssl_context()),
            headers={"Accept": JSON, "User-Agent": "metdc-operator"},
            proxy=connection.proxy_url,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        )

    @classmethod
    async def connect(cls) -> "Api":
        """Take the credentials of the pod, else those that KUBECONFIG names.

        Raises:
            kopf.LoginError: when there are none.
        """
        return cls(_credentials())

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

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
        data = orjson.dumps(body) if body is not None else None
        try:
            status, answer = await self._ask(method, target, data, content_type)
            if status == _UNAUTHORIZED:  # the token in a pod's file is another one every hour
                self._credentials = _credentials().as_http_headers()
                status, answer = await self._ask(method, target, data, content_type)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, "NoAnswer", f"{method} {path}: {error or type(error).__name__}") from error
        if status >= 300:
            raise _refusal(status, answer, f"{method} {path}")
        found: dict[str, Any] = orjson.loads(answer)
        return found

    async def _ask(self, method: str, target: str, data: bytes | None, content_type: str) -> tuple[int, bytes]:
        headers = self._credentials | {"Content-Type": content_type}
        async with self._session.request(method, self._server + target, data=data, headers=headers) as answer:
            return answer.status, await answer.read()

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


def _credentials() -> Connection:
    found = login(settings=kopf.OperatorSettings())
    if found is None:
        raise kopf.LoginError("no credentials for a cluster: this is no pod with a token, and KUBECONFIG names no file")
    return found


def _refusal(status: int, data: bytes, what: str) -> ApiError:
    try:
        told = json.loads(data)
        return ApiError(status, told.get("reason", ""), f"{what}: {told.get('message', '')}")
    except (ValueError, AttributeError):
        return ApiError(status, "", f"{what}: {status} {data[:200].decode(errors='replace')}")
