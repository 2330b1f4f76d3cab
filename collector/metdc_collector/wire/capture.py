"""What the process that makes a capture says of it: at ``/report`` while it works, and as its last words.

The last words of a container are at most 4,096 bytes; what does not fit is left out and counted::

    {"v":1,"name":"SOMI-20261127T020000Z","base":"SOMI","at":1795744800000000000,"start":1795744780000000000,
     "end":1795744820000000000,"state":"captured","completeness":"Final","made":1795744821200000000,
     "bucket":"metdc_captures","summary":"binance.spot.SOMI-USDT moved first, …",
     "trades":4711,"traded":9,"gaps":0,"absent":1,
     "markets":[{"market":"binance.spot","instrument":"SOMIUSDT","symbol":"SOMI-USDT","trades":1200,"lacks":[]}],
     "missing":[{"market":"okx.futures","reason":"not_listed","text":"SOMI was not listed there at that time"}],
     "reason":"","message":""}
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

import orjson

from metdc_collector.wire import records
from metdc_collector.wire.errors import InvalidMessage, WireError

VERSION = 1
LAST_WORDS = 4096
"""Bytes that Kubernetes keeps of a container's last words."""
State = Literal["waiting", "reading", "captured", "refused", "failed"]
Completeness = Literal["", "Provisional", "Final"]
_LONGEST = 600
_MARKET = re.compile(r"[a-z0-9_-]+\.[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the window that may lack trades of one instrument, ns; ``open`` while it may still be filled."""

    reason: str
    start: int
    end: int
    open: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """An instrument: its market (``binance.spot``), the venue's name for it, and its trades in the window."""

    market: str
    instrument: str
    symbol: str
    trades: int
    lacks: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """A market of which nothing is captured: why, in one word and in words."""

    market: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """A capture. Times are ns since the epoch.

    Attributes:
        name: of the result's folder.
        base: the coin's common name.
        at: the moment of the announcement.
        start, end: the window, without its end.
        state: ``waiting`` for the window to be over and proven, ``reading``, ``captured``; ``refused`` where nothing
            can be captured and no retry changes that; ``failed`` where one may.
        completeness: of the result; empty while there is none.
        made: when the result that is kept was made; null while there is none.
        bucket: the object store that holds it.
        summary: who moved first, in a sentence.
        trades, traded, gaps, absent: how many trades, instruments with trades, spans that may lack some, and markets
            of which nothing is captured.
        markets, missing: each of them; there may be more than are told.
        reason, message: why it is refused or has failed, in one word and in words.
    """

    name: str
    base: str
    at: int
    start: int
    end: int
    state: State = "waiting"
    completeness: Completeness = ""
    made: int | None = None
    bucket: str = ""
    summary: str = ""
    trades: int = 0
    traded: int = 0
    gaps: int = 0
    absent: int = 0
    markets: tuple[Captured, ...] = ()
    missing: tuple[Absent, ...] = ()
    reason: str = ""
    message: str = ""


def encode(report: CaptureReport, *, most: int | None = None) -> bytes:
    """Return the report as JSON, of at most so many bytes where that is said, 4,096 or more."""
    if most is None:
        return _json(report)
    short = replace(report, summary=_cut(report.summary), message=_cut(report.message))
    return next(text for text in map(_json, _shorter(short)) if len(text) <= most)


def decode(data: bytes) -> CaptureReport:
    """Read a report; members that this version doesn't know are passed over.

    Raises:
        InvalidMessage: when it is no report of a capture, or is of a version that this code does not know.
    """
    try:
        report = records.build(CaptureReport, records.load(data, VERSION))
        _check(report)
    except WireError as error:
        raise InvalidMessage(f"report of a capture: {error}") from None
    return report


def _check(report: CaptureReport) -> None:
    """Check that what is named has a name, and each market and symbol both of its parts.

    Raises:
        InvalidMessage: when one hasn't.
    """
    named = [("name", report.name), ("base", report.base), *(("instrument", one.instrument) for one in report.markets)]
    for member, name in named:
        if not name:
            raise InvalidMessage(f"{member}: is empty")
    for one in report.markets:
        records.symbol({"symbol": one.symbol})
    for market in (*(one.market for one in report.markets), *(one.market for one in report.missing)):
        if _MARKET.fullmatch(market) is None:
            raise InvalidMessage(f"market: {market[:80]!r} is not EXCHANGE.MARKET")


def _json(report: CaptureReport) -> bytes:
    return orjson.dumps({"v": VERSION} | asdict(report))


def _shorter(report: CaptureReport) -> Iterator[CaptureReport]:
    """Yield the report, then without words, without spans, and with ever fewer instruments, the liveliest left."""
    yield report
    report = replace(report, missing=tuple(replace(one, text="") for one in report.missing))
    yield report
    markets = sorted(report.markets, key=lambda one: -one.trades)
    report = replace(report, markets=tuple(replace(one, lacks=one.lacks[:1]) for one in markets))
    yield report
    report = replace(report, markets=tuple(replace(one, lacks=()) for one in report.markets))
    while report.markets or report.missing:
        yield report
        left = len(report.markets) * 3 // 4
        report = replace(report, markets=report.markets[:left], missing=report.missing[: left + left // 2])
    yield report


def _cut(text: str) -> str:
    """Return as much of a text as 600 bytes hold, in one line."""
    return " ".join(text.split()).encode()[:_LONGEST].decode(errors="ignore")
