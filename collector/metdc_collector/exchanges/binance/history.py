"""Binance's past trades over REST.

``GET /api/v3/trades`` (the newest) and ``/api/v3/historicalTrades`` (``fromId`` and up), the same of futures under
``/fapi/v1``; both ascend::

    [{"id":5312345678,"price":"80227.01000000","qty":"0.00042000","quoteQty":"33.69534420","time":1790001515463,
      "isBuyerMaker":true,"isBestMatch":true}]                                                                  spot
    [{"id":8097313955,"price":"80227.00","qty":"0.010","quoteQty":"802.27","time":1789893896920,
      "isBuyerMaker":true,"isRPITrade":false}]                                                               futures

``id`` is the socket's ``t``. ``isRPITrade`` is passed over: the socket doesn't tell, and a trade is the same message
from either. Futures leave out insurance-fund and ADL trades, and ids that were no trade.

``GET /fapi/v1/aggTrades`` (``fromId`` and up, or a time of at most an hour), rows as the socket's without ``E``::

    [{"a":3190727436,"p":"70974.50","q":"0.002","nq":"0.002","f":7413816280,"l":7413816280,"T":1773136021194,
      "m":false}]

An error is an object: ``{"code":-1121,"msg":"Invalid symbol."}``.

Assumed: ``historicalTrades`` of futures goes 30 days back and weighs 200, as is said since 2026 (before: 3 months, 20);
``aggTrades`` goes 90 days back; ids of a new instrument begin at 0 or soon after, and ``fromId`` below gives the first.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.binance.trades import AGGREGATE, TRADE, read
from metdc_collector.exchanges.history import Mark, Page, Span
from metdc_collector.exchanges.replies import array, asked, decoded, number, page, refused, renamed
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_MILLISECOND, _SECOND = 1_000_000, 1_000_000_000
_DAY = 86_400
# Start and end are inclusive, and may be an hour apart.
_LONGEST = 3_599_999
_MOST = 1_000
# Of REST and the socket; the time stands for the time of sending, too, which only the socket tells.
_FILL = {"id": "t", "price": "p", "qty": "q", "time": "T", "isBuyerMaker": "m"}
_JOINED = {name: name for name in "apqflTm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """``trades``: the newest thousand, oldest first."""

    path: str
    weight: int
    name: str = "trades"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """The newest of the instrument, whatever the span."""
        return Request(f"{self.path}?symbol={quote(span.instrument.name)}&limit={_MOST}", weight=self.weight)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read fills."""
        return _read(body, TRADE, instrument, received, _MOST)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """Nothing: there is one page."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """``historicalTrades``: by id, upwards.

    Attributes:
        most: rows of a page.
    """

    path: str
    weight: int
    most: int
    depth: float | None
    keyed: bool
    name: str = "historicalTrades"
    aggregates: bool = False

    def request(self, span: Span) -> Request | None:
        """From the id behind the known trade, or from the very first; null where the known ones are aggregates."""
        if _is_joined(span.before or span.after):
            return None
        first = 0 if span.before is None else _following(span.before.seq)
        return None if first is None else self._page(span.instrument, first)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read fills."""
        return _read(body, TRADE, instrument, received, self.most)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """From the id behind the page's last; null where the instrument turns out to be no new one.

        To walk from the first trade of an old one would be to read its whole history.
        """
        if not page.full or not page.trades or _is_passed(span, page.trades[-1]):
            return None
        if span.before is None and page.trades[-1].time < span.start - _DAY * _SECOND:
            return None
        first = _next(request, page)
        return None if first is None else self._page(span.instrument, first)

    def _page(self, instrument: Instrument, first: int) -> Request:
        path = f"{self.path}?symbol={quote(instrument.name)}&limit={self.most}&fromId={first}"
        return Request(path, weight=self.weight, keyed=self.keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregates:
    """``aggTrades``: by the number of the aggregate where one is known, else by time until one is; upwards."""

    path: str
    weight: int
    days: int
    name: str = "aggTrades"
    aggregates: bool = True
    keyed: bool = False

    @property
    def depth(self) -> float:
        """So many days."""
        return float(self.days * _DAY)  # no amount: a time

    def request(self, span: Span) -> Request | None:
        """From the number behind the known aggregate, or the span's first hour, no older than the venue goes back."""
        if span.before is not None and _is_joined(span.before):
            first = _following(span.before.seq)
            return None if first is None else self._numbered(span.instrument, first)
        return self._hour(span, max(span.start, span.end - self.days * _DAY * _SECOND) // _MILLISECOND)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read aggregates."""
        return _read(body, AGGREGATE, instrument, received, _MOST)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """From the number behind the page's last, whatever the hour; after an hour without trades, the next."""
        end = asked(request, "endTime")
        last = end is None or end >= span.end // _MILLISECOND
        if not page.trades:
            return None if end is None or last else self._hour(span, end + 1)
        if (last and not page.full) or _is_passed(span, page.trades[-1]):
            return None
        first = _next(request, page)
        return None if first is None else self._numbered(span.instrument, first)

    def _numbered(self, instrument: Instrument, first: int) -> Request:
        return self._request(instrument, f"fromId={first}")

    def _hour(self, span: Span, start: int) -> Request:
        """``start`` in ms."""
        end = max(start, min(start + _LONGEST, span.end // _MILLISECOND))
        return self._request(span.instrument, f"startTime={start}&endTime={end}")

    def _request(self, instrument: Instrument, which: str) -> Request:
        return Request(f"{self.path}?symbol={quote(instrument.name)}&limit={_MOST}&{which}", weight=self.weight)


def _read(body: bytes, event: str, instrument: Instrument, received: int, most: int) -> Page:
    reply = decoded(body)
    if isinstance(reply, dict) and "code" in reply:
        raise refused(reply.get("msg"), reply["code"])

    def one(row: dict[str, Any]) -> Trade:
        named = renamed(row, _FILL if event == TRADE else _JOINED)
        trade = read(named | {"E": named.get("T")}, event, instrument, received)
        assert isinstance(trade, Trade)  # no X, so that no id is without a trade
        return trade

    return page(array(reply, body), one, most, _order)


def _order(trade: Trade) -> int:
    return int(trade.seq or 0)


def _is_joined(mark: Mark | None) -> bool:
    return mark is not None and mark.id.startswith("agg:")


def _following(seq: str | None) -> int | None:
    known = number(seq)
    return None if known is None else known + 1


def _next(request: Request, page: Page) -> int | None:
    """The number behind the page's last; null where that is none beyond what was asked for."""
    first, before = _order(page.trades[-1]) + 1, asked(request, "fromId")
    return first if before is None or first > before else None


def _is_passed(span: Span, newest: Trade) -> bool:
    """Whether nothing of the span is newer than this trade: by the number where the mark counts the same, else time."""
    after = span.after
    if after is None:
        return newest.time > span.end
    known = number(after.seq)
    if known is None or _is_joined(after) != (newest.aggregate is not None):
        return newest.time > after.time
    return _order(newest) + 1 >= known
