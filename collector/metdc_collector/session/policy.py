"""When to connect again. Pure: time and randomness come from outside.

After a failure the pause doubles from 1 s to 30 s, with jitter, so that a venue's restart isn't met by all at once.
Three refusals in a row (rate limit, ban, policy) earn a cooldown of 3 minutes, and a venue's own order to stop one
for as long as it says. A refusal of the region is a class of
its own: it passes only with another address, so it is tried every 10 minutes.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from metdc_collector.clock import Timers

_REFUSING_STATUS = frozenset({403, 418, 429})
_REFUSALS_TO_COOLDOWN = 3


class State(Enum):
    """What a session is doing."""

    CONNECTING = "connecting"
    ACTIVE = "active"
    RECONNECTING = "reconnecting"
    COOLDOWN = "cooldown"
    FAILED = "failed"


class End(Enum):
    """How a connection ended, as far as it matters for the next one."""

    FAILED = "failed"
    REFUSED = "refused"
    REGION = "region"


class Outcome(NamedTuple):
    """The end of a connection: its class, and why in words.

    Attributes:
        lived: for how many seconds it had streamed; 0: never.
        wait: for how many seconds the venue ordered to stop; 0: it didn't.
        code: the venue's close code; null where it sent none.
    """

    end: End
    reason: str
    lived: float = 0.0
    wait: float = 0.0
    code: int | None = None


class Pause(NamedTuple):
    """What follows an end: the session's state, for so many seconds."""

    state: State
    seconds: float


def of_status(status: int | None, *, region: bool) -> End:
    """Return the class of an HTTP refusal, null where no reply came; ``region`` as :class:`RestError` says."""
    if region:
        return End.REGION
    return End.REFUSED if status in _REFUSING_STATUS else End.FAILED


def of_close(code: int | None, refusing: Collection[int]) -> End:
    """Return the class of a close code, null for none; ``refusing`` as :attr:`Limits.refusing` says."""
    return End.REFUSED if code in refusing else End.FAILED


@dataclass(slots=True)
class Policy:
    """The pauses of one session; remembers failures until a connection has proved stable."""

    timers: Timers
    random: Callable[[], float]
    failures: int = 0
    refusals: int = 0

    def after(self, outcome: Outcome) -> Pause:
        """Return the pause before the next connection."""
        if outcome.lived >= self.timers.stable:
            self.failures = self.refusals = 0
        if outcome.end is End.REGION:
            self.failures = self.refusals = 0  # after so long a pause nothing is in a row any more
            return Pause(State.FAILED, self.timers.region_block)
        self.refusals = self.refusals + 1 if outcome.end is End.REFUSED else 0
        if self.refusals >= _REFUSALS_TO_COOLDOWN:
            self.refusals = self.failures = 0
            return Pause(State.COOLDOWN, max(self.timers.cooldown, outcome.wait))
        pause = min(self.timers.backoff_most, self.timers.backoff_first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        state = State.COOLDOWN if outcome.wait > self.timers.backoff_most else State.RECONNECTING
        return Pause(state, max(outcome.wait, pause * (0.5 + 0.5 * self.random())))
