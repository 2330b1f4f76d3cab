"""The holes of one market that are looked after: how they are noticed, and which are the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from metdc_collector.backfill.holes import Hole, beside, spanning
from metdc_collector.backfill.proof import Kept, between, in_flight
from metdc_collector.backfill.search import Job
from metdc_collector.backfill.stream import Stream
from metdc_collector.clock import Clock, Timers
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.instrument import Instrument

# Whatever was in flight when a hole was noticed, here or in another pod, is stored by then.
_IN_FLIGHT = 1.0
# A snapshot, if there is one, has come by then, and shows what REST would.
_SNAPSHOT = 0.5
_NS = 1_000_000_000


@dataclass(slots=True, eq=False, kw_only=True)
class Jobs:
    """Takes note of holes, each once.

    Attributes:
        instruments: those that are streamed, by native name.
        consecutive: whether the feed in use counts.
        kept: what dead processes have left on disk.
        covered: since when all instruments are listened to, ns; null before.
    """

    venue: Venue
    stream: Stream
    clock: Clock
    timers: Timers
    instruments: Callable[[], Mapping[str, Instrument]]
    consecutive: Callable[[], bool]
    kept: Callable[[], Sequence[Kept]] = tuple
    covered: int | None = None
    _jobs: dict[str, list[Job]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

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
        return {name for name, jobs in self._jobs.items() if any(job.of_the_start for job in jobs)}

    def take_over(self, hole: Hole, filled: int) -> None:
        """Go on with a hole that another pod has left open."""
        job = Job(hole, self.clock.now(), opened=True, taken=True)
        job.evidence.filled = filled
        self._keep(job)

    def dropped(self, instrument: Instrument, first: Mark, last: Mark, run: int) -> None:
        """These trades, and what was between them, were received and had to be given up, in one ``run`` or another."""
        before, after = (beside(first, -1), beside(last, 1)) if self.consecutive() else (None, None)
        hole = Hole(instrument, before, after, first.time, last.time, "dropped", self.clock.now())
        for job in self._jobs.get(instrument.name, ()):
            if job.run == run and not job.busy and not job.evidence.asked:
                # What is given up piece by piece is one hole, or REST would be asked piece by piece.
                job.becomes(spanning(job.hole, hole))
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
                begun = blind.asked if blind.start is None else in_flight(blind.start, before)
                start = blind.end if begun is None else begun
                self._add(Hole(instrument, before, None, start, blind.end, cause, now))
        for instrument, before, after in jumps:
            for first, last in pairwise([before, *between(instrument.name, before, after, self.kept()), after]):
                hole = self._counted(instrument, first, last, now)
                if hole.count:
                    self._add(hole)

    def _cause(self, blind: Blind) -> str:
        if blind.start is None:
            return "restarted"
        if blind.unread:
            return "malformed"
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
