"""Upbit's trade rows → trades.

``DEFAULT``, which is asked for::

    {"type":"trade","code":"KRW-BTC","timestamp":1787728554853,"trade_date":"2026-08-26","trade_time":"07:15:54",
     "trade_timestamp":1787728554797,"trade_price":109847000.0,"trade_volume":0.00509799,"ask_bid":"ASK",
     "prev_closing_price":109165000.0,"change":"RISE","change_price":682000.0,"sequential_id":17877285547970000,
     "best_ask_price":109867000,"best_ask_size":0.0099545,"best_bid_price":109847000,"best_bid_size":0.1583673,
     "stream_type":"SNAPSHOT"}

``SIMPLE``, the same in short; a recording of 2021 has it::

    {"ty":"trade","cd":"KRW-LAMB","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02","ttms":1618678262000,
     "tp":127.0,"tv":46.48838371,"ab":"BID","pcp":123.00000000,"c":"RISE","cp":4.00000000,"sid":1618678262000003,
     "st":"REALTIME"}

``JSON_LIST`` and ``SIMPLE_LIST`` are arrays of these; that their rows are oldest first is assumed. Prices and volumes
are JSON numbers, sometimes with an exponent (``1.16539E8``). ``ASK``: the taker sold. ``timestamp`` is when the frame
was sent. ``sequential_id`` is the same over REST: unique, but neither consecutive nor promised to be in order.
``SNAPSHOT`` is the last trade from before the subscription.
"""

from collections.abc import Callable
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from metdc_collector.exchanges.checks import LIMIT, Damaged, in_coins, milliseconds, per_coin, shown
from metdc_collector.wire.decimals import canonical
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Side, Trade

_SIDES: dict[str, Side] = {"ASK": "sell", "BID": "buy"}


class Form(NamedTuple):
    """The names of a row's members: of its type, its code, its stream's type, and the fields that make a trade."""

    type: str
    code: str
    stream: str
    fields: Callable[[dict[str, Any]], tuple[Any, ...]]


DEFAULT = Form(
    "type",
    "code",
    "stream_type",
    itemgetter("sequential_id", "trade_price", "trade_volume", "ask_bid", "trade_timestamp", "timestamp"),
)
"""Long names."""
SIMPLE = Form("ty", "cd", "st", itemgetter("sid", "tp", "tv", "ab", "ttms", "tms"))
"""Short names."""


def read(row: dict[str, Any], form: Form, instrument: Instrument, received: int) -> Trade:
    """Read the row of a trade, decoded without floats.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    try:
        number, price, quantity, side, time, sent = form.fields(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if type(number) is not int or not 0 <= number < LIMIT:
        raise Damaged(f"no id: {shown(number)}")
    if type(side) is not str or side not in _SIDES:
        raise Damaged(f"the side is neither ASK nor BID: {shown(side)}")
    return Trade(
        instrument,
        str(number),
        None,
        per_coin(_amount(price, "the price"), instrument),
        in_coins(_amount(quantity, "the volume"), instrument),
        _SIDES[side],
        milliseconds(time, "the trade's time"),
        received,
        milliseconds(sent, "the time of sending"),
    )


def _amount(value: object, field: str) -> str:
    """Return a number above 0 in canonical form; text is refused, since it is not what the venue writes."""
    if type(value) is Decimal or type(value) is int:
        try:
            number = canonical(str(value))
        except InvalidDecimal:
            pass
        else:
            if number != "0":
                return number
    raise Damaged(f"{field} is no positive number: {shown(value)}")
