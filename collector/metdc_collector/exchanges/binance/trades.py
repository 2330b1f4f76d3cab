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
from typing import Any, NamedTuple

from metdc_collector.exchanges.checks import Damaged, count, in_coins, milliseconds, per_coin, positive, shown
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Side, Trade

_NORMAL = "MARKET"
_NO_TRADE = "NA"
_KINDS = {"INSURANCE_FUND": "insurance"}
_WORD = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)


class Skipped(NamedTuple):
    """An id that was used up without a trade."""

    instrument: Instrument
    id: str


def read_trade(row: dict[str, Any], instrument: Instrument, received: int) -> Trade | Skipped:
    """Read a ``trade`` event.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    number = str(count(row.get("t"), "t"))
    mark = row.get("X", _NORMAL)
    if mark != _NORMAL:
        if mark == _NO_TRADE:
            return Skipped(instrument, number)
        mark = _kind(mark)
    else:
        mark = None
    price, quantity = positive(row.get("p"), "p"), positive(row.get("q"), "q")
    if instrument.unit_factor is not None:
        price, quantity = per_coin(price, instrument), in_coins(quantity, instrument)
    time, sent = milliseconds(row.get("T"), "T"), milliseconds(row.get("E"), "E")
    return Trade(instrument, number, number, price, quantity, _side(row), time, received, sent, mark)


def read_aggregate(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read an ``aggTrade`` event; its id has a space of its own, ``agg:<id>``.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    number = str(count(row.get("a"), "a"))
    first, last = count(row.get("f"), "f"), count(row.get("l"), "l")
    if last < first:
        raise Damaged(f"l is before f: {last}")
    price, quantity = positive(row.get("p"), "p"), positive(row.get("q"), "q")
    if instrument.unit_factor is not None:
        price, quantity = per_coin(price, instrument), in_coins(quantity, instrument)
    return Trade(
        instrument,
        f"agg:{number}",
        number,
        price,
        quantity,
        _side(row),
        time=milliseconds(row.get("T"), "T"),
        received=received,
        sent=milliseconds(row.get("E"), "E"),
        aggregate=Aggregate(str(first), str(last)),
    )


def _side(row: dict[str, Any]) -> Side:
    maker = row.get("m")
    if maker is True:
        return "sell"
    if maker is False:
        return "buy"
    raise Damaged(f"m is no bool: {shown(maker)}")


def _kind(mark: object) -> str:
    if type(mark) is not str or _WORD.fullmatch(mark) is None:
        raise Damaged(f"X is no kind: {shown(mark)}")
    return _KINDS.get(mark, mark.lower())
