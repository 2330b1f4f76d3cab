"""Trades as the analysis takes them: of one instrument, in order, exact. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from metdc_collector.wire.trade import Trade

MARKET_KINDS = frozenset({None, "rpi", "elp"})
"""Kinds of trades that a taker made against the market: normal ones, and those with makers who only meet retail takers.

Liquidations into a fund, taken-over positions and block trades are made at prices of their own.
"""


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


def series(trades: Iterable[Trade]) -> dict[Market, Series]:
    """Return what the analysis takes of trades that are in order, by instrument."""
    taken: dict[Market, list[Tick]] = {}
    left_out: dict[Market, dict[str, int]] = {}
    for trade in trades:
        market = market_of(trade)
        ticks, others = taken.setdefault(market, []), left_out.setdefault(market, {})
        price, quantity = Decimal(trade.price), trade.quantity
        if trade.kind in MARKET_KINDS and price and quantity is not None:
            buy, live = trade.side == "buy", not trade.backfilled
            ticks.append(Tick(trade.id, trade.time, trade.received, price, Decimal(quantity), buy, live))
        else:
            kind = trade.kind if trade.kind not in MARKET_KINDS and trade.kind is not None else "unpriced"
            others[kind] = others.get(kind, 0) + 1
    return {market: Series(ticks, left_out[market]) for market, ticks in taken.items()}
