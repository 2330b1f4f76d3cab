"""Bybit's past trades over REST: the newest, and nothing else.

``GET /v5/market/recent-trade`` (60 on spot, 1,000 on linear), newest first, without a cursor or a time::

    {"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"execId":"20f43950-d8dd-5b31-9112-a178eb6023af",
     "symbol":"BTCUSDT","price":"16578.50","size":"0.001","side":"Buy","time":"1672304486865","isBlockTrade":false,
     "isRPITrade":false,"seq":"1783284617"}]},"retExtInfo":{},"time":1672304487000}

``execId`` is the socket's ``i``. ``time`` and ``seq`` are text here and numbers on the socket: both are read.
``isRPITrade`` and ``seq`` may be missing, as there (assumed).

An error has another code: ``{"retCode":10001,"retMsg":"…","result":{},…}``.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import Request
from metdc_collector.exchanges.bybit.trades import read
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.replies import array, decoded_object, number, page, refused, renamed
from metdc_collector.wire.instrument import Instrument

# Of REST and the socket.
_NAMES = {
    "execId": "i",
    "symbol": "s",
    "price": "p",
    "size": "v",
    "side": "S",
    "time": "T",
    "isBlockTrade": "BT",
    "isRPITrade": "RPI",
    "seq": "seq",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """``recent-trade``.

    Attributes:
        category: what the venue calls the market.
        most: rows that it gives at most.
    """

    category: str
    most: int
    name: str = "recent-trade"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request | None:
        """The newest of the instrument, whatever the span."""
        name = quote(span.instrument.name)
        return Request(f"/v5/market/recent-trade?category={self.category}&symbol={name}&limit={self.most}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read fills, turned round."""
        reply = decoded_object(body)
        code, result = reply.get("retCode"), reply.get("result")
        if type(code) is not int or code != 0:
            raise refused(reply.get("retMsg"), code)
        rows = array(result.get("list") if isinstance(result, dict) else None, body)
        return page(rows[::-1], lambda row: read(_as_pushed(row), instrument, received, None), self.most)

    def further(self, span: Span, request: Request, page: Page) -> Request | None:
        """Nothing: there is one page."""
        return None


def _as_pushed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as the socket writes it."""
    named = renamed(row, _NAMES)
    for name in ("T", "seq"):
        whole = number(named.get(name))
        if whole is not None:
            named[name] = whole
    return named
