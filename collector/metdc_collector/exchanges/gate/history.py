"""Gate's past trades over REST (API v4).

Spot, ``GET /api/v4/spot/trades``, numbers as text, ``sequence_id`` is the stream's ``id_market``::

    [{"id":"309143071","create_time":"1606292218","create_time_ms":"1606292218213.4578","currency_pair":"GT_USDT",
      "side":"sell","amount":"16.4700000000","price":"0.4705000000","sequence_id":"917144"}]

Futures, ``GET /api/v4/futures/usdt/trades``; sizes as on the socket, text where the header asks for it::

    [{"id":121234231,"create_time":1514764800.123,"create_time_ms":1514764800.123,"contract":"BTC_USDT","size":-100,
      "price":"100.123"}]

Error: ``{"label":"CONTRACT_NOT_FOUND","message":"…"}``. Rows are newest first; they leave in the order of
``sequence_id`` (spot; of ``id`` where it is missing) or of ``id`` (futures).

Both endpoints give the newest rows, or those of a span of whole seconds, a thousand at a time, by ``page`` on spot and
by ``offset`` on futures; ``last_id`` is deprecated. Assumed:

- ``create_time_ms`` of a contract is in seconds with three decimals where it is below 10**11, as the documents' example
  has it, and in ms otherwise, as their text says. Either is as fine as the stream's.
- Whether ``from`` and ``to`` belong to the span isn't told: a second more is asked for on both sides.
- ``limit`` × (``page`` - 1) is 100,000 at most on spot; of ``offset`` the same is taken to hold.
- Contracts go back for two weeks at least: "weeks", by one source.
- While a span that isn't over is paged, new trades move rows to later pages: some come twice, none is missed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.checks import Damaged, shown
from metdc_collector.exchanges.gate import trades
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.replies import array, asked, decoded, number, page, refused
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_ROWS = 1_000
_FURTHEST = 100_000
_SECOND = 1_000_000_000
_DAY = 86_400
_SECONDS_DIGITS = 10  # from 2001 to 2286
_BELOW_MS = 10**11


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a market's trades are asked for, and how they are written.

    Attributes:
        path: up to the instrument's name.
        name: the member of a row that names its instrument.
        read: from a row to a trade.
        beyond: the parameter that skips rows.
        first, step: its value for the first thousand, and how much it grows for the next.
    """

    path: str
    name: str
    read: Callable[[dict[str, Any], Instrument, int], Trade]
    beyond: str
    first: int
    step: int

    def rows(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply."""
        reply = decoded(body)
        if isinstance(reply, dict) and "label" in reply:
            raise refused(reply.get("message"), reply["label"])

        def one(row: dict[str, Any]) -> Trade:
            if row.get(self.name) != instrument.name:
                raise Damaged(f"{self.name} is not {instrument.name}: {shown(row.get(self.name))}")
            return self.read(row, instrument, received)

        return page(array(reply, body), one, _ROWS, _order)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest thousand trades; nothing leads from them to older ones."""

    endpoint: Endpoint
    name: str = "trades"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request:
        """Ask for them."""
        return Request(f"{self.endpoint.path}={quote(span.instrument.name)}&limit={_ROWS}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply; see :meth:`metdc_collector.exchanges.history.Source.read`."""
        return self.endpoint.rows(body, instrument, received)

    def further(self, span: Span, request: Request, page: Page) -> None:
        """None."""


@dataclass(frozen=True, slots=True)
class ByTime:
    """The trades of a span, from its end back to its beginning."""

    endpoint: Endpoint
    depth: float
    name: str = "trades by time"
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request:
        """Ask for the newest thousand of the span."""
        return self._request(span, _after(span.end), self.endpoint.first)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply; see :meth:`metdc_collector.exchanges.history.Source.read`."""
        return self.endpoint.rows(body, instrument, received)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """Skip another thousand or, where so many can't be skipped, ask for what is before the oldest trade at hand."""
        endpoint = self.endpoint
        end, place = asked(request, "to"), asked(request, endpoint.beyond)
        if not page.full or end is None or place is None or _is_passed(span, page):
            return None
        skipped = place - endpoint.first
        if (skipped // endpoint.step + 1) * _ROWS <= _FURTHEST:
            return self._request(span, end, endpoint.first + skipped + endpoint.step)
        # Only ever earlier, so that this ends.
        earlier = _after(page.trades[0].time) if page.trades else end
        return self._request(span, earlier, endpoint.first) if earlier < end else None

    def _request(self, span: Span, end: int, place: int) -> Request:
        endpoint = self.endpoint
        begin = max(0, span.start // _SECOND - 1)
        which = f"limit={_ROWS}&from={begin}&to={end}&{endpoint.beyond}={place}"
        return Request(f"{endpoint.path}={quote(span.instrument.name)}&{which}")


def _after(time: int) -> int:
    """Return a whole second (Unix time) before which a time (ns) surely lies, whether ``to`` is included or not."""
    return time // _SECOND + 2


def _is_passed(span: Span, page: Page) -> bool:
    """Whether nothing is left between the page and the trade that is known before the span."""
    before = span.before
    if before is None or not page.trades:
        return False
    oldest = page.trades[0]
    if span.instrument.market == "spot" and before.seq is not None and oldest.seq is not None:
        return int(oldest.seq) <= int(before.seq) + 1
    return oldest.time < before.time


def _order(trade: Trade) -> tuple[bool, int]:
    """Rows without the ordering number are of a time before it."""
    return trade.seq is not None, int(trade.seq or trade.id)


def _pair(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read a row of a pair: the socket's, but for numbers in text and the name of the ordering number."""
    numbers = {name: _number(row[here], here) for here, name in _NUMBERS.items() if here in row}
    return trades.SPOT.read({**row, **numbers}, instrument, received, None)


def _contract(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read a row of a contract: the socket's, but for the unit of its time."""
    return trades.FUTURES.read({**row, "create_time_ms": _ms(row.get("create_time_ms"))}, instrument, received, None)


_NUMBERS = {"id": "id", "sequence_id": "id_market"}


def _number(value: object, field: str) -> int:
    """Return a number in text."""
    whole = number(value)
    if whole is None:
        raise Damaged(f"{field} is no number in text: {shown(value)}")
    return whole


def _ms(time: object) -> object:
    """Return a time in seconds as one in ms; anything else as it is, for the socket's reader to judge."""
    if type(time) is int and time < _BELOW_MS:
        return time * 1_000
    if type(time) is Decimal and time.adjusted() == _SECONDS_DIGITS - 1:
        sign, digits, exponent = time.as_tuple()
        return Decimal((sign, digits, int(exponent) + 3))  # exact, however long
    return time


_SPOT = Endpoint("/api/v4/spot/trades?currency_pair", "currency_pair", _pair, beyond="page", first=1, step=1)
_FUTURES = Endpoint("/api/v4/futures/usdt/trades?contract", "contract", _contract, beyond="offset", first=0, step=_ROWS)

SPOT = (Newest(_SPOT), ByTime(_SPOT, depth=30 * _DAY))
"""Spot: 30 days."""
FUTURES = (Newest(_FUTURES), ByTime(_FUTURES, depth=14 * _DAY))
"""USDT-margined perpetuals: weeks."""
