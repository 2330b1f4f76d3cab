"""Phemex's two markets: addresses, limits, timers, requests. One socket could carry both; each market opens its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from metdc_collector.exchanges.base import (
    NONE_KNOWN,
    Channel,
    Endpoints,
    Limits,
    Listing,
    MarketFacts,
    Rate,
    Request,
    Rhythm,
)
from metdc_collector.exchanges.checks import is_name
from metdc_collector.exchanges.manners import Headers, retry_after, stop
from metdc_collector.exchanges.naming import common_name, split_pair
from metdc_collector.exchanges.phemex import history, instruments
from metdc_collector.exchanges.phemex.protocol import PhemexConversation
from metdc_collector.exchanges.phemex.trades import FUTURES_FAMILY, SPOT_FAMILY, Family
from metdc_collector.wire.instrument import Instrument

_RETRY_AFTER = "x-ratelimit-retry-after-"
_TRADES = Channel("trade", consecutive=False, snapshot=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhemexVenue(MarketFacts):
    """One market of Phemex.

    Attributes:
        family: how the market's trades are asked for and written.
        prefix: the letter before the base in native names.
        quotes: quote coins that native names end with.
    """

    family: Family
    prefix: str
    quotes: tuple[str, ...]
    channels: tuple[Channel, ...] = (_TRADES,)
    exchange: str = "phemex"

    def listing_request(self) -> Request:
        """``GET /public/products``: all families of products in one body, no pages."""
        return Request("/public/products")

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read the product list; see :mod:`metdc_collector.exchanges.phemex.instruments`."""
        return instruments.read(pages[0], self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> PhemexConversation:
        """Start the protocol of a new connection; there is but one channel."""
        return PhemexConversation(instruments, self.family)

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """429, for as long as ``x-ratelimit-retry-after-<group>`` says, or ``Retry-After``."""
        told = [retry_after(headers, name) for name in headers if name.startswith(_RETRY_AFTER)]
        longest = max((seconds for seconds in told if seconds is not None), default=retry_after(headers))
        return stop(status, longest, self.limits.rest_weight.seconds)

    def guess(self, name: str) -> Instrument | None:
        """Split the name at a known quote: ``sBTCUSDT``, ``u1000PEPEUSDT``; the scale of spot quantities isn't told."""
        spot = self.market == "spot"
        pair = split_pair(name.removeprefix(self.prefix), self.quotes) if is_name(name) else None
        if pair is None or pair.base[0].islower() or (spot and not name.startswith(self.prefix)):
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange,
            market=self.market,
            name=name,
            base=base,
            quote=pair.quote,
            unit_factor=unit_factor,
            price_scale=instruments.PRICE_SCALE if spot else None,
        )


_ENDPOINTS = Endpoints(rest="https://api.phemex.com", web_socket="wss://ws.phemex.com")
_LIMITS = Limits(
    # 101 pass and the 102nd is refused (the document says 20, and 5 connections): few connections, a margin to 101.
    symbols_per_connection=90,
    symbols_per_request=1,
    # 20 a second by the document. A whole connection is subscribed to frame by frame, for seconds, and what is held up
    # on the way arrives at once: so that a second of it breaks no limit, ours is little more than half.
    frames=Rate(12, 1),
    connects=Rate(200, 300),
    # The group "Others" of the document.
    rest_weight=Rate(100, 60),
)
# Without a client's frame the venue ends the connection at 31 s, while data flows. It never pings, but it answers.
_RHYTHM = Rhythm(heartbeat=5, silence=20)

SPOT = PhemexVenue(
    market="spot",
    sources=history.SPOT,
    family=SPOT_FAMILY,
    prefix="s",
    quotes=("USDT", "USDC", "USD", "BTC", "ETH", "EUR", "TRY", "BRL"),
    endpoints=_ENDPOINTS,
    limits=_LIMITS,
    rhythm=_RHYTHM,
)
"""Spot: prices and quantities are scaled integers."""

FUTURES = PhemexVenue(
    market="futures",
    sources=history.FUTURES,
    family=FUTURES_FAMILY,
    prefix="u",
    quotes=("USDT",),
    endpoints=_ENDPOINTS,
    limits=_LIMITS,
    rhythm=_RHYTHM,
)
"""USDT-margined perpetuals: prices and quantities are decimal text."""
