"""Asking one REST address again and again: only for what has changed, and ever more rarely while it fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.rest import Rest, RestError

log = logging.getLogger(__name__)
_SAMPLE_BYTES = 300
# What a venue, or the network before it, says to whom it wants to see less of.
_UNWANTED = frozenset({403, 418, 429})


@dataclass(slots=True)
class Figures:
    """Counts of one source, and how it is.

    Attributes:
        asked: requests, or frames received.
        failed: requests that gave no usable reply, or connections that ended.
        malformed: of these, replies that were not what was asked for; or frames, or rows.
        answered: when it last gave a usable answer, ns since the epoch; null before the first.
        problem: why it gives none now, in words; null while it does.
    """

    asked: int = 0
    failed: int = 0
    malformed: int = 0
    answered: int | None = None
    problem: str | None = "not asked yet"

    def sample(self, name: str, problem: str, data: bytes) -> None:
        """Count something malformed; the 1st, 2nd, 4th, 8th, … is a sample for the log."""
        self.malformed += 1
        if self.malformed & (self.malformed - 1) == 0:
            log.warning("%s: malformed no. %d: %s: %r", name, self.malformed, problem, data[:_SAMPLE_BYTES])


def pause(failures: int, error: RestError | InvalidReply | None, interval: float, timers: Timers) -> float:
    """Return for how many seconds to leave an address alone after so many failures in a row, the last of them this.

    The ``interval`` (s) doubles up to a minute, or up to the pause for a refused region where the address is not wanted
    there (403, 418, 429); it is never shorter than what the venue asks for.
    """
    if error is None:
        return interval
    unwanted = isinstance(error, RestError) and (error.region or error.status in _UNWANTED)
    most = timers.region_block if unwanted else timers.rest_retry_most
    asked = error.retry_after if isinstance(error, RestError) else None
    return max(asked or 0.0, min(most, interval * 2.0 ** min(failures, 20)))


@dataclass(slots=True, eq=False)
class Poll:
    """Asks for one thing until cancelled.

    Attributes:
        name: what it is, for log and metrics.
        request: makes the request, for the ``ETag`` of what is known, if anything is.
        take: takes the body of a reply that holds something else than the one before; returns whether it was whole: a
            ``ETag`` may be that of the list as the venue has it, whatever came of it.
        looked: called with the time (ns) of a request by whose reply all is known that was there then: a whole one, or
            one that says that nothing has changed.
        remedy: the option that leads to another address.
        interval: seconds from one request to the next.
    """

    name: str
    rest: Rest
    request: Callable[[str | None], Request]
    take: Callable[[bytes], Awaitable[bool]]
    looked: Callable[[int], None]
    remedy: str
    interval: float
    clock: Clock
    timers: Timers
    figures: Figures = field(default_factory=Figures)
    _failures: int = 0
    _etag: str | None = None
    _soon: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Ask, and ask again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._soon.clear()
            began = loop.time()
            again = await self.once() + began
            try:
                async with asyncio.timeout_at(again):
                    await self._soon.wait()
            except TimeoutError:
                continue

    def hurry(self) -> None:
        """Ask at once, unless the last request failed: then its pause holds."""
        if not self._failures:
            self._soon.set()

    async def once(self) -> float:
        """Ask once; return how many seconds after that to ask again."""
        asked, body = self.clock.now(), b""
        self.figures.asked += 1
        try:
            reply = await self.rest.ask(self.request(self._etag))
            body = reply.body
            whole = reply.status != 200 or await self.take(body)
            if reply.status == 200:
                self._etag = reply.headers.get("etag") if whole else None
            if whole:
                self.looked(asked)
        except (RestError, InvalidReply) as error:
            return self._fail(error, body)
        if self._failures:
            log.info("%s: answers again", self.name)
        self._failures, self.figures.problem, self.figures.answered = 0, None, self.clock.now()
        return pause(0, None, self.interval, self.timers)

    def _fail(self, error: RestError | InvalidReply, body: bytes) -> float:
        self._failures += 1
        self.figures.failed += 1
        wait = pause(self._failures, error, self.interval, self.timers)
        problem = str(error).replace("spec.endpoints", self.remedy)
        if isinstance(error, InvalidReply):
            self.figures.sample(self.name, problem, body)
        elif problem != self.figures.problem:
            log.warning("%s: %s; asked again in %.0f s", self.name, problem, wait)
        self.figures.problem = problem
        return wait
