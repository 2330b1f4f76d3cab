"""The timers of a run on one machine, in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from metdc_operator.manifests.deployment import PROGRESS
from metdc_operator.manifests.pod import GRACE
from metdc_operator.rotation import ROTATION
from metdc_operator.status import STALE, WRITE_INTERVAL

DIVIDE = "METDC_DIVIDE_TIMERS"
_SECOND = 10**9


class InvalidTimers(ValueError):
    """``METDC_DIVIDE_TIMERS`` is wrong; the text says how it should be."""


@dataclass(frozen=True, slots=True)
class Timers:
    """What a cluster's defaults and the operator's are, divided for demonstrations and tests.

    Attributes:
        divide: what all but ``proof`` and ``grace`` are divided by, and every interval and overlap of the resources.
        probe: interval of readiness probes.
        watch: interval at which reports are read.
        stale: age from which a report counts no more.
        write: a status is told at most so often, unless a condition turns.
        progress: beyond the overlap; a successor that takes longer to become ready stalls the rotation.
        proof: a new process may take so long to say how it took over, once the old one has ended.
        rotation: what one replacement is reckoned to take, for the budget.
        backoff_first, backoff_most: a process that ends by itself is started anew, at first at once.
        stable: a process that ran so long has forgotten its failures.
        grace: time in which a stopped process delivers what it has accepted.
    """

    divide: float = 1.0
    probe: float = 0.5
    watch: float = 2.0
    stale: float = STALE / _SECOND
    write: float = WRITE_INTERVAL / _SECOND
    progress: float = float(PROGRESS)
    proof: float = 90.0  # REST that lags is asked again for 60 s, and is no faster where timers are divided
    rotation: float = ROTATION / _SECOND
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    stable: float = 60.0
    grace: float = float(GRACE)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Timers":
        """Return the timers that the environment asks for.

        Raises:
            InvalidTimers: when ``METDC_DIVIDE_TIMERS`` is no number from 1 to 1000.
        """
        text = environment.get(DIVIDE, "1")
        try:
            by = float(text)
        except ValueError:
            by = 0.0
        if not 1 <= by <= 1000:
            raise InvalidTimers(f"{DIVIDE}: {text!r} is not a number from 1 to 1000")
        return cls(
            divide=by,
            probe=max(cls().probe / by, 0.1),
            watch=max(cls().watch / by, 0.25),
            stale=max(cls().stale / by, 3.0),
            write=cls().write / by,
            progress=max(cls().progress / by, 60.0),  # a start takes what it takes
            rotation=cls().rotation / by,
            backoff_first=cls().backoff_first / by,
            backoff_most=cls().backoff_most / by,
            stable=cls().stable / by,
        )

    def divided(self, duration: int) -> int:
        """Return an interval or overlap of a resource (ns) as this run keeps it (ns)."""
        return int(duration / self.divide)


def nanoseconds(seconds: float) -> int:
    """Return seconds in ns."""
    return int(seconds * _SECOND)
