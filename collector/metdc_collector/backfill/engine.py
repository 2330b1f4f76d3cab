"""From a hole that is noticed to its record: who waits for what, and in which order REST is asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from metdc_collector.backfill.holes import MARGIN, Hole
from metdc_collector.backfill.jobs import Jobs
from metdc_collector.backfill.ledger import Ledger
from metdc_collector.backfill.proof import Proof, Stretch, in_flight, proven_until, stretches
from metdc_collector.backfill.search import Job, Search
from metdc_collector.continuity import number
from metdc_collector.exchanges.history import Mark, Source
from metdc_collector.rest import Rest, RestError
from metdc_collector.tasks import end
from metdc_collector.wire.gap import Gap, State
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_TICK = 0.1
_WORKERS = 4
# Another pod tells once a second what it has proven: one that is silent for so long is gone, and waited for no longer.
_TELLS = 4.0
_PEERS = 3.0
_SOON = 0.2
# An endpoint of newest rows alone is no use for what is older, where another reaches further.
_RECENT = 600.0
# A hole that takes longer is told of while it is looked for.
_TOLD = 15.0
# Of numbers that may be on disk REST is asked for no more than a page, however long the disk's delivery takes.
_PAGE = 1_000
_NS = 1_000_000_000


@dataclass(slots=True, eq=False, kw_only=True)
class Backfill(Jobs):
    """Looks after the holes of one market until cancelled.

    Attributes:
        aggregates: whether it joins fills.
        proofs: what other pods, alive or not, have proven; null when they can't be asked.
        peers: whether another pod of the market is known to be alive.
        delivers: whether some of what dead processes have left on disk is not delivered yet.
        spooled: whether any spooled trades are not delivered yet.
        keyed: whether there is an API key for the venue.
        sampled: takes what replies show by the way, see :class:`Search`.
        begun: what became of the holes of this process's start that were settled, by instrument.
    """

    rest: Rest
    ledger: Ledger
    aggregates: Callable[[], bool]
    proofs: Callable[[], Awaitable[Sequence[Proof] | None]]
    peers: Callable[[], bool]
    sampled: Callable[[Instrument, int, Sequence[Trade]], None]
    delivers: Callable[[], bool] = bool
    spooled: Callable[[], bool] = bool
    keyed: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    begun: dict[str, list[Gap]] = field(default_factory=dict)
    _ready: list[Job] = field(default_factory=list)
    _working: "set[asyncio.Task[None]]" = field(default_factory=set)
    _search: Search = field(init=False)

    def __post_init__(self) -> None:
        self._search = Search(
            self.rest,
            self.stream,
            self.clock,
            self.timers,
            told=self._open,
            neighbours=self._neighbours,
            sampled=self._sampled,
            sleep=self.sleep,
        )

    async def run(self) -> None:
        """Notice holes and close them, until cancelled."""
        try:
            while True:
                self.notice()
                self._assign()
                await self.sleep(_TICK)
        finally:
            await end(self._working)

    def proof(self, pod: str, stored_until: int) -> Proof | None:
        """What this process has proven; null before it listens.

        All that was received before ``stored_until`` (ns) and does not wait for its predecessors is stored.
        """
        self.notice()  # what has been noticed by now is no proof, whenever it is looked after
        if self.covered is None:
            return None
        names, exceptions = self.stream.covered(), dict(self.pending)
        for name, since in self.stream.uncovered().items():
            if since is not None:  # else it is none of those that are named
                exceptions[name] = min(since, exceptions.get(name, stored_until))
        held = self.stream.waiting()
        return Proof(pod, self.covered, stored_until, self.clock.now(), names, exceptions, held)

    # -- working

    def _assign(self) -> None:
        """Let workers take what is due; each goes on for as long as there is something."""
        if not self._ready:
            due = [job for jobs in self._jobs.values() for job in self._in_turn(jobs)]
            self._ready = sorted(due, key=self._urgency, reverse=True)  # the last is taken first
        while self._ready and len(self._working) < _WORKERS:
            task = asyncio.create_task(self._work())
            self._working.add(task)
            task.add_done_callback(self._working.discard)
            if len(self._working) >= len(self._ready):
                return

    def _in_turn(self, jobs: Sequence[Job]) -> list[Job]:
        """Return which of one instrument's holes have their turn: one at a time, since its pages may close others."""
        now = self.clock.now()
        due = [job for job in jobs if job.due <= now and not job.busy]
        closed = [job for job in due if job.evidence.complete]
        left = [job for job in due if not job.evidence.complete]
        return closed if any(job.busy for job in jobs) else closed + left[:1]

    def _neighbours(self, job: Job) -> list[Job]:
        now, jobs = self.clock.now(), self._jobs.get(job.hole.instrument.name, ())
        others = [one for one in jobs if one is not job and not one.busy and not one.unbegun]
        # One that is due later because REST has failed waits for nothing else.
        return [one for one in others if (one.due <= now or one.tries) and not one.evidence.complete]

    def _sampled(self, instrument: Instrument, asked: int, rows: Sequence[Trade]) -> None:
        """Pass a sample on, without what lies in holes that are looked after: it is taken with these."""
        spans = [(job.hole.start, job.hole.end) for job in self._jobs.get(instrument.name, ())]
        alone = [row for row in rows if not any(start <= row.time <= end for start, end in spans)]
        self.sampled(instrument, asked, alone)

    async def _work(self) -> None:
        while self._ready:
            job = self._ready.pop()
            job.busy = True
            await self._turn(job)

    def _urgency(self, job: Job) -> tuple[bool, int]:
        """The busiest first: their newest rows live shortest."""
        newest = self.stream.newest(job.hole.instrument.name)
        return job.tries > 0, -(newest.time if newest is not None else 0)

    async def _turn(self, job: Job) -> None:
        try:
            done = await self._settle(job)
        except RestError as error:
            if self._is_gone(job):
                self._conclude(job)
                return
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
                self._done(job)
        finally:
            job.busy = False

    def _is_gone(self, job: Job) -> bool:
        """Whether REST fails because the venue knows the instrument no longer, as far as can be told."""
        return not self._is_young(job) and job.hole.instrument.name not in self.instruments()

    def _is_young(self, job: Job) -> bool:
        """Whether what REST or a spool shows late may still come."""
        return self.clock.now() - job.hole.noticed < self.timers.rest_patience * _NS

    def _conclude(self, job: Job) -> None:
        self._tell(job, job.evidence.verdict(self.clock.now()))
        self._done(job)

    async def _settle(self, job: Job) -> bool:
        """Do what can be done about a hole now; whether that is all."""
        stream, now = self.stream, self.clock.now()
        if await self._is_early(job, now):
            return False
        if not await self._is_hole(job):
            if job.opened or job.evidence.filled:
                state: State = "filled" if job.evidence.filled else "empty"
                self._tell(job, job.evidence.verdict(now, state))
            return True
        if stream.usable:
            await self._search.look(job)
        evidence = job.evidence
        if not (evidence.asked and evidence.high):
            for source in self._sources(job.hole):
                if evidence.complete or (source.aggregates and evidence.asked and not evidence.high):
                    break  # before aggregates do, fills may catch up
                await self._search.ask(job, source)
                if source.depth is None and not evidence.high:
                    break  # the newest rows lack what was heard behind the hole: REST lags, whichever is asked
        await stream.settled()  # a hole is not filled before what fills it is stored
        if self._waits(job) or self._again(job):
            return False
        self._tell(job, evidence.verdict(self.clock.now()))
        return True

    async def _is_early(self, job: Job, now: int) -> bool:
        """Whether too little is known of a hole to go on: then it is due again later."""
        stream, hole = self.stream, job.hole
        if job.unbegun and not (stream.usable and await stream.prime([hole.instrument])):
            job.due = now + round(self.timers.rest_retry * _NS)  # what is stored of it is not known
        elif hole.cause == "dropped" and not stream.usable:
            job.due = now + round(self.timers.rest_retry * _NS)  # what comes now would be given up again
        elif await self._may_be_covered(job) or self._is_delivered_soon(job):
            job.due = now + round(_SOON * _NS)
        else:
            return job.evidence.asked and self._waits(job)
        return True

    def _tell(self, job: Job, gap: Gap) -> None:
        self.ledger.settled(gap)
        if job.of_the_start:
            self.begun.setdefault(gap.instrument, []).append(gap)

    def _again(self, job: Job) -> bool:
        """Whether a hole is to be looked at again, and when: REST lags, or NATS is away."""
        now, hole, evidence = self.clock.now(), job.hole, job.evidence
        young = self._is_young(job)
        if self.stream.usable and (evidence.complete or evidence.high or not young):
            return False
        heard = self.stream.heard(hole.instrument.name)
        soon = young or evidence.complete or evidence.high  # else REST is asked each time, in vain so far
        job.due = now + round((self._pause(job) if soon else self.timers.rest_retry_most) * _NS)
        if hole.after is None and (heard is None or not hole.ended_before(heard)):
            job.due = max(job.due, hole.end + round(self.timers.rest_lag * _NS))  # no later trade can show that it lags
        if now - hole.noticed > _TOLD * _NS:
            self._open(job)
        return True

    def _waits(self, job: Job) -> bool:
        """Whether what lies between the trades that a spool gave up is still to be delivered from it."""
        if job.run is None or not self.spooled():
            return False
        self._open(job)
        job.due = self.clock.now() + round(self.timers.rest_retry * _NS)
        return True

    def _pause(self, job: Job) -> float:
        """For how many seconds REST that lags is left alone: rows that will be there later too can wait."""
        job.lags += 1
        deep = any(source.depth is not None for source in self.venue.sources)
        first = self.timers.rest_lag / 2 if deep else self.timers.rest_retry
        return float(min(first * 2 ** (job.lags - 1), self.timers.rest_retry_most))

    async def _is_hole(self, job: Job) -> bool:
        """Whether a time nobody listened is still without proof; what is known of its edges is taken up."""
        hole = job.hole
        if hole.after is not None:
            return True
        name = hole.instrument.name
        if job.unbegun:
            if not await self._begin(job):
                return False  # nobody has ever listened, or somebody does
            hole = job.hole
        newest, low = self.stream.newest(name), hole.before
        if self._is_shown(hole):
            return False
        asks = job.of_the_start or self.peers()  # one that has left may have told it a moment ago
        if asks and any(proof.covers(name, hole.start, hole.end) for proof in await self.proofs() or ()):
            return False
        if job.evidence.filled:
            return True  # the newest trade may be one that was found over REST
        if low is None or newest is None or not self.consecutive() or number(low.seq) < 0:
            return True
        if job.of_the_start and self.stream.stored_before(name) is None:
            return True  # what lies before it is on disk alone: no number went before the first that came
        same = low.id.startswith("agg:") == newest.id.startswith("agg:")  # else the numbers count different things
        return not (same and number(newest.seq) > number(low.seq))

    async def _may_be_covered(self, job: Job) -> bool:
        """Whether another pod seems to be alive that may prove a time nobody listened here, and has not yet.

        What it received may wait to be stored: rows from REST would overtake that.
        """
        hole, now = job.hole, self.clock.now()
        if hole.after is not None or not (job.unbegun or self.peers()):
            return False
        name, start = hole.instrument.name, hole.end if job.unbegun else hole.start
        alive = [
            proof for proof in await self.proofs() or () if name in proof.names and now - proof.told < _TELLS * _NS
        ]
        if any(proof.covers(name, start, hole.end) for proof in alive):
            return False
        waited = now - hole.noticed
        if any(proof.may_cover(name, start, hole.end) for proof in alive):
            return waited < self.timers.hold_behind_peer * _NS  # then live trades overtake them, too
        return job.unbegun and bool(alive) and waited < _PEERS * _NS

    def _is_delivered_soon(self, job: Job) -> bool:
        """Whether numbers that are missing may be among what is still delivered from disk."""
        hole = job.hole
        marks = [one.newest.get(hole.instrument.name) for one in self.kept()]
        among = any(mark is not None and hole.reaches(number(mark.seq)) for mark in marks)
        job.narrows = among and not job.opened and not job.evidence.asked
        return among and self.delivers() and (self._is_young(job) or hole.count > _PAGE)

    def _is_shown(self, hole: Hole) -> bool:
        """Whether a snapshot that came behind the hole reaches back over it: then all of it was let in."""
        shown = self.stream.shown(hole.instrument.name)
        if shown is None or shown.at < hole.end:
            return False
        before = hole.before
        overlaps = before is not None and (shown.oldest.id == before.id or shown.oldest.time < before.time)
        return overlaps or shown.oldest.time < hole.start - MARGIN

    async def _begin(self, job: Job) -> bool:
        """Find where a hole begins that this process noticed at its start; whether it is one."""
        hole, name = job.hole, job.hole.instrument.name
        low = self.stream.stored_before(name) or hole.before
        until = proven_until([proof for proof in await self.proofs() or () if proof.since < hole.end], name)
        if until is not None and until >= hole.end:
            return False
        times = (None if until is None else in_flight(until, low), None if low is None else low.time)
        asked = hole.start if hole.start < hole.end else None  # in vain: nobody listened before, as far as is known
        start = max((time for time in times if time is not None), default=asked)
        found = stretches(name, Stretch(low, start, hole.end), self.kept())
        holes = [
            Hole(hole.instrument, self._counting(before), None, min(first, end), end, hole.cause, hole.noticed)
            for before, first, end in found
            if first is not None
        ]
        for other in holes[:-1]:
            self._keep(Job(other, job.due))
        if holes:
            job.becomes(holes[-1])
            job.unbegun = False
        return bool(holes)

    def _counting(self, mark: Mark | None) -> Mark | None:
        """Return a mark whose number says something only where numbers count."""
        return mark if mark is None or self.consecutive() else mark._replace(seq=None)

    def _sources(self, hole: Hole) -> list[Source]:
        sources = [source for source in self.venue.sources if self.keyed or not source.keyed]
        if hole.joined or self.aggregates():
            return [source for source in sources if source.aggregates]  # fills would count them twice
        old = self.clock.now() - hole.start > _RECENT * _NS
        deep = [source for source in sources if source.depth is not None]
        return deep if old and deep else sources

    def _open(self, job: Job) -> None:
        if not job.opened:
            job.opened = True
            self.ledger.opened(job.evidence.verdict(self.clock.now(), "open"))
