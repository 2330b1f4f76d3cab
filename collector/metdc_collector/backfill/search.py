"""Asking about one hole: what the stream holds of it, and what pages of past trades show."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from metdc_collector.backfill.holes import MARGIN, Evidence, Hole
from metdc_collector.backfill.stream import Stream
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.exchanges.history import Mark, Page, Source
from metdc_collector.rest import Rest, RestError
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_TICK = 0.1
_NS = 1_000_000_000


@dataclass(slots=True, eq=False)
class Job:
    """A hole that is looked after.

    Attributes:
        due: when it is to be looked at next, ns.
        tries: how often REST could not be asked.
        lags: how often it did not show yet what was heard.
        opened: whether its record was published as open.
        evidence: what its turns have shown of this very hole.
        known: when the stream was last searched for what it holds of it, ns; null before.
        newest: the time of the newest trade that it held of the instrument then, ns; null for none.
        unbegun: where it begins was not looked for yet.
        run: of what the spool gave up in one piece; null for other holes.
        busy: its turn has come and is not over.
        taken: another process left it.
        narrows: numbers at its edges may have come from disk, which then are no part of it any more.
    """

    hole: Hole
    due: int
    tries: int = 0
    lags: int = 0
    opened: bool = False
    evidence: Evidence = field(init=False)
    known: int | None = None
    newest: int | None = None
    unbegun: bool = False
    run: int | None = None
    busy: bool = False
    taken: bool = False
    narrows: bool = False

    def __post_init__(self) -> None:
        self.evidence = Evidence(self.hole)

    @property
    def of_the_start(self) -> bool:
        """Whether this process noticed it when it began."""
        return self.hole.cause == "restarted" and not self.taken

    def becomes(self, hole: Hole) -> None:
        """What was known of the hole has turned out to be another one, of which nothing was found yet."""
        self.hole, self.evidence = hole, Evidence(hole)


@dataclass(slots=True, eq=False)
class Search:
    """Looks for what holes lack.

    Attributes:
        told: called with a hole for which one reply won't do, so that its record is told while it is looked for.
        neighbours: the other holes of a hole's instrument that wait for their turn and know where they begin.
        sampled: called, where nothing counts, with what a reply that was asked for at a time (ns) shows beside a hole,
            and the stream was not seen to hold: a sample like any other.
    """

    rest: Rest
    stream: Stream
    clock: Clock
    timers: Timers
    told: Callable[[Job], None]
    neighbours: Callable[[Job], Sequence[Job]]
    sampled: Callable[[Instrument, int, Sequence[Trade]], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def look(self, job: Job, page: Page | None = None) -> None:
        """Learn what the stream holds of a hole, by whomever, and where nothing counts of a whole page."""
        await self.stream.settled()
        hole, now = job.hole, self.clock.now()
        since = hole.before.time if hole.before is not None else hole.start
        if page is not None and not hole.counted:
            since = min([since, *(trade.time for trade in page.trades)])
        held = await self.stream.held_of(hole.instrument, since)
        if held is not None:
            prefix = len(hole.instrument.message_prefix)
            ids = [message_id[prefix:] for message_id in held]
            job.evidence.held(held, ids)
            if job.narrows and job.evidence.left != hole:
                job.becomes(job.evidence.left)
                job.evidence.held(held, ids)
            job.known, job.newest = now, max(held.values(), default=None)

    async def ask(self, job: Job, source: Source) -> None:
        """Follow a source's pages through a hole, and publish what the stream lacks."""
        hole, evidence = job.hole, job.evidence
        request = source.request(hole.span)
        if request is None:
            return
        evidence.begin()
        pages, shown, full = 0, False, False
        while request is not None:
            if pages:
                self.told(job)  # it takes a while: let it be known
            while self.stream.full:
                await self.sleep(_TICK)
            asked, heard = self.clock.now(), self.stream.heard(hole.instrument.name)
            page = await self._page(source, request, hole.instrument)
            if not pages and self.stream.usable:
                await self.look(job, page)
            await self._take(job, page, asked)
            await self._share(job, source, page, asked)
            if not pages and not hole.counted and job.known is not None:
                self.sampled(hole.instrument, asked, evidence.unseen(page))
            shown = shown or self._shows(page.trades, heard, hole, asked)
            pages, full = pages + 1, page.full
            request = source.further(hole.span, request, page)
        if not full and self._reaches(source, hole):
            evidence.bottom()
        if shown:
            evidence.top()

    async def _take(self, job: Job, page: Page, asked: int) -> None:
        """Publish what a page, asked for at a time (ns), shows of a hole and the stream lacks."""
        hole = job.hole
        rows = job.evidence.take(page, None if hole.counted or asked > hole.end + 2 * MARGIN else hole.end)
        if rows:
            await self.stream.restore(rows, hole.start if job.known is None else job.known, job.newest)

    async def _share(self, job: Job, source: Source, page: Page, asked: int) -> None:
        """Let a page close the neighbours that it shows from edge to edge: each request is dear, one reply is long.

        Where nothing counts they take what it shows of them, whatever that is: a later one may show less.
        """
        if page.damaged:
            return
        for other in self.neighbours(job):
            sides, counted = {other.hole.side(trade) for trade in page.trades}, other.hole.counted
            shown = {-1, 1} <= sides or (not counted and 0 in sides)
            if shown and (other.hole.joined or not source.aggregates):
                if not counted and self.stream.usable:
                    await self.look(other)
                other.evidence.begin(shared=True)
                await self._take(other, page, asked)

    def _shows(self, rows: Sequence[Trade], heard: Mark | None, hole: Hole, asked: int) -> bool:
        """Whether a reply surely shows all that was traded by the hole's end, though no row lies behind it.

        It does if it shows a trade that was heard behind the hole; while there is none, some time must have passed.
        """
        if hole.after is not None:
            return False
        if heard is not None and hole.ended_before(heard):
            return any(trade.id == heard.id or trade.time > heard.time for trade in rows)
        return asked - hole.end >= self.timers.rest_lag * _NS

    async def _page(self, source: Source, request: Request, instrument: Instrument) -> Page:
        body = await self.rest.get(request)
        try:
            return source.read(body, instrument, self.clock.now())
        except InvalidReply as error:
            raise RestError(str(error)) from error

    def _reaches(self, source: Source, hole: Hole) -> bool:
        """Whether the source goes back to a hole's beginning at all."""
        return source.depth is None or self.clock.now() - hole.start < source.depth * _NS
