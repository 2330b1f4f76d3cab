"""Bybit's two markets: addresses, limits, timers, requests. The numbers are those of its documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

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
from metdc_collector.exchanges.bybit import instruments
from metdc_collector.exchanges.bybit.history import Newest
from metdc_collector.exchanges.bybit.protocol import TOPIC, BybitConversation
from metdc_collector.exchanges.checks import is_name
from metdc_collector.exchanges.manners import Headers, retry_after, stop
from metdc_collector.exchanges.naming import common_name, split_pair
from metdc_collector.wire.instrument import Instrument

# All calls are to stop for ten minutes, or the address stays shut out.
_TOO_FREQUENT, _TEN_MINUTES = b"access too frequent", 600.0
_TRADES = Channel("trade", consecutive=False, argument=TOPIC + "{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BybitVenue(MarketFacts):
    """One market of Bybit.

    Attributes:
        category: what the venue calls the market, in REST requests and in the socket's path.
        page: rows that a page of the instrument list may have; null where it comes whole.
        quotes: quote coins that native names end with.
    """

    category: str
    page: int | None
    quotes: tuple[str, ...]
    channels: tuple[Channel, ...] = (_TRADES,)
    exchange: str = "bybit"

    def listing_request(self) -> Request:
        """``GET /v5/market/instruments-info``; without ``status`` it names what trades."""
        size = "" if self.page is None else f"&limit={self.page}"
        return Request(f"/v5/market/instruments-info?category={self.category}{size}")

    def next_page(self, body: bytes) -> Request | None:
        """The same request with the page's cursor, whose own escapes are left as they are (assumed)."""
        cursor = None if self.page is None else instruments.next_cursor(body)
        return None if cursor is None else Request(f"{self.listing_request().path}&cursor={quote(cursor, safe='%')}")

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read ``instruments-info``; see :mod:`metdc_collector.exchanges.bybit.instruments`."""
        return instruments.read(pages, self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> BybitConversation:
        """Start the protocol of a new connection; there is but one channel."""
        return BybitConversation(instruments, f"/v5/public/{self.category}", self.limits.symbols_per_request)

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """403 with the words ``access too frequent``, whichever server says so, for ten minutes; and 429."""
        if status == 403 and _TOO_FREQUENT in body.lower():
            return _TEN_MINUTES
        return stop(status, retry_after(headers), self.limits.rest_weight.seconds)

    def guess(self, name: str) -> Instrument | None:
        """Split the name at a known quote; dated contracts (``BTCUSDT-26DEC25``) and ``BTCPERP`` end with none."""
        pair = split_pair(name, self.quotes) if is_name(name) else None
        if pair is None:
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=base, quote=pair.quote, unit_factor=unit_factor
        )


_ENDPOINTS = Endpoints(rest="https://api.bybit.com", web_socket="wss://stream.bybit.com")
# The venue cuts a connection about 10 minutes after the client's last ping; it answers each, and never pings.
_RHYTHM = Rhythm(heartbeat=20, silence=65)


def _limits(symbols_per_request: int) -> Limits:
    return Limits(
        # Their number is not limited, but the text of their topics: 21,000 characters, of which a twentieth is spared.
        symbols_per_connection=1_000,
        symbols_per_request=symbols_per_request,
        # Nothing is said of frames; ten topics each, a whole spot market is asked for within ten seconds.
        frames=Rate(10, 1),
        connects=Rate(500, 300),
        rest_weight=Rate(600, 5),
        argument_bytes=20_000,
    )


SPOT = BybitVenue(
    market="spot",
    category="spot",
    page=None,
    sources=(Newest(category="spot", most=60),),
    endpoints=_ENDPOINTS,
    limits=_limits(10),
    rhythm=_RHYTHM,
    quotes=(
        *("USDT", "USDC", "USDE", "USD1", "DAI", "BTC", "ETH", "SOL", "MNT"),
        *("EUR", "BRL", "TRY", "PLN", "BRZ"),
    ),
)
"""Spot: ten topics a request."""

FUTURES = BybitVenue(
    market="futures",
    category="linear",
    page=1_000,
    sources=(Newest(category="linear", most=1_000),),
    endpoints=_ENDPOINTS,
    limits=_limits(500),
    rhythm=_RHYTHM,
    quotes=("USDT",),
)
"""Linear perpetuals settled in USDT."""
