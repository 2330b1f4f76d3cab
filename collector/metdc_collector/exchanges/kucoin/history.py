"""KuCoin's past trades over REST (the classic API).

Spot, ``GET /api/v1/market/histories``; unlike on the socket ``time`` is a number, and there is no symbol::

    {"code":"200000","data":[{"sequence":"11067996711960577","price":"67523","size":"0.003","side":"buy",
      "time":1729843222921000000}]}

Futures, ``GET /api/v1/trade/history``, as on the socket but for the symbol::

    {"code":"200000","data":[{"sequence":1794100537695,"contractId":1,"tradeId":"1794100537695",
      "makerOrderId":"2478…","takerOrderId":"2478…","ts":1731898619520000000,"size":2,"price":"90503.9","side":"buy"}]}

Error, often with HTTP 200: ``{"msg":"Invalid symbol.","code":"200003"}``.

Both endpoints give the newest 100 rows and know no parameters for others. In which order rows come is told of neither:
they leave in the order of ``sequence``. The ids are ``sequence`` as on the socket.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.checks import nanoseconds
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.kucoin.instruments import SUCCESS
from metdc_collector.exchanges.kucoin.trades import read_execution, read_match
from metdc_collector.exchanges.replies import array, decoded_object, page, refused
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_ROWS = 100


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest hundred trades; nothing leads from them to older ones.

    Attributes:
        path: up to the instrument's name.
        weight: of a request.
        convert: from a row to the trade.
    """

    name: str
    path: str
    weight: int
    convert: Callable[[dict[str, Any], Instrument, int], Trade]
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request:
        """Ask for them."""
        return Request(f"{self.path}={quote(span.instrument.name)}", weight=self.weight)

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply; see :meth:`metdc_collector.exchanges.history.Source.read`."""
        reply = decoded_object(body)
        if reply.get("code") != SUCCESS:
            raise refused(reply.get("msg"), reply.get("code"))
        rows = array(reply.get("data"), body)
        return page(rows, lambda row: self.convert(row, instrument, received), _ROWS, lambda trade: int(trade.id))

    def further(self, span: Span, request: Request, page: Page) -> None:
        """None."""


def _match(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read a row of a pair: the socket's, but for its time, which is a number here."""
    return read_match({**row, "time": str(nanoseconds(row.get("time"), "time"))}, instrument, received)


SPOT = (Newest("histories", "/api/v1/market/histories?symbol", weight=3, convert=_match),)
"""Spot: ids in text, times as numbers."""
FUTURES = (Newest("history", "/api/v1/trade/history?symbol", weight=5, convert=read_execution),)
"""USDT-margined perpetuals: the rows of the socket."""
