"""What a venue still tells of the past over REST: where to ask for which trades, and how to read the answer. Pure.

An adapter package has one more module, ``history.py``, whose objects are the venue's :attr:`Venue.sources`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from metdc_collector.exchanges.base import Request
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade


class Mark(NamedTuple):
    """A known trade at the edge of a span: its id, the venue's time in ns, its ordering number."""

    id: str
    time: int
    seq: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one instrument's trades to be read again, edges excluded.

    Attributes:
        instrument: whose trades.
        before: the last known trade before it; null where there is none, as of an instrument that is new.
        after: the first known trade behind it; null while none has come.
        start, end: the time in doubt by the venue's clock, ns since the epoch.
    """

    instrument: Instrument
    before: Mark | None
    after: Mark | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """One reply as read.

    Attributes:
        trades: oldest first, marked as back-filled.
        damaged: rows that could not be read.
        full: it has as many rows as a reply can have, so that there may be more beyond it.
    """

    trades: Sequence[Trade]
    damaged: int = 0
    full: bool = False


class Source(Protocol):
    """One REST endpoint that gives an instrument's trades."""

    @property
    def name(self) -> str:
        """The venue's name of it: ``historicalTrades``."""

    @property
    def depth(self) -> float | None:
        """How far back it goes, in seconds; null where it gives the newest rows and nothing else."""

    @property
    def aggregates(self) -> bool:
        """Whether it joins fills: then it serves only where no fill of the range is stored."""

    @property
    def keyed(self) -> bool:
        """Whether the venue wants an API key for it."""

    def request(self, span: Span) -> Request | None:
        """The request for the first page; null where this endpoint can't be asked for such a span."""

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply that came at ``received`` (ns); damaged rows are counted, healthy ones kept.

        Raises:
            InvalidReply: when it is something else; the message fits an operator's eyes.
        """

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """The request for the page that follows the one which ``request`` gave; null after the last of the span."""
