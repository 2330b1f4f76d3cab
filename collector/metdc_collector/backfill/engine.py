"""From a hole that is noticed to its record: who waits for what, and in which order REST is asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from metdc_collector.backfill.holes import MARGIN, Hole
from metdc_collector.backfill.ledger import Ledger
from metdc_collector.backfill.proof import Proof, proven_until
from metdc_collector.backfill.search import Job, Search
from metdc_collector.backfill.stream import Stream
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import number
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.history import Mark, Source
from metdc_collector.rest import Rest, RestError
from metdc_collector.tasks import end
from metdc_collector.wire.gap import Gap, State
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
_TICK = 0.1
_WORKERS = 4
# Whatever was in flight when a hole was noticed, here or in another pod, is stored by then.
_IN_FLIGHT = 1.0
# A snapshot, if there is one, has come by then, and shows what REST would.
_SNAPSHOT = 0.5
# Another pod tells once a second what it has proven: one that is silent for longer is gone, and no longer waited for.
_TELLS = 2.0
_PEERS = 3.0
_SOON = 0.2
# An endpoint of newest rows alone is no use for what is older, where another reaches further.
_RECENT = 600.0
# A hole that takes longer is told of while it is looked for.
_TOLD = 15.0
_NS = 1_000_000_000


@dataclass(slots=True, eq=False)
class Backfill:
    """Looks after the holes of one market until cancelled.

    Attributes:
        instruments: those that are streamed, by native name.
        consecutive: whether the feed in use counts.
        aggregates: whether it joins fills.
        proofs: what other pods, alive or not, have proven; null when they can't be asked.
        peers: whether another pod of the market is known to be alive.
        delivering: whether a spool holds trades that are to be delivered.
        keyed: whether there is an API key for the venue.
        covered: since when all instruments are listened to, ns; null before.
        begun: what became of the holes of this process's start that were settled, by instrument.
    """

    venue: Venue
    rest: Rest
    stream: Stream
    ledger: Ledger
    clock: Clock
    timers: Timers
    instruments: Callable[[], Mapping[str, Instrument]]
    consecutive: Callable[[], bool]
    aggregates: Callable[[], bool]
    proofs: Callable[[], Awaitable[Sequence[Proof] | None]]
    peers: Callable[[], bool]
    delivering: Callable[[], bool]
    keyed: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    covered: int | None = None
    begun: dict[str, list[Gap]] = field(default_factory=dict)
    _jobs: dict[str, list[Job]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _ready: list[Job] = field(default_factory=list)
    _working: "set[asyncio.Task[None]]" = field(default_factory=set)
    _search: Search = field(init=False)

    def __post_init__(self) -> None:
        self._search = Search(self.rest, self.stream, self.clock, self.timers, told=self._open, sleep=self.sleep)

    async def run(self) -> None:
        """Notice holes and close them, until cancelled."""
        try:
            while True:
                self.notice()
                self._assign()
                await self.sleep(_TICK)
        finally:
            await end(self._working)

    @property
    def pending(self) -> Mapping[str, int]:
        """Instruments with a hole that is not settled, and where the earliest begins, ns; 0 if that isn't known yet."""
        found: dict[str, int] = {}
        for name, jobs in self._jobs.items():
            found[name] = min(0 if job.unbegun else job.hole.start for job in jobs)
        return found

    def looks_after(self, name: str) -> bool:
        """Whether an instrument has a hole that is not settled."""
        return name in self._jobs

    @property
    def looked_for(self) -> int:
        """How many holes REST was asked about and are not settled."""
        return sum(job.opened or job.evidence.asked for jobs in self._jobs.values() for job in jobs)

    def beginning(self) -> set[str]:
        """Return the instruments with a hole of this process's start that is not settled."""
        self.notice()
        return {name for name, jobs in self._jobs.items() if any(map(_is_of_the_start, jobs))}

    def proof(self, pod: str, stored_until: int) -> Proof | None:
        """What this process has proven; null before it listens. All received before ``stored_until`` is stored."""
        self.notice()  # what has been noticed by now is no proof, whenever it is looked after
        if self.covered is None:
            return None
        exceptions = dict(self.pending)
        for name, since in self.stream.uncovered().items():
            exceptions[name] = min(since or 0, exceptions.get(name, stored_until))
        return Proof(pod, self.covered, stored_until, exceptions)

    def take_over(self, hole: Hole, filled: int) -> None:
        """Go on with a hole that another pod has left open."""
        job = Job(hole, self.clock.now(), opened=True, taken=True)
        job.evidence.filled = filled
        self._keep(job)

    def dropped(self, instrument: Instrument, first: Mark, last: Mark, run: int) -> None:
        """These trades, and what was between them, were received and had to be given up, in one ``run`` or another."""
        before, after = (_beside(first, -1), _beside(last, 1)) if self.consecutive() else (None, None)
        hole = Hole(instrument, before, after, first.time, last.time, "dropped", self.clock.now())
        for job in self._jobs.get(instrument.name, ()):
            if job.run == run and not job.busy and not job.evidence.asked:
                # What is given up piece by piece is one hole, or REST would be asked piece by piece.
                job.becomes(_spanning(job.hole, hole))
                job.due = hole.noticed + round(_IN_FLIGHT * _NS)
                return
        self._keep(Job(hole, hole.noticed + round(self._grace(hole) * _NS), run=run))

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
        for job in self._jobs.get(instrument.name, ()):
            if job.hole.after is None and (job.unbegun or job.hole.start <= after.time):
                cause = job.hole.cause
        return Hole(instrument, before, after, before.time, after.time, cause, now)

    def _add(self, hole: Hole) -> None:
        """Look after a hole; one behind the same trade that nobody has been told of yet is the same."""
        for job in self._jobs.get(hole.instrument.name, ()):
            mine = job.hole
            same = mine.before == hole.before and mine.after is None and hole.after is None
            untold = not job.opened and not job.busy and not job.evidence.filled
            if same and untold and mine.cause != "restarted":
                job.becomes(Hole(hole.instrument, hole.before, None, mine.start, hole.end, mine.cause, mine.noticed))
                return
        due = hole.noticed + round(self._grace(hole) * _NS)
        self._keep(Job(hole, due, unbegun=hole.cause == "restarted" and hole.after is None))

    def _keep(self, job: Job) -> None:
        self._jobs.setdefault(job.hole.instrument.name, []).append(job)

    def _done(self, job: Job) -> None:
        name = job.hole.instrument.name
        self._jobs[name].remove(job)
        if not self._jobs[name]:
            del self._jobs[name]

    def _grace(self, hole: Hole) -> float:
        """For how many seconds a hole may prove to be none before REST is asked."""
        if hole.counted:
            return _IN_FLIGHT
        if self.consecutive():
            return self.timers.quiet
        return _SNAPSHOT if self.venue.channels[0].snapshot else 0.0

    # -- working

    def _assign(self) -> None:
        """Let workers take what is due; each goes on for as long as there is something."""
        if not self._ready:
            now = self.clock.now()
            due = [job for jobs in self._jobs.values() for job in jobs if job.due <= now and not job.busy]
            self._ready = sorted(due, key=self._urgency, reverse=True)  # the last is taken first
        while self._ready and len(self._working) < _WORKERS:
            task = asyncio.create_task(self._work())
            self._working.add(task)
            task.add_done_callback(self._working.discard)
            if len(self._working) >= len(self._ready):
                return

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
        late = self.clock.now() - job.hole.noticed > self.timers.rest_patience * _NS
        return late and job.hole.instrument.name not in self.instruments()

    def _conclude(self, job: Job) -> None:
        self._tell(job, job.evidence.verdict(self.clock.now()))
        self._done(job)

    async def _settle(self, job: Job) -> bool:
        """Do what can be done about a hole now; whether that is all."""
        stream, now = self.stream, self.clock.now()
        if job.unbegun and not (stream.usable and await stream.prime([job.hole.instrument])):
            job.due = now + round(self.timers.rest_retry * _NS)  # what is stored of it is not known
            return False
        if job.hole.cause == "dropped" and not stream.usable:
            job.due = now + round(self.timers.rest_retry * _NS)  # what comes now would be given up again
            return False
        if job.evidence.asked and self._waits(job):
            return False
        if job.unbegun and await self._may_be_covered(job.hole):
            job.due = now + round(_SOON * _NS)
            return False
        if not await self._is_hole(job):
            if job.opened or job.evidence.filled:
                state: State = "filled" if job.evidence.filled else "empty"
                self._tell(job, job.evidence.verdict(now, state))
            return True
        evidence = job.evidence
        if stream.usable:
            await self._search.look(job)
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

    def _tell(self, job: Job, gap: Gap) -> None:
        self.ledger.settled(gap)
        if _is_of_the_start(job):
            self.begun.setdefault(gap.instrument, []).append(gap)

    def _again(self, job: Job) -> bool:
        """Whether a hole is to be looked at again, and when: REST lags, or NATS is away."""
        now, hole, evidence = self.clock.now(), job.hole, job.evidence
        patient = now - hole.noticed < self.timers.rest_patience * _NS
        if self.stream.usable and (evidence.complete or evidence.high or not patient):
            return False
        heard = self.stream.heard(hole.instrument.name)
        soon = patient or evidence.complete or evidence.high  # else REST is asked each time, in vain so far
        job.due = now + round((self._pause(job) if soon else self.timers.rest_retry_most) * _NS)
        if hole.after is None and (heard is None or not hole.ended_before(heard)):
            job.due = max(job.due, hole.end + round(self.timers.rest_lag * _NS))  # no later trade can show that it lags
        if now - hole.noticed > _TOLD * _NS:
            self._open(job)
        return True

    def _waits(self, job: Job) -> bool:
        """Whether what lies between the trades that a spool gave up is still to be delivered from it."""
        if job.run is None or not self.delivering():
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
        newest, low = self.stream.newest(name), hole.before
        if job.unbegun:
            low = self.stream.stored_before(name) or low
            start = await self._proven(name, low, hole.end)
            if start is None:
                return False  # nobody has ever listened, or somebody does
            hole = Hole(hole.instrument, low, None, min(start, hole.end), hole.end, hole.cause, hole.noticed)
            job.becomes(hole)
            job.unbegun = False
        if self._is_shown(hole):
            return False
        if self.peers() and any(proof.covers(name, hole.start, hole.end) for proof in await self.proofs() or ()):
            return False
        if job.evidence.filled:
            return True  # the newest trade may be one that was found over REST
        if low is None or newest is None or not self.consecutive() or number(low.seq) < 0:
            return True
        same = low.id.startswith("agg:") == newest.id.startswith("agg:")  # else the numbers count different things
        return not (same and number(newest.seq) > number(low.seq))

    async def _may_be_covered(self, hole: Hole) -> bool:
        """Whether another pod seems to be alive that has not told yet what it has heard meanwhile."""
        now = self.clock.now()
        told = [proof.at for proof in await self.proofs() or () if proof.at < hole.end]
        return now - hole.noticed < _PEERS * _NS and now - max(told, default=0) < _TELLS * _NS

    def _is_shown(self, hole: Hole) -> bool:
        """Whether a snapshot that came behind the hole reaches back over it: then all of it was let in."""
        shown = self.stream.shown(hole.instrument.name)
        if shown is None or shown.at < hole.end:
            return False
        before = hole.before
        overlaps = before is not None and (shown.oldest.id == before.id or shown.oldest.time < before.time)
        return overlaps or shown.oldest.time < hole.start - MARGIN

    async def _proven(self, name: str, low: Mark | None, end: int) -> int | None:
        """Return where a hole begins that this process found at its start; null when there is none."""
        proofs = [proof for proof in await self.proofs() or () if proof.since < end]
        until = proven_until(proofs, name)
        if until is not None and until >= end:
            return None
        return max((time for time in (until, None if low is None else low.time) if time is not None), default=None)

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


def _is_of_the_start(job: Job) -> bool:
    return job.hole.cause == "restarted" and not job.taken


def _beside(mark: Mark, step: int) -> Mark | None:
    """Return the mark of the number beside; null where ids are no numbers that count."""
    if number(mark.seq) < 0 or mark.id != mark.seq:
        return None
    order = str(number(mark.seq) + step)
    return Mark(order, mark.time, order)


def _spanning(one: Hole, other: Hole) -> Hole:
    """Return the hole from the earlier beginning of two to the later end, whichever came first."""

    def edge(time: int, mark: Mark | None) -> tuple[int, int]:
        return time, number(None if mark is None else mark.seq)

    first = min(one, other, key=lambda hole: edge(hole.start, hole.before))
    last = max(one, other, key=lambda hole: edge(hole.end, hole.after))
    return replace(one, before=first.before, start=first.start, after=last.after, end=last.end)
