"""Phemex's past trades over REST.

Spot, ``GET /md/trade?symbol=sBTCUSDT``, scaled integers::

    {"error":null,"id":0,"result":{"sequence":146074875,"symbol":"sBTCUSDT",
     "trades":[[1666860389799499000,"Buy",2070210000000,94900000]],"type":"snapshot"}}

USDT perpetuals, ``GET /md/v2/trade?symbol=BTCUSDT``, decimal text::

    {"error":null,"id":0,"result":{"sequence":77766796,"symbol":"BTCUSDT",
     "trades_p":[[1666860389799499000,"Buy","20702.1","0.949"],[1666860389799498000,"Sell","20702","0.01"]],
     "type":"snapshot"}}

Error: ``{"error":{"code":6001,"message":"invalid argument"},"id":null,"result":null}``.

The rows are those of a snapshot on the socket, newest first, and so are the ids, which the venue doesn't give: equal
rows are numbered from the oldest on. A reply that is full may begin in the middle of equal rows, so **those of its
oldest time are left out**: otherwise they would be numbered from 0 again, and taken for rows that they are not.

Assumed: a reply of 200 rows or more is full. About a thousand rows were seen in a snapshot, 200 are documented for it,
and nothing is known of REST; a reply that is wrongly taken for full costs the rows of one time, one that is wrongly
taken for whole would hide a hole. There is no way to older rows, and a cache may give a reply that is some time old.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from metdc_collector.exchanges.base import InvalidReply, Ordinals, Request
from metdc_collector.exchanges.checks import shown
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.exchanges.phemex.trades import FUTURES_FAMILY, SPOT_FAMILY, Family, read_rows
from metdc_collector.exchanges.replies import array, decoded_object, refused
from metdc_collector.wire.instrument import Instrument

_FEWEST_OF_A_FULL_REPLY = 200


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest trades, about a thousand; nothing leads from them to older ones.

    Attributes:
        path: up to the instrument's name.
        family: how the market's trades are written.
    """

    path: str
    family: Family
    name: str = "trade"
    depth: float | None = None
    aggregates: bool = False
    keyed: bool = False

    def request(self, span: Span) -> Request:
        """Ask for them."""
        return Request(f"{self.path}={quote(span.instrument.name)}")

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        """Read a reply, without the rows of the oldest time where it is full.

        Raises:
            InvalidReply: when it is something else.
        """
        rows = _rows(body, self.family.rows, instrument.name)
        found, _ = read_rows(rows, instrument, Ordinals(), self.family, received=received, sent=None)
        full, damaged = len(rows) >= _FEWEST_OF_A_FULL_REPLY, len(rows) - len(found)
        oldest = min((trade.time for trade in found), default=0) if full else 0
        return Page([trade._replace(backfilled=True) for trade in found if trade.time > oldest], damaged, full)

    def further(self, span: Span, request: Request, page: Page) -> None:
        """None."""


def _rows(body: bytes, key: str, name: str) -> list[Any]:
    reply = decoded_object(body)
    error, result = reply.get("error"), reply.get("result")
    if isinstance(error, dict):
        raise refused(error.get("message"), error.get("code"))
    if error is not None or not isinstance(result, dict):
        raise InvalidReply(f"the reply holds no result: error {shown(error)}, result {shown(result)}")
    if result.get("symbol") != name:
        raise InvalidReply(f"the reply is not about {shown(name)}: its symbol is {shown(result.get('symbol'))}")
    return array(result.get(key), body)


SPOT = (Newest("/md/trade?symbol", SPOT_FAMILY),)
"""Spot: scaled integers."""
FUTURES = (Newest("/md/v2/trade?symbol", FUTURES_FAMILY),)
"""USDT-margined perpetuals: decimal text."""
