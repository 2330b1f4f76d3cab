"""OKX's past trades over REST.

``GET /api/v5/market/trades`` (the newest 500) and ``/api/v5/market/history-trades`` (``type=1&after=<tradeId>``: older
than that trade; ``type=2&after=<ms>``: older than that time; 100 a page, three months back), both newest first, fills
like those of ``trades-all``; quantities of SWAP are contracts here, too::

    {"code":"0","msg":"","data":[{"instId":"BTC-USDT","side":"sell","sz":"0.00001","px":"29963.2","source":"0",
     "tradeId":"242720720","ts":"1654161646974"}]}

``before`` gives the newest rows that are newer than a trade, not those that follow it: so a hole is read downwards.

An error has another code: ``{"code":"51000","msg":"Parameter instType error","data":[]}``.

Assumed: ``after`` leaves out what it names, time or trade; three months are 90 days.
"""

from dataclasses import dataclass
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.okx.trades import read
from metdc_collector.exchanges.replies import array, asked, decoded_object, number, page, refused
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

RARE = 5
"""Weight of what may be asked for a fifth as often as the newest trades: pages of the past, and the instrument list."""
_MILLISECOND = 1_000_000
_DAY = 86_400.0
_NEWEST, _MOST = 500, 100
_BY_ID, _BY_TIME = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """``trades``: the newest 500.

    Attributes:
        contracts: quantities are contracts.
    """

    contracts: bool
    name: str = "trades"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """The newest of the instrument, whatever the span."""
        return Request(f"/api/v5/market/trades?instId={quote(span.instrument.name)}&limit={_NEWEST}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read fills."""
        return _read(body, instrument, received, contracts=self.contracts, most=_NEWEST)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """Nothing: there is one page."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``history-trades``: from the trade behind the hole downwards.

    Attributes:
        contracts: quantities are contracts.
    """

    contracts: bool
    name: str = "history-trades"
    depth: float | None = 90 * _DAY
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """What is older than the trade behind the hole; without one, than its end."""
        behind = None if span.after is None else number(span.after.seq)
        if behind is None:
            return _older(span.instrument, _BY_TIME, span.end // _MILLISECOND + 1)
        return _older(span.instrument, _BY_ID, behind)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read fills."""
        return _read(body, instrument, received, contracts=self.contracts, most=_MOST)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """What is older than the page's oldest."""
        if not page.full or not page.trades or _is_passed(span, page.trades[0]):
            return None
        oldest, last = _order(page.trades[0]), asked(request, "after")
        if asked(request, "type") == _BY_ID and last is not None and oldest >= last:
            return None  # it does not advance
        return _older(span.instrument, _BY_ID, oldest)


def _older(instrument: Instrument, kind: int, mark: int) -> Request:
    path = f"/api/v5/market/history-trades?instId={quote(instrument.name)}&type={kind}&after={mark}&limit={_MOST}"
    return Request(path, weight=RARE)


def _read(body: bytes, instrument: Instrument, received: int, *, contracts: bool, most: int) -> Page:
    reply = decoded_object(body)
    if reply.get("code") != "0":
        raise refused(reply.get("msg"), reply.get("code"))
    rows = array(reply.get("data"), body)
    return page(rows, lambda row: read(row, instrument, received, contracts=contracts), most, _order)


def _order(trade: Trade) -> int:
    return int(trade.seq or 0)


def _is_passed(span: Span, oldest: Trade) -> bool:
    """Whether nothing of the span is older than this trade: by its number where one is known before, else by time."""
    if span.before is None:
        return oldest.time < span.start
    known = number(span.before.seq)
    return oldest.time < span.before.time if known is None else _order(oldest) - 1 <= known
