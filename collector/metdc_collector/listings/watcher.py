"""The watcher: notices, market list and socket in, one event a listing out, and a memory that outlives it."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from metdc_collector.access import within_limits
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import Endpoints, InvalidReply, Rate, Request, Rhythm
from metdc_collector.exchanges.upbit import SPOT, notices
from metdc_collector.exchanges.upbit.notices import Notice
from metdc_collector.health import Turning
from metdc_collector.limits import Budget
from metdc_collector.listings.listener import Key, Socket
from metdc_collector.listings.memory import Memory
from metdc_collector.listings.news import PREFIX, QUOTE, News
from metdc_collector.listings.orders import Orders
from metdc_collector.listings.polling import Figures, Poll
from metdc_collector.listings.teller import Teller
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.rest import Rest, RestError
from metdc_collector.session.policy import State
from metdc_collector.tasks import end, kept

log = logging.getLogger(__name__)
# An address that asks for something of the notices once in 6 s is said to be let be. So within eight intervals, 64 s,
# there are ten requests: one each, and two that come at once when there is news, for its body or a page behind.
_INTERVALS = 8
_REQUESTS = 10
_MOST_PAGES = 5
# A process that lives for weeks goes by the system's clock, which may be set.
_STEP = 100_000_000
_BODY_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to watch, and where to tell of it.

    Attributes:
        rest, web_socket: base addresses of Upbit's interface.
        announcements: base address of the notices.
        nats: where events go.
        key: opens the official socket; null for none.
        tls: by whom these addresses are trusted; null where none of them is encrypted.
        share: the part of each of Upbit's limits per address that may be used.
        captures: orders a capture of each event; null where none is wanted.
    """

    rest: str
    web_socket: str
    announcements: str
    nats: NatsSettings
    key: Key | None
    tls: ssl.SSLContext | None
    share: Fraction
    captures: Orders | None = None


