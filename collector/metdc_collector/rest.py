"""The one HTTP client: a venue's REST replies, within its budget, with errors that say what to do."""

import asyncio
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from fractions import Fraction
from typing import NamedTuple

import urllib3

from metdc_collector.exchanges.base import NONE_KNOWN, Listing, Request, Venue
from metdc_collector.exchanges.manners import retry_after
from metdc_collector.limits import Budget, Sleep
from metdc_collector.tap import Tap
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
_TIMEOUT = urllib3.Timeout(connect=5, read=20)
# As many as may be under way at once: connections that ask for their addresses all start together.
_POOL = 10
_MOST_BYTES = 64 * 1024 * 1024
# A cursor that never ends would be followed for ever.
_MOST_PAGES = 50
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BANNED = 418
_UNCHANGED = 304
_FOR_CONNECTIONS = Fraction(1, 4)
# A clock of doubles may wake a nanosecond early; to sleep for less than this would not pass the time.
_LEAST_WAIT = 0.001
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


class Reply(NamedTuple):
    """A whole reply; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Rest:
    """REST requests to one venue's base address.

    An order of the venue to stop holds for the whole client: until its end each request fails at once, without having
    been sent, with the rest of the time as :attr:`RestError.retry_after`. Who asks knows what to do meanwhile, and a
    wait of minutes would look like a venue that hangs. A ban (418) holds new connections too.
    """

    def __init__(
        self,
        base: str,
        *,
        venue: Venue,
        weight: Budget,
        connects: Budget | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Sleep = asyncio.sleep,
        tap: Tap | None = None,
        key: str | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``connects`` is the budget of new connections, where there are any; ``wall`` gives the Unix time in s.

        ``key`` is the venue's API key, which keyed requests carry and nothing tells of.
        """
        self._base = base
        self._tap = tap
        self._venue = venue
        self._weight = weight
        self._connects = connects
        self._sleep = sleep
        self._wall = wall
        self._key = key
        self._turn = asyncio.Lock()
        self._stopped = 0
        # Of the budget, this part is kept for what live connections need.
        self._spare = _FOR_CONNECTIONS if venue.handshake is not None else Fraction(0)
        # Gzip is asked for, redirects are refused: a venue's answer comes from the address that was configured.
        self._pool = urllib3.PoolManager(
            maxsize=_POOL,
            retries=False,
            timeout=_TIMEOUT,
            ssl_context=tls,
            headers={"Accept-Encoding": "gzip", "User-Agent": "metdc", **venue.headers},
        )

    async def get(self, request: Request) -> bytes:
        """Return the body of a reply with status 200; urgent requests go first.

        Raises:
            RestError: for anything else; for a keyed request also where there is no key.
        """
        return (await self.ask(request)).body

    async def ask(self, request: Request) -> Reply:
        """Return a reply with status 200, or 304 where the request says what is known already.

        Raises:
            RestError: as :meth:`get`.
        """
        url = self._base + request.path
        headers = self._headers(request)
        self._check(url)
        if request.urgent:
            await self._sleep(self._weight.take(request.weight))
        else:
            async with self._turn:
                while (wait := self._weight.wait(request.weight, spare=self._spare)) > 0:
                    await self._sleep(max(wait, _LEAST_WAIT))
                    self._check(url)
                self._weight.take(request.weight)
        self._check(url)
        reply = await _aside(lambda: self._get(request.method, url, headers))
        left = self._venue.left(reply.headers)
        if left is not None:
            self._weight.heed(left)
        if reply.status == _UNCHANGED and request.unless is not None:
            return reply
        if reply.status != 200:
            raise self.refused(url, reply)
        if len(reply.body) > _MOST_BYTES:
            raise RestError(f"{url}: the reply is longer than {_MOST_BYTES} bytes")
        if self._tap is not None:
            self._tap.replied(url, reply.body)
        return reply

    def refused(self, url: str, reply: Reply, *, connecting: bool = False) -> RestError:
        """Return the error for a reply that is none of use, and keep to its order to stop.

        ``connecting`` says that it refused a WebSocket: then it is new connections that stop.
        """
        pause = self._venue.pause(reply.status, reply.headers, reply.body, self._wall())
        if pause is not None:
            if not connecting or reply.status == _BANNED:
                self._stop(self._weight, reply.status, pause)
            if self._connects is not None and (connecting or reply.status == _BANNED):
                self._connects.hold(pause)
        return refusal(url, reply, pause, self._venue.exchange)

    def _stop(self, budget: Budget, status: int, pause: float) -> None:
        if not budget.held:
            log.warning("%s: HTTP %d: no request for %.0f s, as the venue orders", self._base, status, pause)
        self._stopped = status
        budget.hold(pause)

    def _check(self, url: str) -> None:
        left = self._weight.held
        if left > 0:
            words = f"{url}: not asked: the venue's order to stop (HTTP {self._stopped}) still holds"
            raise RestError(words, status=self._stopped, retry_after=left)

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

    def _headers(self, request: Request) -> Mapping[str, str]:
        known = {} if request.unless is None else {"If-None-Match": request.unless}
        if not request.keyed:
            return known
        if self._key is None or self._venue.key_header is None:
            path = request.path.partition("?")[0]
            raise RestError(
                f"{self._base}{path}: wants an API key; name its Secret in spec.exchangeCredentialsSecretRef"
            )
        return {self._venue.key_header: self._key, **known}

    def _get(self, method: str, url: str, headers: Mapping[str, str]) -> Reply:
        try:
            # Headers of a request replace those of the pool.
            every = {**self._pool.headers, **headers}
            reply = self._pool.request(method, url, headers=every, preload_content=False)
            try:
                body = reply.read(_MOST_BYTES + 1)
            finally:
                reply.close()  # nothing for a whole reply; what is left of another must not meet the next request
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RestError(f"{url}: no reply: {_plain(error)}") from error
        return Reply(reply.status, {name.lower(): value for name, value in reply.headers.items()}, body)


