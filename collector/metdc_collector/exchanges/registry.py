"""Which markets exist, and their adapters; a venue is imported when it is asked for, so that a pod loads no other."""

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from metdc_collector.exchanges.base import Venue

_BOTH = ("spot", "futures")
MARKETS: Mapping[str, tuple[str, ...]] = {
    "binance": _BOTH,
    "bybit": _BOTH,
    "okx": _BOTH,
    "kucoin": _BOTH,
    "gate": _BOTH,
    "phemex": _BOTH,
    "upbit": ("spot",),
}
"""The markets of each exchange."""


class UnknownMarketError(LookupError):
    """No such exchange, or no such market of it; the text names what exists."""


def venue(exchange: str, market: str) -> Venue:
    """Return a market's adapter.

    Raises:
        UnknownMarketError: when there is none.
    """
    markets = MARKETS.get(exchange)
    if markets is None:
        raise UnknownMarketError(f"unknown exchange {exchange!r}; there are: {', '.join(MARKETS)}")
    if market not in markets:
        raise UnknownMarketError(f"unknown market {market!r} of {exchange}; there are: {', '.join(markets)}")
    module = import_module(f"metdc_collector.exchanges.{exchange}")
    return cast("Venue", getattr(module, market.upper()))
