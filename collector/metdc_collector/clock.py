"""Time: a wall clock that cannot step, and the timers of a process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Self

Monotonic = Callable[[], int]


class Clock:
    """A wall clock anchored to the monotonic one, in ns since the epoch.

    The system's clock may step while a process runs; the order of ``received`` times must not. The anchor is taken
    once: a collector lives for a rotation interval, and the next one starts with the corrected clock.
    """

    def __init__(self, *, wall: Monotonic = time.time_ns, monotonic: Monotonic = time.monotonic_ns) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._anchor = wall() - monotonic()

    def now(self) -> int:
        """Return the time in ns since the epoch; never less than before, but for :meth:`follow`."""
        return self._anchor + self._monotonic()

    def follow(self) -> None:
        """Take the anchor anew, for a process that lives long and orders nothing by these times."""
        self._anchor = self._wall() - self._monotonic()

    def stepped(self) -> int:
        """Return by how many ns the system's clock has moved away since the start, positive when it is ahead."""
        return self._wall() - self.now()


@dataclass(frozen=True, slots=True)
class Timers:
    """Every timer of a collector that is not a venue's own, in seconds.

    Attributes:
        report: interval of health reports.
        listing_retry: wait after an instrument list that failed, while nothing can be collected without it.
        refresh: interval at which the instrument list is read, and the stream is weighed, again.
        backoff_first, backoff_most: reconnects double from the one to the other.
        cooldown: pause after three refusals in a row.
        region_block: pause after a refusal for the client's region.
        stable: a connection that lived for so long has forgotten its failures.
        hold: a joining connection waits so long for what came before its first trade, where no other pod is alive.
        hold_behind_peer: the same while another pod of the market is alive, or it isn't known yet whether one is.
        acknowledge: NATS must acknowledge a trade within.
        retry, retry_most: pause before rejected trades are published again, doubling from the one to the other.
        nats_ping: interval of pings to NATS; two unanswered ones end the connection.
        nats_reconnect: pause between attempts to reach NATS.
        silent_channel: a feed that acknowledged and sent nothing for so long is compared with REST.
        silent_probe: whether anything is traded at all, REST is asked so long after all has been acknowledged.
        drain: time in which a terminated process delivers what it has accepted.
        quiet: where numbers are consecutive, an instrument's next trade is waited for so long before REST is asked.
        rest_lag: REST shows each trade by so long after it.
        rest_patience: REST that doesn't show a trade is asked again for so long.
        sample: pause between two samples, unless an instrument would wait for more than an hour, or the budget less.
        rest_retry, rest_retry_most: pause after a REST error, doubling from the one to the other.
        listings: interval at which Upbit's market list is asked for listings; a failure doubles it.
        announcements: the same of its notices, which have a pace of their own.
        notice: a coin that has entered the market list waits so long for its notice.
        body: a listing waits so long for the body of its notice, from when it was seen, where the venue refuses that.
        stuck_backlog: readiness waits for another pod's backlog until it has not shrunk for so long.
    """

    report: float = 15.0
    listing_retry: float = 10.0
    refresh: float = 60.0
    backoff_first: float = 1.0
    backoff_most: float = 30.0
    cooldown: float = 180.0
    region_block: float = 600.0
    stable: float = 60.0
    hold: float = 1.0
    hold_behind_peer: float = 10.0
    acknowledge: float = 5.0
    retry: float = 0.25
    retry_most: float = 5.0
    nats_ping: float = 10.0
    nats_reconnect: float = 1.0
    silent_channel: float = 30.0
    silent_probe: float = 1.0
    drain: float = 50.0
    quiet: float = 10.0
    rest_lag: float = 10.0
    rest_patience: float = 60.0
    sample: float = 5.0
    rest_retry: float = 1.0
    rest_retry_most: float = 60.0
    listings: float = 5.0
    announcements: float = 8.0
    notice: float = 60.0
    body: float = 20.0
    stuck_backlog: float = 300.0

    # These follow the speed of NATS and of the process, not a venue's.
    _UNDIVIDED: ClassVar = frozenset(
        {
            *("hold", "hold_behind_peer", "acknowledge", "retry", "retry_most", "drain"),
            *("rest_lag", "rest_patience", "rest_retry", "body"),
        }
    )

    def divided(self, by: float) -> Self:
        """Return the timers divided by ``by``, as the demo and the tests run them."""
        return type(self)(
            **{
                entry.name: getattr(self, entry.name) / (1.0 if entry.name in self._UNDIVIDED else by)
                for entry in fields(self)
            }
        )
