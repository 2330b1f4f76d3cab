"""Binance's two markets: addresses, limits, timers, requests. The numbers are those of its documents."""

import math
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
from metdc_collector.exchanges.binance import instruments
from metdc_collector.exchanges.binance.history import Aggregates, Fills, Newest
from metdc_collector.exchanges.binance.protocol import BinanceConversation
from metdc_collector.exchanges.checks import is_name
from metdc_collector.exchanges.manners import Headers, whole
from metdc_collector.exchanges.naming import common_name, split_pair
from metdc_collector.wire.instrument import Instrument

_DAY = 86_400.0
_TRADE = Channel("trade", consecutive=True)
_AGGREGATE = Channel("aggTrade", consecutive=True, aggregates=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceVenue(MarketFacts):
    """One market of Binance.

    Attributes:
        paths: what follows the WebSocket's base address, by channel.
        quotes: quote coins that native names end with.
    """

    paths: Mapping[str, str]
    list_request: Request
    quotes: tuple[str, ...]
    exchange: str = "binance"
    ahead: bool = True  # any symbol is acknowledged

    def listing_request(self) -> Request:
        """``GET …/exchangeInfo``: one body, no pages."""
        return self.list_request

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read ``exchangeInfo``; see :mod:`metdc_collector.exchanges.binance.instruments`."""
        return instruments.read(pages[0], self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> BinanceConversation:
        """Start the protocol of a new connection."""
        return BinanceConversation(instruments, channel.name, self.paths[channel.name], self.limits.symbols_per_request)

    def left(self, headers: Headers) -> int | None:
        """``X-MBX-USED-WEIGHT-1M`` is what the address has used of the present minute's weight."""
        used = whole(headers.get("x-mbx-used-weight-1m"))
        return None if used is None else max(0, self.limits.rest_weight.count - used)

    def guess(self, name: str) -> Instrument | None:
        """Split the name at a known quote; dated contracts (``BTCUSDT_210924``) end with none."""
        pair = split_pair(name, self.quotes) if is_name(name) else None
        if pair is None:
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=base, quote=pair.quote, unit_factor=unit_factor
        )


# The venue closes a connection above 5 (spot) or 10 (futures) frames a second, pongs counted: one is left for the pong.
_CONNECTS = Rate(300, 300)
# A thousand streams fit a connection, and a frame of a hundred names stays below 4 kB.
_PER_CONNECTION, _PER_REQUEST = 1_024, 100

SPOT = BinanceVenue(
    market="spot",
    endpoints=Endpoints(rest="https://api.binance.com", web_socket="wss://stream.binance.com:9443"),
    limits=Limits(
        symbols_per_connection=_PER_CONNECTION,
        symbols_per_request=_PER_REQUEST,
        frames=Rate(4, 1),
        connects=_CONNECTS,
        rest_weight=Rate(6_000, 60),
    ),
    # The venue pings every 20 s, whatever else it sends: three missed pings are a dead connection.
    rhythm=Rhythm(heartbeat=None, silence=65, life=_DAY),
    channels=(_TRADE,),
    paths={"trade": "/stream"},
    list_request=Request("/api/v3/exchangeInfo?showPermissionSets=false", weight=20),
    sources=(
        Newest(path="/api/v3/trades", weight=25),
        # Of spot the whole history, and without a key since that was dropped.
        Fills(path="/api/v3/historicalTrades", weight=25, most=1_000, depth=math.inf, keyed=False),
    ),
    quotes=(
        *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "USDS", "USD1", "PAX", "DAI", "VAI"),
        *("BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL", "EURI", "AEUR"),
        *("EUR", "TRY", "BRL", "JPY", "AUD", "GBP", "RUB", "UAH", "ZAR", "ARS", "MXN", "PLN", "RON", "CZK", "COP"),
        *("NGN", "IDRT", "IDR", "BIDR", "BVND", "BKRW", "GYEN"),
    ),
)
"""Spot: ``@trade`` on ``/stream``."""

FUTURES = BinanceVenue(
    market="futures",
    endpoints=Endpoints(rest="https://fapi.binance.com", web_socket="wss://fstream.binance.com"),
    limits=Limits(
        symbols_per_connection=_PER_CONNECTION,
        symbols_per_request=_PER_REQUEST,
        frames=Rate(9, 1),
        connects=_CONNECTS,
        rest_weight=Rate(2_400, 60),
    ),
    # The venue pings every 3 min only, too seldom to find a dead connection; so the client asks, every 20 s.
    rhythm=Rhythm(heartbeat=20, silence=65, life=_DAY),
    channels=(_TRADE, _AGGREGATE),
    # Since 2026 raw trades (undocumented) and aggregates are in different categories, which no connection may mix.
    paths={"trade": "/public/stream", "aggTrade": "/market/stream"},
    list_request=Request("/fapi/v1/exchangeInfo", weight=1),
    key_header="X-MBX-APIKEY",
    sources=(
        Newest(path="/fapi/v1/trades", weight=5),
        Fills(path="/fapi/v1/historicalTrades", weight=200, most=500, depth=30 * _DAY, keyed=True),
        Aggregates(path="/fapi/v1/aggTrades", weight=20, days=90),
    ),
    quotes=("USDT",),
)
"""USDT-margined perpetuals: ``@trade`` on ``/public``, and ``@aggTrade`` on ``/market`` where that is silent."""
