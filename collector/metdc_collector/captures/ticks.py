"""Trades as the analysis takes them: of one instrument, in order, exact. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from operator import itemgetter
from typing import NamedTuple

from metdc_collector.continuity import number
from metdc_collector.wire.trade import Trade

MARKET_KINDS = frozenset({None, "rpi", "elp"})
"""Kinds of trades that a taker made against the market: normal ones, and those with makers who only meet retail takers.

Liquidations into a fund, taken-over positions and block trades are made at prices of their own.
"""

JOINED = "joined"
"""What an aggregate is called all of whose fills are there, too."""
# Of quantities of at most 60 digits on either side of the point, sums and differences are exact in it.
_EXACT = Context(prec=300)
_NUMBER = itemgetter(0)


class Tick(NamedTuple):
    """A trade.

    Attributes:
        time, received: by the exchange's clock and by the collector's, ns.
        price: quote coins per base coin, above 0.
        quantity: base coins.
        buy: the taker bought.
        live: it came over the socket; else ``received`` tells when somebody asked.
    """

    id: str
    time: int
    received: int
    price: Decimal
    quantity: Decimal
    buy: bool
    live: bool


class Market(NamedTuple):
    """One instrument of one market.

    Attributes:
        exchange, market, symbol, instrument: as in a trade.
    """

    exchange: str
    market: str
    symbol: str
    instrument: str

    @property
    def key(self) -> str:
        """``binance.spot.SOMI-USDT``."""
        return f"{self.exchange}.{self.market}.{self.symbol}"


class Series(NamedTuple):
    """The trades of one instrument that the analysis takes, ordered, and how many of which kind it leaves out."""

    ticks: Sequence[Tick]
    left_out: Mapping[str, int]


def market_of(trade: Trade) -> Market:
    """Return the instrument of a trade."""
    instrument = trade.instrument
    return Market(instrument.exchange, instrument.market, instrument.symbol, instrument.name)


def series(trades: Sequence[Trade]) -> dict[Market, Series]:
    """Return what the analysis takes of trades that are in order, by instrument.

    An aggregate beside fills that it joins counts with what they don't tell.
    """
    taken: dict[Market, list[Tick]] = {}
    left_out: dict[Market, dict[str, int]] = {}
    fills = _fills(trades)
    for trade in trades:
        market = market_of(trade)
        ticks, others = taken.setdefault(market, []), left_out.setdefault(market, {})
        price, quantity = Decimal(trade.price), _quantity(trade, fills.get(market, ()))
        if trade.kind not in MARKET_KINDS:
            others[str(trade.kind)] = others.get(str(trade.kind), 0) + 1
        elif not price or quantity is None:
            others["unpriced"] = others.get("unpriced", 0) + 1
        elif trade.aggregate is not None and quantity <= 0:
            others[JOINED] = others.get(JOINED, 0) + 1
        else:
            buy, live = trade.side == "buy", not trade.backfilled
            ticks.append(Tick(trade.id, trade.time, trade.received, price, quantity, buy, live))
    return {market: Series(ticks, left_out[market]) for market, ticks in taken.items()}


def _fills(trades: Sequence[Trade]) -> dict[Market, list[tuple[int, Trade]]]:
    """Return the fills of the instruments that have aggregates, each with its number, in order of these."""
    found: dict[Market, dict[int, Trade]] = {market_of(one): {} for one in trades if one.aggregate is not None}
    for trade in trades if found else ():
        if trade.aggregate is None and (fills := found.get(market_of(trade))) is not None:
            fills[number(trade.id)] = trade
    return {market: sorted(fills.items(), key=_NUMBER) for market, fills in found.items()}


def _quantity(trade: Trade, fills: Sequence[tuple[int, Trade]]) -> Decimal | None:
    """Return the base coins of a trade; of an aggregate without those of its fills, of one side and price with it."""
    if trade.quantity is None:
        return None
    left = Decimal(trade.quantity)
    if trade.aggregate is not None and (first := number(trade.aggregate.first_id)) >= 0:
        end = bisect_right(fills, number(trade.aggregate.last_id), key=_NUMBER)
        for _, fill in fills[bisect_left(fills, first, key=_NUMBER) : end]:
            if _is_joined(fill, trade) and fill.quantity is not None:
                left = _EXACT.subtract(left, Decimal(fill.quantity))
    return left


def _is_joined(fill: Trade, aggregate: Trade) -> bool:
    """Whether a fill within its range is one of an aggregate's, which liquidations into a fund, say, are not."""
    same = (fill.side, fill.price) == (aggregate.side, aggregate.price)
    return same and fill.kind in MARKET_KINDS
