"""Gate's trade frames → trades.

Spot, one trade a frame; in 2021 without ``time_ms``, ``range`` and ``id_market``::

    {"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update","result":{"id":309143071,
     "create_time":1606292218,"create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"GT_USDT",
     "amount":"16.4700000000","price":"0.4705000000","range":"2390902-2390902","id_market":917144}}

Futures, several a frame; sizes are text where the connection asked for it (``X-Gate-Size-Decimal: 1``), else integers::

    {"time":1790000003,"time_ms":1790000003123,"channel":"futures.trades","event":"update","result":[{"id":560345680,
     "size":"-10.5","create_time":1790000003,"create_time_ms":1790000003120,"price":"80227.1","contract":"BTC_USDT",
     "is_internal":true}]}

Spot ids count over all pairs, ``id_market`` counts those of one pair without a hole (``range`` is passed over); futures
ids rise within a contract. The side is the taker's; on futures it is the sign of ``size``, positive where the taker
bought. ``size`` counts contracts. ``is_internal`` is there only when true: the insurance fund or deleveraging took a
position over, at a price off the market. In which order the rows of a futures frame come is not told: they leave in
the order of their ids.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from metdc_collector.exchanges.checks import (
    LIMIT,
    Damaged,
    coins_of,
    in_coins,
    is_name,
    is_nanoseconds,
    milliseconds,
    per_coin,
    positive,
    shown,
)
from metdc_collector.wire.decimals import canonical, from_decimal
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Side, Trade

_SPOT = itemgetter("id", "create_time_ms", "side", "amount", "price")
_FUTURES = itemgetter("id", "create_time_ms", "size", "price")
_MS_DIGITS = 13  # from 2001 to 2286


@dataclass(frozen=True, slots=True)
class Family:
    """How a market's channels are called, and its trades written.

    Attributes:
        prefix: what its channels begin with, before the dot.
        name: the member of a row that names its instrument.
        several: a frame's ``result`` is an array of rows, not the one row.
        read: from a row to a trade.
    """

    prefix: str
    name: str
    several: bool
    read: Callable[[dict[str, Any], Instrument, int, int | None], Trade]


class Rows(NamedTuple):
    """What came of a frame's rows; ``damage`` says what is wrong with the first damaged one, or nothing."""

    trades: list[Trade]
    out_of_scope: list[str]
    damage: str


def read_rows(
    rows: Collection[Any], family: Family, instruments: Mapping[str, Instrument], received: int, sent: int | None
) -> Rows:
    """Read the rows of a frame, each by itself; trades are in the order of their ids where there are several."""
    read, key = family.read, family.name
    trades: list[Trade] = []
    strangers: list[str] = []
    damage = ""
    for row in rows:
        try:
            if type(row) is not dict:
                raise Damaged(f"a row is no object: {shown(row)}")
            name = row.get(key)
            instrument = instruments.get(name) if type(name) is str else None
            if instrument is not None:
                trades.append(read(row, instrument, received, sent))
            elif is_name(name):
                strangers.append(name)
            else:
                raise Damaged(f"{key} is no name: {shown(name)}")
        except Damaged as error:
            damage = damage or str(error)
    if len(trades) > 1:
        trades.sort(key=_number)
    return Rows(trades, strangers, damage)


def has_fractions(rows: Collection[Any]) -> bool:
    """Whether a row holds a JSON number that the fast decoder made a float of: it may have been rounded."""
    return any(type(value) is float for row in rows if type(row) is dict for value in row.values())


def _number(trade: Trade) -> int:
    return int(trade.id)


def _spot(row: dict[str, Any], instrument: Instrument, received: int, sent: int | None) -> Trade:
    """Written out rather than in calls: this is the path of each trade."""
    try:
        number, time, side, quantity, price = _SPOT(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if type(number) is not int or not 0 <= number < LIMIT:
        raise Damaged(f"no id: {shown(number)}")
    order = None
    if "id_market" in row:
        order = row["id_market"]
        if type(order) is not int or not 0 <= order < LIMIT:
            raise Damaged(f"id_market is no number: {shown(order)}")
        order = str(order)
    if side != "buy" and side != "sell":
        raise Damaged(f"side is neither buy nor sell: {shown(side)}")
    if type(price) is not str or type(quantity) is not str:
        raise Damaged(f"price or amount is no text: {shown(price)}, {shown(quantity)}")
    try:
        price, quantity = canonical(price), canonical(quantity)
    except InvalidDecimal:
        raise Damaged(f"price or amount is no decimal: {shown(price)}, {shown(quantity)}") from None
    if price == "0" or quantity == "0":
        raise Damaged(f"price or amount is not above 0: {price}, {quantity}")
    if instrument.unit_factor is not None:
        price, quantity = per_coin(price, instrument), in_coins(quantity, instrument)
    return Trade(instrument, str(number), order, price, quantity, side, _instant(time), received, sent)


def _futures(row: dict[str, Any], instrument: Instrument, received: int, sent: int | None) -> Trade:
    try:
        number, time, size, price = _FUTURES(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if type(number) is not int or not 0 <= number < LIMIT:
        raise Damaged(f"no id: {shown(number)}")
    side, contracts = _signed(size)
    price = per_coin(positive(price, "price"), instrument)
    quantity = coins_of(contracts, instrument)
    kind = None
    if "is_internal" in row:
        internal = row["is_internal"]
        if internal is not True and internal is not False:
            raise Damaged(f"is_internal is no bool: {shown(internal)}")
        kind = "internal" if internal else None
    order = str(number)
    return Trade(instrument, order, order, price, quantity, side, _instant(time), received, sent, kind, contracts)


def _signed(size: object) -> tuple[Side, str]:
    """Return what the sign of a size says, and the size without it.

    A size is text, an integer, or a number with a fraction, which the exact decoder makes a ``Decimal`` of. A float is
    refused: it may have been rounded.
    """
    try:
        if type(size) is str:
            sells = size.startswith("-")
            contracts = canonical(size[1:] if sells else size)
        elif type(size) is int and -LIMIT < size < LIMIT:
            sells, contracts = size < 0, str(abs(size))
        elif type(size) is Decimal:
            sells, contracts = size < 0, from_decimal(size.copy_abs())
        else:
            raise Damaged(f"size is no number: {shown(size)}")
    except InvalidDecimal:
        raise Damaged(f"size is no number: {shown(size)}") from None
    if contracts == "0":
        raise Damaged("size is 0")
    return "sell" if sells else "buy", contracts


def _instant(time: object) -> int:
    """Return ``create_time_ms`` as ns since the epoch.

    An integer, or ms with a fraction as text or as a ``Decimal``; of the fraction, what is less than 1 ns is cut off.
    """
    if type(time) is int:
        return milliseconds(time, "create_time_ms")
    written = time
    if type(time) is Decimal and time.adjusted() == _MS_DIGITS - 1:
        written = format(time, "f")
    if type(written) is str and written.isascii():
        whole, point, fraction = written.partition(".")
        if len(whole) == _MS_DIGITS and whole.isdigit() and (fraction.isdigit() or not point):
            instant = int(whole + fraction[:6].ljust(6, "0"))
            if is_nanoseconds(instant):
                return instant
    raise Damaged(f"create_time_ms is no time: {shown(time)}")


SPOT = Family(prefix="spot", name="currency_pair", several=False, read=_spot)
"""Spot: the result of a frame is one row."""
FUTURES = Family(prefix="futures", name="contract", several=True, read=_futures)
"""Futures: the result of a frame is an array of rows."""
