"""Binance's trade events → trades.

Raw trade, spot and futures (``X`` and ``st`` on futures only; ``b`` and ``a`` until 2024 on spot)::

    {"e":"trade","E":1789893896920,"T":1789893896920,"s":"BTCUSDT","t":8097313955,"p":"80227.00","q":"0.010",
     "X":"MARKET","m":true,"st":1}

Aggregate, one taker order at one price (``M`` on spot, ``nq`` on today's futures)::

    {"e":"aggTrade","E":1773136021199,"a":3190727436,"s":"BTCUSDT","p":"70974.50","q":"0.002","nq":"0.002",
     "f":7413816280,"l":7413816280,"T":1773136021194,"m":false}

``m``: the buyer was the maker, so the taker sold. ``q`` includes what was filled outside the book (RPI), ``nq`` not.
Times are ms, or µs where the connection asked for them.
"""

import re
from operator import itemgetter
from typing import Any, NamedTuple

from metdc_collector.exchanges.checks import LIMIT, Damaged, milliseconds, shown
from metdc_collector.wire.decimals import canonical, divide, multiply
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Side, Trade

TRADE, AGGREGATE = "trade", "aggTrade"
"""The events."""
_FIELDS = {TRADE: itemgetter("t", "p", "q", "T", "E", "m"), AGGREGATE: itemgetter("a", "p", "q", "T", "E", "m")}
_NO_TRADE = "NA"
_KINDS = {"MARKET": None, "INSURANCE_FUND": "insurance"}
_WORD = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)


class Skipped(NamedTuple):
    """An id that was used up without a trade."""

    instrument: Instrument
    id: str


def read(row: dict[str, Any], event: str, instrument: Instrument, received: int) -> Trade | Skipped:
    """Read a ``trade`` or ``aggTrade`` event. Written out rather than in calls: this is the path of each trade.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    try:
        number, price, quantity, time, sent, maker = _FIELDS[event](row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if type(number) is not int or not 0 <= number < LIMIT:
        raise Damaged(f"no id: {shown(number)}")
    order = trade_id = str(number)
    kind, aggregate = row.get("X"), None
    if kind is not None or "X" in row:
        if kind == _NO_TRADE:
            return Skipped(instrument, order)
        kind = _kind(kind)
    if event != TRADE:
        trade_id, aggregate = f"agg:{order}", _fills(row)
    if type(price) is not str or type(quantity) is not str:
        raise Damaged(f"p or q is no text: {shown(price)}, {shown(quantity)}")
    try:
        price, quantity = canonical(price), canonical(quantity)
        if instrument.unit_factor is not None:
            price, quantity = divide(price, instrument.unit_factor), multiply(quantity, instrument.unit_factor)
    except InvalidDecimal:
        raise Damaged(f"p or q is no decimal: {shown(price)}, {shown(quantity)}") from None
    if price == "0" or quantity == "0":
        raise Damaged(f"p or q is not above 0: {price}, {quantity}")
    time, sent = milliseconds(time, "T"), milliseconds(sent, "E")
    if maker is not True and maker is not False:
        raise Damaged(f"m is no bool: {shown(maker)}")
    side: Side = "sell" if maker else "buy"
    return Trade(instrument, trade_id, order, price, quantity, side, time, received, sent, kind, None, aggregate)


def _fills(row: dict[str, Any]) -> Aggregate:
    first, last = row.get("f"), row.get("l")
    if type(first) is int and type(last) is int and 0 <= first <= last < LIMIT:
        return Aggregate(str(first), str(last))
    raise Damaged(f"f and l are no range of ids: {shown(first)}, {shown(last)}")


def _kind(mark: object) -> str | None:
    if type(mark) is not str or _WORD.fullmatch(mark) is None:
        raise Damaged(f"X is no kind: {shown(mark)}")
    return _KINDS.get(mark, mark.lower())
