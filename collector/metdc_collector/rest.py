"""The one HTTP client: a venue's REST replies, within its budget, with errors that say what to do."""

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import urllib3

from metdc_collector.exchanges.base import NONE_KNOWN, Listing, Request, Venue
from metdc_collector.limits import Budget, Sleep
from metdc_collector.tap import Tap
from metdc_collector.wire.instrument import Instrument

_TIMEOUT = urllib3.Timeout(connect=5, read=20)
# As many as may be under way at once: connections that ask for their addresses all start together.
_POOL = 10
_MOST_BYTES = 64 * 1024 * 1024
# A cursor that never ends would be followed for ever.
_MOST_PAGES = 50
_NO_HEADERS: Mapping[str, str] = {}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Five digits are more than a day; a ban that lasts longer is asked about again before its end.
_SECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)
_OBJECT = re.compile(r"^(<[^>]*>|HTTPS?Connection(Pool)?\([^)]*\)): ")


class RestError(Exception):
    """A request that gave no usable reply; the text says which address, what came, and what it means.

    Attributes:
        status: HTTP status, null where no reply came.
        retry_after: seconds that the venue asks to wait, null where it doesn't.
        region: the venue refuses this client's region.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None, region: bool = False
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.region = region
        super().__init__(message)


class Rest:
    """REST requests to one venue's base address."""

    def __init__(
        self,
        base: str,
        *,
        weight: Budget,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        sleep: Sleep = asyncio.sleep,
        tap: Tap | None = None,
    ) -> None:
        self._base = base
        self._tap = tap
        self._weight = weight
        self._sleep = sleep
        # Gzip is asked for, redirects are refused: a venue's answer comes from the address that was configured.
        self._pool = urllib3.PoolManager(
            maxsize=_POOL,
            retries=False,
            timeout=_TIMEOUT,
            ssl_context=tls,
            headers={"Accept-Encoding": "gzip", "User-Agent": "metdc", **headers},
        )

    async def get(self, request: Request) -> bytes:
        """Return the body of a reply with status 200.

        Raises:
            RestError: for anything else.
        """
        await self._sleep(self._weight.take(request.weight))
        body = await _aside(lambda: self._get(request))
        if self._tap is not None:
            self._tap.replied(self._base + request.path, body)
        return body

    async def listing(self, venue: Venue, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Return a market's instrument list, page by page; ``known`` as :meth:`Venue.listing` takes it.

        Raises:
            RestError: when a page doesn't come.
            InvalidListing: when one is something else.
        """
        pages: list[bytes] = []
        request: Request | None = venue.listing_request()
        while request is not None and len(pages) < _MOST_PAGES:
            pages.append(await self.get(request))
            request = venue.next_page(pages[-1])
        # Off the loop: a list of 15 MB takes a fraction of a second, and probes must be answered meanwhile.
        return await asyncio.to_thread(venue.listing, *pages, known=known)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _get(self, request: Request) -> bytes:
        url = self._base + request.path
        try:
            reply = self._pool.request(request.method, url, preload_content=False)
            try:
                body = reply.read(_MOST_BYTES + 1)
            finally:
                reply.close()  # nothing for a whole reply; what is left of another must not meet the next request
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RestError(f"{url}: no reply: {_plain(error)}") from error
        if reply.status != 200:
            raise refusal(url, reply.status, dict(reply.headers), body)
        if len(body) > _MOST_BYTES:
            raise RestError(f"{url}: the reply is longer than {_MOST_BYTES} bytes")
        return body


async def _aside(work: Callable[[], bytes]) -> bytes:
    """Do blocking work in a thread that nobody waits for: a venue that hangs must not keep a process from its end."""
    future: Future[bytes] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:  # whatever it is, it belongs to the caller
            future.set_exception(error)

    threading.Thread(target=run, name="rest", daemon=True).start()
    return await asyncio.wrap_future(future)


def refusal(url: str, status: int, headers: dict[str, str], body: bytes) -> RestError:
    """Return the error for a reply with another status than 200.

    451, and 403 from a content network, refuse the client's region (observed on Binance and Bybit); 429 and 418 are the
    rate limit and the ban that follows it, with ``Retry-After`` in seconds (Binance).
    """
    text = body[:200].decode(errors="replace").strip() or "empty body"
    lowered = {name.lower(): value for name, value in headers.items()}
    if is_region_block(status, lowered.get("server", ""), body):
        return RestError(
            f"{url}: HTTP {status}: the venue refuses this region; set spec.endpoints to a gateway elsewhere: {text}",
            status=status,
            region=True,
        )
    meaning = {429: "too many requests", 418: "banned for too many requests", 403: "refused"}.get(status, "error")
    if status in _REDIRECTS:
        meaning = f"redirect to {lowered.get('location', 'nowhere')}, which is not followed; set spec.endpoints"
    after = _SECONDS.fullmatch(lowered.get("retry-after", ""))
    wait = float(after[0]) if after else None
    return RestError(f"{url}: HTTP {status}: {meaning}: {text}", status=status, retry_after=wait)


def is_region_block(status: int, server: str, body: bytes | bytearray) -> bool:
    """Whether an HTTP refusal means the client's region: 451, or a content network's 403, by its header or its page."""
    return status == 451 or (status == 403 and ("cloudfront" in server.lower() or b"cloudfront" in body.lower()))


def _plain(error: Exception) -> str:
    """Return the cause in words: urllib3 puts the object before them, and after them the error beneath."""
    return _OBJECT.sub("", str(error.args[0] if error.args else type(error).__name__))
