"""What we assume of each market, as data; the checks are in :mod:`metdc_collector.verify.checks`. Pure.

Sources are the venues' documents, and traffic that others have seen; ``docs/venues/`` names what is open. What an
adapter states as data (:class:`Channel`, :class:`Rhythm`, :meth:`Venue.left`) is taken from there and not said again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_MS = 1_000_000


class Opening(Enum):
    """What comes first after a subscription, in words for an operator."""

    LIVE = "nothing from before"
    LAST = "the last trade at once"
    SNAPSHOT = "a snapshot, marked as one"


class Rows(Enum):
    """How the rows of one frame stand, in words for an operator."""

    ONE = "one row a frame"
    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"


class Answer(Enum):
    """What becomes of a subscription to an instrument that doesn't exist."""

    ACCEPTED = "acknowledged, then silence"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Cut:
    """How the venue ends a connection on which the client says nothing.

    Attributes:
        code: its close code; null where it cuts without a close frame.
        after: seconds.
        subscribed: so it ends although it is subscribed to something; otherwise it must not be, or data keep it alive.
    """

    code: int | None
    after: float
    subscribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What we assume of one market.

    Attributes:
        opening: what comes first after a subscription.
        unknown: what becomes of an unknown instrument.
        cut: the end of a silent client; null where the venue itself pings.
        instruments: its list has more than so many instruments that trade.
        digit: what the last digit of a trade's time stands for, ns.
        rows: how the rows of one frame stand.
        ordered: times, and ordering numbers, never fall from one frame to the next of an instrument.
        header: the header by which each REST reply tells what is left of the limit; empty where none does.
    """

    opening: Opening = Opening.LIVE
    unknown: Answer = Answer.REFUSED
    cut: Cut | None = None
    instruments: int
    digit: int = _MS
    rows: Rows = Rows.ONE
    ordered: bool = True
    header: str = ""


_BINANCE_HEADER = "x-mbx-used-weight-1m"
_KUCOIN_HEADER = "gw-ratelimit-remaining"
_KUCOIN_CUT = Cut(code=1000, after=60, subscribed=True)
_GATE_HEADER = "x-gate-ratelimit-requests-remain"

ASSUMED: Mapping[tuple[str, str], Assumed] = {
    ("binance", "spot"): Assumed(unknown=Answer.ACCEPTED, header=_BINANCE_HEADER, instruments=300),
    ("binance", "futures"): Assumed(unknown=Answer.ACCEPTED, header=_BINANCE_HEADER, instruments=200),
    ("bybit", "spot"): Assumed(cut=Cut(None, 600), rows=Rows.OLDEST_FIRST, instruments=200),
    ("bybit", "futures"): Assumed(cut=Cut(None, 600), rows=Rows.OLDEST_FIRST, instruments=200),
    ("okx", "spot"): Assumed(opening=Opening.LAST, cut=Cut(4004, 30), instruments=200),
    ("okx", "futures"): Assumed(opening=Opening.LAST, cut=Cut(4004, 30), instruments=100),
    ("kucoin", "spot"): Assumed(
        unknown=Answer.ACCEPTED, cut=_KUCOIN_CUT, digit=1, header=_KUCOIN_HEADER, instruments=300
    ),
    ("kucoin", "futures"): Assumed(
        unknown=Answer.ACCEPTED, cut=_KUCOIN_CUT, digit=1, header=_KUCOIN_HEADER, instruments=200
    ),
    ("gate", "spot"): Assumed(cut=Cut(None, 30), header=_GATE_HEADER, instruments=500),
    ("gate", "futures"): Assumed(cut=Cut(None, 30), rows=Rows.OLDEST_FIRST, header=_GATE_HEADER, instruments=200),
    ("phemex", "spot"): Assumed(
        opening=Opening.SNAPSHOT, cut=Cut(None, 31), digit=1, rows=Rows.NEWEST_FIRST, instruments=50
    ),
    ("phemex", "futures"): Assumed(
        opening=Opening.SNAPSHOT, cut=Cut(None, 31), digit=1, rows=Rows.NEWEST_FIRST, instruments=50
    ),
    ("upbit", "spot"): Assumed(
        opening=Opening.SNAPSHOT,
        cut=Cut(None, 60, subscribed=True),
        ordered=False,
        header="remaining-req",
        instruments=100,
    ),
}
"""By exchange and market."""
