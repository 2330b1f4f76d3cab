"""Bybit's trade frames → trades.

Linear, and spot without ``L`` (the tick's direction)::

    {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",
     "S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,
     "RPI":false,"seq":1783284617}]}
    {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1790000486868,"data":[{"i":"2100000000007764263",
     "T":1790000486866,"p":"80227.01","v":"0.00042","S":"Sell","seq":1783284618,"s":"BTCUSDT","BT":false,"RPI":false}]}

A frame holds 1 to 1024 rows, oldest first. ``type`` is always ``snapshot``, though nothing is ever sent again. ``S`` is
the taker's side, ``v`` is in base coins, times are ms. ``i`` is opaque: a UUID on linear, digits on spot. ``seq`` is
shared by several trades and may jump. ``RPI`` and ``seq`` are taken to be younger than the rest (assumed): a row may
lack them.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from metdc_collector.exchanges.checks import LIMIT, Damaged, milliseconds, shown
from metdc_collector.wire.decimals import canonical, divide, multiply
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Side, Trade, is_id

_FIELDS = itemgetter("s", "i", "p", "v", "S", "T", "BT")
_SIDES: dict[str, Side] = {"Buy": "buy", "Sell": "sell"}


def read_rows(
    rows: Sequence[Any], instrument: Instrument, *, received: int, sent: int | None
) -> tuple[list[Trade], str]:
    """Return the trades of healthy rows, in their order, and what is wrong with the first damaged one (or nothing)."""
    trades: list[Trade] = []
    reason = ""
    for row in rows:
        try:
            trades.append(read(row, instrument, received, sent))
        except Damaged as error:
            reason = reason or f"a row: {error}"
    return trades, reason


def read(row: Any, instrument: Instrument, received: int, sent: int | None) -> Trade:
    """Read a row. Written out rather than in calls: this is the path of each trade.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    if type(row) is not dict:
        raise Damaged(f"it is no object: {shown(row)}")
    try:
        name, number, price, quantity, taker, time, block = _FIELDS(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if name != instrument.name:
        raise Damaged(f"s is not that of its topic: {shown(name)}")
    if type(number) is not str or not is_id(number):
        raise Damaged(f"i is no id: {shown(number)}")
    if type(price) is not str or type(quantity) is not str:
        raise Damaged(f"p or v is no text: {shown(price)}, {shown(quantity)}")
    try:
        price, quantity = canonical(price), canonical(quantity)
        if instrument.unit_factor is not None:
            price, quantity = divide(price, instrument.unit_factor), multiply(quantity, instrument.unit_factor)
    except InvalidDecimal:
        raise Damaged(f"p or v is no decimal: {shown(price)}, {shown(quantity)}") from None
    if price == "0" or quantity == "0":
        raise Damaged(f"p or v is not above 0: {price}, {quantity}")
    side, order = _side(taker), _order(row)
    kind = _kind(block, row.get("RPI", False))
    return Trade(instrument, number, order, price, quantity, side, milliseconds(time, "T"), received, sent, kind)


def _side(taker: object) -> Side:
    if type(taker) is str and taker in _SIDES:
        return _SIDES[taker]
    raise Damaged(f"S is neither Buy nor Sell: {shown(taker)}")


def _order(row: dict[str, Any]) -> str | None:
    if "seq" not in row:
        return None
    order = row["seq"]
    if type(order) is int and 0 <= order < LIMIT:
        return str(order)
    raise Damaged(f"seq is no ordering number: {shown(order)}")


def _kind(block: object, improved: object) -> str | None:
    """A block trade is priced outside the book, whoever improved its price."""
    if type(block) is not bool or type(improved) is not bool:
        raise Damaged(f"BT or RPI is no bool: {shown(block)}, {shown(improved)}")
    if block:
        return "block"
    return "rpi" if improved else None
