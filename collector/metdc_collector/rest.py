"""The one HTTP client: a venue's REST replies, within its budget, with errors that say what to do."""

import asyncio

import urllib3

from metdc_collector.exchanges.base import Request
from metdc_collector.limits import Budget, Sleep

_TIMEOUT = urllib3.Timeout(connect=5, read=20)
_MOST_BYTES = 64 * 1024 * 1024


class RestError(Exception):
    """A request that gave no usable reply; the text says which address, what came, and what it means.

    Attributes:
        retry_after: seconds that the venue asks to wait, null where it doesn't.
        region: the venue refuses this client's region.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, region: bool = False) -> None:
        self.retry_after = retry_after
        self.region = region
        super().__init__(message)


class Rest:
    """REST requests to one venue's base address."""

    def __init__(self, base: str, *, weight: Budget, sleep: Sleep = asyncio.sleep) -> None:
        self._base = base
        self._weight = weight
        self._sleep = sleep
        # Gzip is asked for, redirects are refused: a venue's answer comes from the address that was configured.
        self._pool = urllib3.PoolManager(
            maxsize=2, retries=False, timeout=_TIMEOUT, headers={"Accept-Encoding": "gzip", "User-Agent": "metdc"}
        )

    async def get(self, request: Request) -> bytes:
        """Return the body of a reply with status 200.

        Raises:
            RestError: for anything else.
        """
        await self._sleep(self._weight.take(request.weight))
        return await asyncio.to_thread(self._get, request)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _get(self, request: Request) -> bytes:
        url = self._base + request.path
        try:
            reply = self._pool.request(request.method, url, preload_content=False)
            try:
                body = reply.read(_MOST_BYTES)
            finally:
                reply.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RestError(f"{url}: no reply: {_plain(error)}") from error
        if reply.status != 200:
            raise refusal(url, reply.status, dict(reply.headers), body)
        return body


def refusal(url: str, status: int, headers: dict[str, str], body: bytes) -> RestError:
    """Return the error for a reply with another status than 200.

    451, and 403 from a content network, refuse the client's region (observed on Binance and Bybit); 429 and 418 are the
    rate limit and the ban that follows it, with ``Retry-After`` in seconds (Binance).
    """
    text = body[:200].decode(errors="replace").strip() or "empty body"
    lowered = {name.lower(): value for name, value in headers.items()}
    retry_after = lowered.get("retry-after", "")
    if status == 451 or (status == 403 and "cloudfront" in (text + lowered.get("server", "")).lower()):
        return RestError(
            f"{url}: HTTP {status}: the venue refuses this region; set spec.endpoints to a gateway elsewhere: {text}",
            region=True,
        )
    meaning = {429: "too many requests", 418: "banned for too many requests", 403: "refused"}.get(status, "error")
    return RestError(
        f"{url}: HTTP {status}: {meaning}: {text}", retry_after=float(retry_after) if retry_after.isdigit() else None
    )


def _plain(error: Exception) -> str:
    """Return the innermost cause in words: urllib3 wraps it twice, with addresses of objects."""
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None)) is not None and isinstance(inner, BaseException):
        cause = inner
    return str(cause).rsplit(": ", 1)[-1] or type(cause).__name__
