"""OKX's trade rows → trades.

``trades-all``, each fill (quantities of SWAP are contracts)::

    {"instId":"BTC-USDT-SWAP","tradeId":"1987654321","px":"80227.1","sz":"1.25","side":"sell","ts":"1790000000123",
     "source":"0"}

``trades``, fills of one taker order joined by price and source, ``tradeId`` the last of them; in 2022 without
``count``, ``source`` and ``seqId``, and one row a fill::

    {"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897",
     "count":"3","source":"0","seqId":1234}
    {"instId":"BTC-USDT","tradeId":"338476308","px":"30243.5","sz":"0.001","side":"buy","ts":"1652459226050"}

All but ``seqId``, which nobody needs, is text. The side is the taker's. ``source`` 1 is an ELP order. A row says
nothing of when it was sent. Ids are consecutive per instrument; by them the rows of a frame are put in order (so far
there is one a frame).
"""

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from metdc_collector.exchanges.checks import LIMIT, Damaged, coins_of, in_coins, milliseconds, per_coin, shown
from metdc_collector.wire.decimals import canonical
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Trade

_FIELDS = itemgetter("instId", "tradeId", "px", "sz", "side", "ts")
_KINDS = {"1": "elp"}
_WORD = re.compile(r"[A-Za-z0-9_]{1,20}", re.ASCII)


def read_rows(
    rows: Sequence[Any], instrument: Instrument, received: int, *, contracts: bool
) -> tuple[Sequence[Trade], str]:
    """Return the trades of healthy rows, oldest first, and what is wrong with the first damaged one (or nothing)."""
    trades: list[Trade] = []
    reason = ""
    for row in rows:
        try:
            trades.append(read(row, instrument, received, contracts=contracts))
        except Damaged as error:
            reason = reason or str(error)
    if len(trades) > 1:
        trades.sort(key=_order)
    return trades, reason


def read(row: Any, instrument: Instrument, received: int, *, contracts: bool) -> Trade:
    """Read a row; ``contracts`` says that the market's quantities are contracts.

    Written out rather than in calls: this is the path of each trade.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    if type(row) is not dict:
        raise Damaged(f"a row is no object: {shown(row)}")
    try:
        name, order, price, size, side, time = _FIELDS(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if name != instrument.name:
        raise Damaged(f"instId of a row is not that of its frame: {shown(name)}")
    number, trade_id, aggregate = whole(order, "tradeId"), order, None
    count, source = row.get("count", "1"), row.get("source", "0")
    if count != "1":
        trade_id, aggregate = f"agg:{order}", _fills(number, count)
    kind = None if source == "0" else _kind(source)
    if side != "buy" and side != "sell":
        raise Damaged(f"side is neither buy nor sell: {shown(side)}")
    if type(price) is not str or type(size) is not str:
        raise Damaged(f"px or sz is no text: {shown(price)}, {shown(size)}")
    try:
        price, size = canonical(price), canonical(size)
    except InvalidDecimal:
        raise Damaged(f"px or sz is no decimal: {shown(price)}, {shown(size)}") from None
    if price == "0" or size == "0":
        raise Damaged(f"px or sz is not above 0: {price}, {size}")
    time = milliseconds(whole(time, "ts"), "ts")
    quantity, counted = (coins_of(size, instrument), size) if contracts else (in_coins(size, instrument), None)
    price = per_coin(price, instrument)
    return Trade(instrument, trade_id, order, price, quantity, side, time, received, None, kind, counted, aggregate)


def whole(value: object, field: str) -> int:
    """Return an integer of less than 64 bits that is written as text, in digits without leading zeros.

    Raises:
        Damaged: for anything else; empty text is no number.
    """
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) < 20:
        number = int(value)
        if (value[0] != "0" or value == "0") and number < LIMIT:
            return number
    raise Damaged(f"{field} is no whole number in text: {shown(value)}")


def _fills(last: int, count: object) -> Aggregate:
    """The range of ids that ends with ``last``."""
    first = last - whole(count, "count") + 1
    if not 0 <= first < last:
        raise Damaged(f"count makes no range of ids up to {last}: {shown(count)}")
    return Aggregate(str(first), str(last))


def _kind(source: object) -> str:
    if type(source) is not str or _WORD.fullmatch(source) is None:
        raise Damaged(f"source is no mark: {shown(source)}")
    # The venue's marks are digits: a new one is told from other kinds by its field's name.
    return _KINDS.get(source, f"source_{source.lower()}")


def _order(trade: Trade) -> int:
    return int(trade.seq or 0)
