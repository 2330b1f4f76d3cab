"""Phemex's trade frames → trades.

Spot, integers of 10**-8 and of 10**-valueScale (769100000 is 7.691 USDT, 168200000 is 1.682 SUSHI)::

    {"sequence":146074875,"symbol":"sSUSHIUSDT","trades":[[1625342244127840967,"Buy",769100000,168200000]],
     "type":"incremental"}

USDT perpetuals, decimal text; ``dts`` is when the frame was sent, absent until 2024::

    {"dts":1764824673044962236,"mts":1764824673040238082,"sequence":7438923601,"symbol":"BTCUSDT",
     "trades_p":[[1764824673020987242,"Buy","93284.1","0.012"]],"type":"incremental"}

The first frame of a subscription is a ``snapshot`` of about a thousand rows. Rows are newest first (of increments this
is assumed; rows whose times say otherwise are taken as they stand). The side is the taker's. There is no trade id, and
``sequence`` is shared by a group of symbols.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metdc_collector.exchanges.base import Ordinals
from metdc_collector.exchanges.checks import (
    LIMIT,
    Damaged,
    in_coins,
    is_nanoseconds,
    nanoseconds,
    per_coin,
    positive,
    shown,
)
from metdc_collector.wire.decimals import scaled
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Side, Trade

_SIDES: dict[str, tuple[Side, str]] = {"Buy": ("buy", "B"), "Sell": ("sell", "S")}
# An id has at most 120 characters; a dash and a number are to come.
_LONGEST_KEY = 110


@dataclass(frozen=True, slots=True)
class Family:
    """How a market's trades are asked for and written.

    Attributes:
        method: of the request, before ``.subscribe``.
        rows: the key of a frame's rows.
        scaled: prices and quantities are scaled integers, not decimal text.
    """

    method: str
    rows: str
    scaled: bool


SPOT_FAMILY = Family(method="trade", rows="trades", scaled=True)
"""Spot: prices and quantities are scaled integers."""
FUTURES_FAMILY = Family(method="trade_p", rows="trades_p", scaled=False)
"""USDT-margined perpetuals: prices and quantities are decimal text."""


def read_rows(
    rows: Sequence[Any],
    instrument: Instrument,
    ordinals: Ordinals,
    family: Family,
    *,
    received: int,
    sent: int | None,
) -> tuple[list[Trade], str]:
    """Return the trades of healthy rows, oldest first, and what is wrong with the first damaged one (or nothing)."""
    amounts = _scaled_amounts if family.scaled else _text_amounts
    trades: list[Trade] = []
    reason = ""
    for row in rows if len(rows) == 1 else oldest_first(rows):
        try:
            if type(row) is not list or len(row) < 4:
                raise Damaged(f"a row is no array of time, side, price and quantity: {shown(row)}")
            time, side = nanoseconds(row[0], "a row's time"), row[1]
            if type(side) is not str or side not in _SIDES:
                raise Damaged(f"a row's side is neither Buy nor Sell: {shown(side)}")
            taker, letter = _SIDES[side]
            price, quantity, contracts = amounts(row, instrument)
            key = f"{time}-{letter}-{price}-{quantity if contracts is None else contracts}"
            if len(key) > _LONGEST_KEY:
                raise Damaged("a row's price and quantity are too long")
            number = f"{key}-{ordinals.next(time, key)}"
        except Damaged as error:
            reason = reason or str(error)
        else:
            trades.append(
                Trade(instrument, number, None, price, quantity, taker, time, received, sent, None, contracts)
            )
    return trades, reason


def oldest_first(rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows reversed, unless the times of the healthy ones show that the first is the oldest."""
    times = [row[0] for row in rows if type(row) is list and row and is_nanoseconds(row[0])]
    return rows if times and times[0] < times[-1] else rows[::-1]


def _scaled_amounts(row: list[Any], instrument: Instrument) -> tuple[str, str | None, str | None]:
    price, quantity = _count(row[2], "price"), _count(row[3], "quantity")
    written = per_coin(scaled(price, instrument.price_scale or 0), instrument)
    if instrument.quantity_scale is None:
        return written, None, str(quantity)
    return written, in_coins(scaled(quantity, instrument.quantity_scale), instrument), None


def _text_amounts(row: list[Any], instrument: Instrument) -> tuple[str, str | None, str | None]:
    price, quantity = positive(row[2], "a row's price"), positive(row[3], "a row's quantity")
    return per_coin(price, instrument), in_coins(quantity, instrument), None


def _count(value: object, field: str) -> int:
    if type(value) is int and 0 < value < LIMIT:
        return value
    raise Damaged(f"a row's {field} is no positive integer: {shown(value)}")
