"""Upbit's past trades over REST.

``GET /v1/trades/ticks``, 500 a page, newest first; ``cursor`` (a ``sequential_id``) asks for what is older, and
``days_ago`` (1 to 7) for another day::

    [{"market":"KRW-BTC","trade_date_utc":"2026-08-26","trade_time_utc":"07:15:54","timestamp":1787728554797,
      "trade_price":109847000.0,"trade_volume":0.00509799,"prev_closing_price":109165000.0,"change_price":682000.0,
      "ask_bid":"ASK","sequential_id":17877285547970000}]

``timestamp`` is the time of the trade, which the socket calls ``trade_timestamp``. There is no time of sending.

An error is an object: ``{"error":{"name":404,"message":"Code not found"}}``.

Assumed: ``cursor`` leaves out the trade that it names. Whether it leads over midnight (UTC) without ``days_ago`` is not
told: a page that ends on a later day than the hole begins is followed by one more question for each day before, with
the cursor, which is right either way.
"""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.checks import Damaged, shown
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.replies import array, asked, decoded, number, page, refused
from metdc_collector.exchanges.upbit.trades import Form, read
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_MOST = 500
_DAYS = 7
_DAY = 86_400
_NANOSECONDS = _DAY * 1_000_000_000
# The time stands for the time of sending, too, which only the socket tells.
_REST = Form(
    "",
    "market",
    "",
    itemgetter("sequential_id", "trade_price", "trade_volume", "ask_bid", "timestamp", "timestamp"),
)


@dataclass(frozen=True, slots=True)
class Newest:
    """``ticks``: the newest 500."""

    name: str = "ticks"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """The newest of the instrument, whatever the span."""
        return _older(span.instrument, None, 0)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read trades, turned round."""
        return _read(body, instrument, received)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """Nothing: there is one page."""
        return None


@dataclass(frozen=True, slots=True)
class History:
    """``ticks``, from the trade behind the hole downwards."""

    name: str = "ticks by cursor"
    depth: float | None = float(_DAYS * _DAY)  # no amount: a time
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """What is older than the trade behind the hole; without one, the newest."""
        return _older(span.instrument, None if span.after is None else number(span.after.id), 0)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read trades, turned round."""
        return _read(body, instrument, received)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """What is older than the page's oldest; where the page was the last of its day, also the day before."""
        since = span.start if span.before is None else span.before.time
        cursor, days = asked(request, "cursor"), asked(request, "days_ago") or 0
        if page.trades:
            oldest = page.trades[0]
            if oldest.time < since or (cursor is not None and int(oldest.id) >= cursor):
                return None  # the hole is passed, or it does not advance
            cursor = int(oldest.id)
            if not page.full and oldest.time // _NANOSECONDS <= since // _NANOSECONDS:
                return None
        elif page.full:
            return None
        days += not page.full
        return _older(span.instrument, cursor, days) if days <= _DAYS else None


def _older(instrument: Instrument, cursor: int | None, days: int) -> Request:
    path = f"/v1/trades/ticks?market={quote(instrument.name)}&count={_MOST}"
    if cursor is not None:
        path += f"&cursor={cursor}"
    return Request(f"{path}&days_ago={days}" if days else path)


def _read(body: bytes, instrument: Instrument, received: int) -> Page:
    reply = decoded(body)
    if isinstance(reply, dict) and isinstance(reply.get("error"), dict):
        raise refused(reply["error"].get("message"), reply["error"].get("name"))

    def one(row: dict[str, Any]) -> Trade:
        if row.get(_REST.code) != instrument.name:
            raise Damaged(f"{_REST.code} is not {instrument.name}: {shown(row.get(_REST.code))}")
        return read(row, _REST, instrument, received)

    return page(array(reply, body)[::-1], one, _MOST)
