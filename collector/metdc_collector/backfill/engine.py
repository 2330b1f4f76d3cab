"""From a hole that is noticed to its record: who waits for what, and in which order REST is asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from metdc_collector.backfill.holes import MARGIN, Evidence, Hole
from metdc_collector.backfill.ledger import Ledger
from metdc_collector.backfill.proof import Proof, proven_until
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Jump, number
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import InvalidReply, Venue
from metdc_collector.exchanges.history import Mark, Source
from metdc_collector.rest import Rest, RestError
from metdc_collector.wire.gap import State
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_TICK = 0.1
_WORKERS = 4
# Whatever was in flight when a hole was noticed, here or in another pod, is stored by then.
_IN_FLIGHT = 1.0
# How long another pod's proof of the same time is waited for: it tells once a second.
_PEERS = 3.0
# An endpoint of newest rows alone is no use for what is older, where another reaches further.
_RECENT = 600.0
# A hole that takes longer is told of while it is looked for.
_TOLD = 15.0
_NS = 1_000_000_000


class Stream(Protocol):
    """What the path to the stream tells of holes, and takes to close them."""

    @property
    def usable(self) -> bool:
        """Whether the stream can be asked."""

    def news(self) -> tuple[Sequence[tuple[Blind, Mark | None]], Sequence[Jump]]:
        """Take what has been noticed since the last call; with a time nobody listened, the trade before it."""

    def newest(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was accepted."""

    def heard(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was received, also one that waits for its predecessor."""

    def stored_before(self, name: str) -> Mark | None:
        """What the stream held of an instrument before this process added anything, as far as it was looked for."""

    def uncovered(self) -> Mapping[str, int | None]:
        """What nobody listens to now, and since when."""

    async def prime(self, instruments: Sequence[Instrument]) -> bool:
        """Look at what the stream holds of each instrument that nothing was received of yet; whether it could be."""

    async def settled(self) -> None:
        """Return when all that was accepted before is acknowledged, or can't be for now."""

    async def held_of(self, instrument: Instrument, time: int) -> Mapping[str, int] | None:
        """The message ids that may have been stored of an instrument since ``time``; null when that can't be told."""

    def restore(self, trades: Sequence[Trade], known: int) -> None:
        """Publish back-filled trades, without which the stream was at ``known`` (ns)."""


@dataclass(slots=True, eq=False)
class Job:
    """A hole that is looked after.

    Attributes:
        rest: what of it is not proven yet.
        due: when it is to be looked at next, ns.
        tries: how often REST could not be asked.
        asked: whether REST was asked.
        opened: whether its record was published as open.
        filled: trades given out for it so far.
        unbegun: where it begins was not looked for yet.
    """

    hole: Hole
    rest: Hole
    due: int
    tries: int = 0
    asked: bool = False
    opened: bool = False
    filled: int = 0
    unbegun: bool = False


@dataclass(slots=True, eq=False)
class Backfill:
    """Looks after the holes of one market until cancelled.

    Attributes:
        instruments: those that are streamed, by native name.
        consecutive: whether the feed in use counts.
        proofs: what other pods, alive or not, have proven; null when they can't be asked.
        peers: whether another pod of the market is known to be alive.
        keyed: whether there is an API key for the venue.
        covered: since when all instruments are listened to, ns; null before.
    """

    venue: Venue
    rest: Rest
    stream: Stream
    ledger: Ledger
    clock: Clock
    timers: Timers
    instruments: Callable[[], Mapping[str, Instrument]]
    consecutive: Callable[[], bool]
    proofs: Callable[[], Awaitable[Sequence[Proof] | None]]
    peers: Callable[[], bool]
    keyed: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    covered: int | None = None
    _jobs: list[Job] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _working: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def run(self) -> None:
        """Notice holes and close them, until cancelled."""
        try:
            while True:
                self.notice()
                self._assign()
                await self.sleep(_TICK)
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    @property
    def pending(self) -> Mapping[str, int]:
        """Instruments with a hole that is not settled, and where the earliest begins, ns; 0 if that isn't known yet."""
        found: dict[str, int] = {}
        for job in self._jobs:
            name, start = job.hole.instrument.name, 0 if job.unbegun else job.hole.start
            found[name] = min(start, found.get(name, start))
        return found

    @property
    def looked_for(self) -> int:
        """How many holes REST is asked about."""
        return sum(job.asked for job in self._jobs)

    def proof(self, pod: str, stored_until: int) -> Proof | None:
        """What this process has proven; null before it listens. All received before ``stored_until`` is stored."""
        if self.covered is None:
            return None
        exceptions = dict(self.pending)
        for name, since in self.stream.uncovered().items():
            exceptions[name] = min(since or 0, exceptions.get(name, stored_until))
        return Proof(pod, self.covered, stored_until, exceptions)

    def take_over(self, hole: Hole, filled: int) -> None:
        """Go on with a hole that another pod has left open."""
        self._jobs.append(Job(hole, hole, self.clock.now(), asked=True, opened=True, filled=filled))

    # -- noticing

    def notice(self) -> None:
        """Take what the stream's path has noticed."""
        blinds, jumps = self.stream.news()
        now = self.clock.now()
        instruments = self.instruments()
        if blinds and self.covered is None:
            self.covered = now
        for blind, before in blinds:
            instrument = instruments.get(blind.name)
            cause = self._cause(blind)
            self._known.add(blind.name)
            if instrument is not None and (blind.start is None or blind.end > blind.start):
                start = blind.end if blind.start is None else blind.start
                self._add(Hole(instrument, before, None, start, blind.end, cause, now))
        for instrument, before, after in jumps:
            self._add(self._counted(instrument, before, after, now))

    def _cause(self, blind: Blind) -> str:
        if blind.start is None:
            return "restarted"
        return "disconnected" if blind.name in self._known else "listed"

    def _counted(self, instrument: Instrument, before: Mark, after: Mark, now: int) -> Hole:
        """Return the hole of a jump: it takes the place of the time nobody listened that lies in it."""
        cause = "omitted"
        for job in self._jobs:
            hole = job.hole
            same = hole.instrument.name == instrument.name and hole.after is None
            if same and (job.unbegun or hole.start <= after.time):
                cause = hole.cause
        return Hole(instrument, before, after, before.time, after.time, cause, now)

    def _add(self, hole: Hole) -> None:
        """Look after a hole; one behind the same trade that nobody has been told of yet is the same."""
        for job in self._jobs:
            mine = job.hole
            same = mine.instrument.name == hole.instrument.name and mine.before == hole.before
            if same and mine.after is None and hole.after is None and not job.opened and mine.cause != "restarted":
                job.hole = Hole(hole.instrument, hole.before, None, mine.start, hole.end, mine.cause, mine.noticed)
                job.rest = replace(job.rest, end=hole.end)
                return
        due = hole.noticed + round(self._grace(hole) * _NS)
        self._jobs.append(Job(hole, hole, due, unbegun=hole.cause == "restarted"))

    def _grace(self, hole: Hole) -> float:
        """For how many seconds a hole may prove to be none before REST is asked."""
        if hole.counted:
            return _IN_FLIGHT
        if self.consecutive():
            return self.timers.quiet
        return _IN_FLIGHT / 2 if hole.cause == "restarted" else 0.0

    # -- working

    def _assign(self) -> None:
        now = self.clock.now()
        due = [job for job in self._jobs if job.due <= now]
        for job in sorted(due, key=self._urgency)[: _WORKERS - len(self._working)]:
            job.due = now + 3600 * _NS  # until its turn is over
            task = asyncio.create_task(self._turn(job))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    def _urgency(self, job: Job) -> tuple[bool, int]:
        """The busiest first: their newest rows live shortest."""
        newest = self.stream.newest(job.hole.instrument.name)
        return job.tries > 0, -(newest.time if newest is not None else 0)

    async def _turn(self, job: Job) -> None:
        try:
            done = await self._settle(job)
        except RestError as error:
            self._open(job)
            job.tries += 1
            pause = min(self.timers.rest_retry * 2 ** (job.tries - 1), self.timers.rest_retry_most)
            job.due = self.clock.now() + round(max(pause, error.retry_after or 0.0) * _NS)
            log.debug("gap of %s: %s", job.hole.instrument.name, error)
        except Exception as error:  # whatever a reply brings on, the trades that flow must go on flowing
            log.warning("gap of %s: unexpected %r; it is tried again", job.hole.instrument.name, error)
            job.due = self.clock.now() + round(self.timers.rest_retry_most * _NS)
        else:
            if done:
                self._jobs.remove(job)

    async def _settle(self, job: Job) -> bool:
        """Do what can be done about a hole now; whether that is all."""
        if job.unbegun and self.peers() and self.clock.now() - job.hole.noticed < _PEERS * _NS:
            job.due = self.clock.now() + round(_IN_FLIGHT / 2 * _NS)
            return False
        if not await self._is_hole(job):
            if job.asked:
                self._record(job, Evidence(job.rest, filled=job.filled), "filled" if job.filled else "empty")
            return True
        hole = job.rest
        evidence = Evidence(hole, filled=job.filled)
        if self.stream.usable:
            await self._look(evidence)
        if evidence.whole:
            self._record(job, evidence)
            return True
        for source in self._sources(hole):
            if source.aggregates and (evidence.filled or evidence.some):
                continue
            await self._ask(job, source, evidence)
            if evidence.complete:
                break
        job.filled = evidence.filled
        log.debug(
            "gap of %s: low %s, high %s, filled %d", hole.instrument.name, evidence.low, evidence.high, job.filled
        )
        if self._again(job, evidence):
            job.rest = evidence.rest
            return False
        self._record(job, evidence)
        return True

    def _again(self, job: Job, evidence: Evidence) -> bool:
        """Whether a hole is to be looked at again, and when: REST lags, or NATS is away."""
        now, hole = self.clock.now(), job.hole
        lags = not evidence.complete and not evidence.high and now - hole.noticed < self.timers.rest_patience * _NS
        if not lags and self.stream.usable:
            return False
        heard = self.stream.heard(hole.instrument.name)
        job.due = now + round(self.timers.rest_retry * _NS)
        if hole.after is None and (heard is None or heard.time <= hole.end):
            job.due = max(job.due, hole.end + round(self.timers.rest_lag * _NS))  # no later trade can show that it lags
        if now - hole.noticed > _TOLD * _NS:
            self._open(job)
        return True

    async def _is_hole(self, job: Job) -> bool:
        """Whether a time nobody listened is still without proof; what is known of its edges is taken up."""
        hole = job.hole
        if hole.after is not None:
            return True
        name = hole.instrument.name
        newest, low = self.stream.newest(name), hole.before
        if job.unbegun:
            low = self.stream.stored_before(name)
            start = await self._proven(name, low, hole.end)
            if start is None:
                return False  # nobody has ever listened, or somebody does
            hole = Hole(hole.instrument, low, None, min(start, hole.end), hole.end, hole.cause, hole.noticed)
            job.hole, job.rest, job.unbegun = hole, hole, False
        elif self.peers() and any(proof.covers(name, hole.start, hole.end) for proof in await self.proofs() or ()):
            return False
        counts = low is not None and newest is not None and self.consecutive() and number(low.seq) >= 0
        return not (counts and low is not None and newest is not None and number(newest.seq) > number(low.seq))

    async def _proven(self, name: str, low: Mark | None, end: int) -> int | None:
        """Return where a hole begins that this process found at its start; null when there is none."""
        proofs = [proof for proof in await self.proofs() or () if proof.since < end]
        until = proven_until(proofs, name)
        if until is not None and until >= end:
            return None
        return max((time for time in (until, None if low is None else low.time) if time is not None), default=None)

    def _sources(self, hole: Hole) -> list[Source]:
        sources = [source for source in self.venue.sources if self.keyed or not source.keyed]
        old = self.clock.now() - hole.start > _RECENT * _NS
        deep = [source for source in sources if source.depth is not None]
        return deep if old and deep else sources

    async def _look(self, evidence: Evidence) -> None:
        await self.stream.settled()
        hole = evidence.hole
        held = await self.stream.held_of(hole.instrument, hole.before.time if hole.before is not None else hole.start)
        if held is not None:
            prefix = len(hole.instrument.message_prefix)
            evidence.held(held, [message_id[prefix:] for message_id in held])

    async def _ask(self, job: Job, source: Source, evidence: Evidence) -> None:
        """Follow a source's pages through a hole, and publish what the stream lacks."""
        hole, job.asked = evidence.hole, True
        request = source.request(hole.span)
        pages = 0
        while request is not None:
            if pages:
                self._open(job)  # it takes a while: let it be known
            asked = self.clock.now()
            heard = self.stream.heard(hole.instrument.name)
            body = await self.rest.get(request)
            try:
                page = source.read(body, hole.instrument, self.clock.now())
            except InvalidReply as error:
                raise RestError(str(error)) from error
            if not pages and self.stream.usable:
                await self._look(evidence)
            rows = [trade for trade in evidence.take(page) if trade.time <= hole.end or asked > hole.end + 2 * MARGIN]
            if rows:
                self.stream.restore(rows, asked if self.stream.usable else hole.start)
            pages += 1
            following = source.further(hole.span, request, page)
            if following is None and not page.full and self._reaches(source, hole):
                evidence.bottom()
            if self._shows(page.trades, heard, hole, asked):
                evidence.top()
            request = following
            job.filled = evidence.filled

    def _reaches(self, source: Source, hole: Hole) -> bool:
        """Whether the source goes back to a hole's beginning at all."""
        return source.depth is None or self.clock.now() - hole.start < source.depth * _NS

    def _shows(self, rows: Sequence[Trade], heard: Mark | None, hole: Hole, asked: int) -> bool:
        """Whether a reply surely shows all that was traded by the hole's end.

        It does if it shows a trade that was heard behind the hole; while there is none, some time must have passed.
        """
        if hole.after is not None:
            return False
        if heard is not None and heard.time > hole.end:
            return any(trade.id == heard.id or trade.time > heard.time for trade in rows)
        return asked - hole.end > self.timers.rest_lag * _NS

    def _open(self, job: Job) -> None:
        if not job.opened:
            job.opened = True
            evidence = Evidence(job.rest, filled=job.filled)
            self.ledger.opened(evidence.verdict(job.hole, self.clock.now(), "open"))

    def _record(self, job: Job, evidence: Evidence, state: State | None = None) -> None:
        self.ledger.settled(evidence.verdict(job.hole, self.clock.now(), state))
