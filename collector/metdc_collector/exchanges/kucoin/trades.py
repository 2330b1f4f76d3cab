"""KuCoin's trade pushes → trades.

Spot, all values text, ``time`` in ns, ``size`` in coins::

    {"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"makerOrderId":"671b…",
     "price":"67523","sequence":"11067996711960577","side":"buy","size":"0.003","symbol":"BTC-USDT",
     "takerOrderId":"671b…","time":"1729843222921000000","tradeId":"11067996711960577","type":"match"}}

Futures, ``ts`` in ns, ``size`` in lots, a number; coins are lots × ``multiplier`` of the contract list::

    {"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match","sn":1794100537695,"data":{
     "symbol":"XBTUSDTM","sequence":1794100537695,"side":"buy","size":2,"price":"90503.9","takerOrderId":"2478…",
     "makerOrderId":"2478…","tradeId":"1794100537695","ts":1731898619520000000}}

The id is ``sequence``: it is what the socket and REST have in common, and what orders the trades of a symbol. The book
counts with it too, so gaps are normal. ``tradeId`` is the same number today, but was a 24-digit hex text on spot in
2021. ``side`` is the taker's. No push tells when it was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

from metdc_collector.exchanges.checks import LIMIT, Damaged, coins_of, nanoseconds, per_coin, positive, shown
from metdc_collector.wire.decimals import canonical, divide, from_decimal, multiply
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_MATCH = itemgetter("sequence", "price", "size", "side", "time")
_EXECUTION = itemgetter("sequence", "price", "size", "side", "ts")
# As many digits as a 64-bit integer has: sequences are, and so are times in ns.
_LONGEST = 19


@dataclass(frozen=True, slots=True)
class Family:
    """How a market's trades are asked for and written.

    Attributes:
        topic: what stands before the symbol in a push, and before a list of symbols in a request.
        subject: of a push with a trade.
        read: from the push's data to the trade.
    """

    topic: str
    subject: str
    read: Callable[[dict[str, Any], Instrument, int], Trade]


def read_match(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read the data of a spot push.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    try:
        number, price, quantity, side, time = _MATCH(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if not _is_count(number):
        raise Damaged(f"sequence is no number in text: {shown(number)}")
    if type(price) is not str or type(quantity) is not str:
        raise Damaged(f"price or size is no text: {shown(price)}, {shown(quantity)}")
    try:
        price, quantity = canonical(price), canonical(quantity)
        if instrument.unit_factor is not None:
            price, quantity = divide(price, instrument.unit_factor), multiply(quantity, instrument.unit_factor)
    except InvalidDecimal:
        raise Damaged(f"price or size is no decimal: {shown(price)}, {shown(quantity)}") from None
    if price == "0" or quantity == "0":
        raise Damaged(f"price or size is not above 0: {price}, {quantity}")
    if not _is_count(time):
        raise Damaged(f"time is no number in text: {shown(time)}")
    if side != "buy" and side != "sell":
        raise Damaged(f"side is neither buy nor sell: {shown(side)}")
    return Trade(instrument, number, number, price, quantity, side, nanoseconds(int(time), "time"), received)


def read_execution(row: dict[str, Any], instrument: Instrument, received: int) -> Trade:
    """Read the data of a futures push.

    Raises:
        Damaged: when a field that is used is missing, of another type, or out of range.
    """
    try:
        number, price, lots, side, time = _EXECUTION(row)
    except KeyError as error:
        raise Damaged(f"no {error}") from None
    if type(number) is not int or not 0 <= number < LIMIT:
        raise Damaged(f"sequence is no number: {shown(number)}")
    order, contracts = str(number), _contracts(lots)
    price, quantity = per_coin(positive(price, "price"), instrument), coins_of(contracts, instrument)
    if side != "buy" and side != "sell":
        raise Damaged(f"side is neither buy nor sell: {shown(side)}")
    time = nanoseconds(time, "ts")
    return Trade(instrument, order, order, price, quantity, side, time, received, None, None, contracts)


def _is_count(value: object) -> bool:
    """Whether the value is a positive integer in text, written in the one way that gives one trade one id."""
    return type(value) is str and len(value) <= _LONGEST and value.isdigit() and value.isascii() and value[0] != "0"


def _contracts(lots: object) -> str:
    """Lots in canonical form. They are whole today; of a part, only the exact decoder's Decimal is taken, no float."""
    if type(lots) is int and 0 < lots < LIMIT:
        return str(lots)
    if type(lots) is Decimal and lots > 0:
        try:
            return from_decimal(lots)
        except InvalidDecimal:
            pass
    raise Damaged(f"size is no positive number of lots: {shown(lots)}")