class Watcher:
    """Watches until told to stop.

    Attributes:
        turning: whether its event loop turns.
        teller: tells what is found.
        captures: orders captures of it; null where none is wanted.
        announcements, markets: the two lists.
        socket: the official socket; null without a key.
    """

    def __init__(self, order: Order, *, clock: Clock, timers: Timers, rhythm: Rhythm) -> None:
        self.turning = Turning()
        self._clock, self._timers = clock, timers
        self._news = News(Memory(), patience=int(timers.notice * 1e9))
        self.captures = order.captures
        take = order.captures.take if order.captures is not None else None
        self.teller = Teller(order.nats, self._news, self._body, clock=clock, timers=timers, stored=take)
        steady = Clock()  # budgets last, whatever the system's clock does
        weight = Budget(Rate(_REQUESTS, _INTERVALS * timers.announcements), monotonic=lambda: steady.now() / 1e9)
        self._pages = Rest(order.announcements, venue=SPOT, weight=weight, tls=order.tls)
        endpoints = Endpoints(order.rest, order.web_socket)
        connects, self._rest = within_limits(SPOT, endpoints, share=order.share, clock=steady, tls=order.tls)
        self.announcements = Poll(
            "announcements",
            self._pages,
            _first_page,
            self._read,
            self._looked,
            "--announcements",
            timers.announcements,
            clock,
            timers,
        )
        self.markets = Poll(
            "markets",
            self._rest,
            _market_list,
            self._enter,
            lambda _: None,
            "--rest",
            timers.listings,
            clock,
            timers,
        )
        self.socket = None if order.key is None else self._socket(order, order.key, connects, rhythm)

    @property
    def figures(self) -> Mapping[str, Figures]:
        """Of each source that is watched, by its name."""
        found = {poll.name: poll.figures for poll in (self.announcements, self.markets)}
        return found if self.socket is None else found | {"socket": self.socket.figures}

    @property
    def not_understood(self) -> int:
        """How many notices nobody could make sense of, ever."""
        return self._news.memory.not_understood

    def waiting(self) -> list[str]:
        """What readiness waits for, in words.

        NATS; an answer of the market list within twelve of its intervals; and of the notices within as long, or their
        socket.
        """
        problem = self.teller.problem
        reasons = [] if problem is None else [f"NATS to take events ({problem})"]
        oldest = self._clock.now() - int(12 * self._timers.listings * 1e9)
        heard = self.socket is not None and self.socket.state is State.ACTIVE
        polls = (self.markets,) if heard else (self.announcements, self.markets)
        late = [poll for poll in polls if poll.figures.answered is None or poll.figures.answered < oldest]
        return [*reasons, *(f"the list of {poll.name} ({poll.figures.problem or 'it is old'})" for poll in late)]

    async def run(self, stop: asyncio.Event) -> bool:
        """Watch until ``stop`` is set; return whether all that was found is stored."""
        stopped = asyncio.create_task(stop.wait())
        link = asyncio.create_task(self.teller.link.run())
        tasks = [asyncio.create_task(kept(self._watch)), asyncio.create_task(self._turn())]
        try:
            done, _ = await asyncio.wait({stopped, link, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # these never end by themselves: whatever ended one is a fault of this program
            await end(tasks)
            return await self.teller.end()
        finally:
            await end((stopped, link, *tasks))
            await self.teller.close()
            self._rest.close()
            self._pages.close()

    async def _watch(self) -> None:
        """Learn what is known, then ask and listen until cancelled."""
        await self.teller.learn()
        works = [self.announcements.run, self.markets.run, self.teller.run]
        if self.socket is not None:
            works.append(self.socket.run)
        if self.captures is not None:
            works.append(self.captures.run)
        tasks = [asyncio.create_task(kept(work)) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            await end(tasks)

    async def _turn(self) -> None:
        while True:
            self.turning.mark()
            if abs(step := self._clock.stepped()) > _STEP:
                log.warning("the system clock stepped by %.3f s; it is followed", step / 1e9)
                self._clock.follow()
            await asyncio.sleep(1)

    def _socket(self, order: Order, key: Key, connects: Budget, rhythm: Rhythm) -> Socket:
        return Socket(
            order.web_socket,
            key,
            rest=self._rest,
            connects=connects,
            tls=order.tls,
            rhythm=rhythm,
            hear=self._hear,
            opened=self.announcements.hurry,
            clock=self._clock,
            timers=self._timers,
        )

    # -- what comes

    async def _read(self, body: bytes) -> bool:
        """Take the first page of the notices, and before it those behind it as far as they may hold news.

        All or none: a page that was taken is known, and nobody would ask for those behind it again.
        """
        found = [(notices.read_page(body), self._clock.now())]
        begun = self._news.memory.floor is not None
        for number in range(2, _MOST_PAGES + 1):
            if not begun or not self._news.goes_on(found[-1][0]):
                break
            body = await self._pages.get(notices.list_request(number))
            found.append((notices.read_page(body, number), self._clock.now()))
        for page, now in reversed(found):
            for row in page.damaged:
                self.announcements.figures.sample(self.announcements.name, "a row is damaged", row.encode())
            self.teller.take(self._news.read(page, now))
        return all(page.whole for page, _ in found)

    def _looked(self, asked: int) -> None:
        self.teller.take(self._news.unannounced(asked))

    async def _enter(self, body: bytes) -> bool:
        listing = await asyncio.to_thread(SPOT.listing, body)
        tickers = {name.removeprefix(PREFIX) for name, one in listing.instruments.items() if one.quote == QUOTE}
        if not tickers:
            raise InvalidReply("the market list holds no pair in KRW")
        self._news.enter(tickers, self._clock.now())
        self.teller.take([])
        return True

    def _hear(self, notice: Notice, edited: bool, now: int) -> None:
        """Take a notice of the socket; what an edit adds is told by the list, which knows what stood there before."""
        if not edited:
            self.teller.take(self._news.hear(notice, now))
        self.announcements.hurry()

    async def _body(self, notice: Notice, until: int) -> str | None:
        """Return the body of a notice, null where it can't be had; one that is refused is asked for until then (ns)."""
        while True:
            try:
                async with asyncio.timeout(_BODY_TIMEOUT):
                    return notices.read_body(await self._pages.get(notices.body_request(notice.number)))
            except (RestError, InvalidReply, TimeoutError) as error:
                wait = max(self._timers.announcements, _asked_wait(error))
                if not _may_come(error) or self._clock.now() + wait * 1e9 > until:
                    reason = str(error) or "no answer in time"
                    log.warning("notice %d: no body, so nobody knows when trading starts: %s", notice.number, reason)
                    return None
                log.info("notice %d: its body is asked for again in %.1f s: %s", notice.number, wait, error)
            await asyncio.sleep(wait)


def _may_come(error: Exception) -> bool:
    """Whether what was refused may be had later: too many requests, or a fault of the venue's."""
    return isinstance(error, RestError) and error.status is not None and (error.status == 429 or error.status >= 500)


def _asked_wait(error: Exception) -> float:
    """Return for how many seconds the venue asks to wait."""
    return (error.retry_after or 0.0) if isinstance(error, RestError) else 0.0


def _first_page(etag: str | None) -> Request:
    return notices.list_request(unless=etag)


def _market_list(etag: str | None) -> Request:
    return replace(SPOT.listing_request(), unless=etag)