async def _aside(work: Callable[[], Reply]) -> Reply:
    """Do blocking work in a thread that nobody waits for: a venue that hangs must not keep a process from its end."""
    future: Future[Reply] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:  # whatever it is, it belongs to the caller
            future.set_exception(error)

    threading.Thread(target=run, name="rest", daemon=True).start()
    return await asyncio.wrap_future(future)


def refusal(url: str, reply: Reply, pause: float | None, exchange: str) -> RestError:
    """Return the error for a reply with another status than 200.

    ``pause`` is for how many seconds it orders to stop (:meth:`Venue.pause`). 451, and 403 from a content network,
    refuse the client's region (observed on Binance and Bybit), unless they order to stop: Bybit's limit says 403 too.
    """
    status, headers, body = reply
    text = body[:200].decode(errors="replace").strip() or "empty body"
    if pause is None and _is_region_block(status, headers.get("server", ""), body):
        remedy = "set spec.endpoints to a gateway elsewhere"
        return RestError(
            f"{url}: HTTP {status}: {exchange} refuses this region; {remedy}: {text}", status=status, region=True
        )
    meaning = "error" if pause is None else "too many requests"
    if status in _REDIRECTS:
        meaning = f"redirect to {headers.get('location', 'nowhere')}, which is not followed; set spec.endpoints"
    elif status == _BANNED:
        meaning = "banned for too many requests"
    elif status == 403 and pause is None:
        meaning = "refused"
    wait = retry_after(headers) if pause is None else pause
    return RestError(f"{url}: HTTP {status}: {meaning}: {text}", status=status, retry_after=wait)


def _is_region_block(status: int, server: str, body: bytes | bytearray) -> bool:
    """Whether an HTTP refusal means the client's region: 451, or a content network's 403, by its header or its page."""
    return status == 451 or (status == 403 and ("cloudfront" in server.lower() or b"cloudfront" in body.lower()))


def _plain(error: Exception) -> str:
    """Return the cause in words: urllib3 puts the object before them, and after them the error beneath."""
    return _OBJECT.sub("", str(error.args[0] if error.args else type(error).__name__))
