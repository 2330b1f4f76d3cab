"""OKX's two markets: addresses, limits, timers, requests. The numbers are those of its documents."""

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
from metdc_collector.exchanges.naming import common_name
from metdc_collector.exchanges.okx import instruments
from metdc_collector.exchanges.okx.history import RARE, History, Newest
from metdc_collector.exchanges.okx.protocol import OkxConversation
from metdc_collector.wire.instrument import Instrument

# Each fill. The other channel, trades, is read but no fallback: it sends fills and aggregates by turns, and everything
# behind an adapter holds that of the two an instrument has one, whose ordering numbers are then consecutive.
_FILLS = Channel("trades-all", consecutive=True, argument='{{"channel":"trades-all","instId":"{}"}}')


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxVenue(MarketFacts):
    """One market of OKX."""

    exchange: str = "okx"
    channels: tuple[Channel, ...] = (_FILLS,)

    def listing_request(self) -> Request:
        """``GET /api/v5/public/instruments``: one body, no pages."""
        return Request(f"/api/v5/public/instruments?instType={instruments.TYPES[self.market]}", weight=RARE)

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read the instrument list; see :mod:`metdc_collector.exchanges.okx.instruments`."""
        return instruments.read(pages[0], self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> OkxConversation:
        """Start the protocol of a new connection."""
        return OkxConversation(
            instruments, channel.name, self.limits.symbols_per_request, contracts=self.market == "futures"
        )

    def guess(self, name: str) -> Instrument | None:
        """Split the name at its dashes: ``BTC-USDT``, ``BTC-USDT-SWAP``; the coins of a contract aren't told."""
        pair = instruments.split_name(name, instruments.TYPES[self.market]) if is_name(name) else None
        if pair is None:
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=base, quote=pair.quote, unit_factor=unit_factor
        )


_ENDPOINTS = Endpoints(rest="https://www.okx.com", web_socket="wss://ws.okx.com:443")
_LIMITS = Limits(
    # Not the venue's number: a reader that is too slow is cut (4005), so the load is spread.
    symbols_per_connection=200,
    symbols_per_request=100,
    # The venue counts no frames but 480 requests an hour and connection, pings not among them. A connection subscribes
    # once, in two frames, and is replaced rather than changed: that number is far away, and the pace is ours.
    frames=Rate(5, 1),
    connects=Rate(3, 1),
    # Of the newest trades. The venue counts each path by itself; one budget for all keeps to each of their limits.
    rest_weight=Rate(100, 2),
    # 64 KB, whichever thousand is meant.
    argument_bytes=64_000,
    # A frame too long, and too many channels, by three names.
    refusing=frozenset({1008, 1009, 4003, 4008, 4009}),
)
# Without data for 30 s the venue ends the connection; a ping is answered, which counts. It never pings itself.
_RHYTHM = Rhythm(heartbeat=10, silence=25)

SPOT = OkxVenue(
    market="spot",
    endpoints=_ENDPOINTS,
    limits=_LIMITS,
    rhythm=_RHYTHM,
    sources=(Newest(contracts=False), History(contracts=False)),
)
"""Spot: quantities are coins."""

FUTURES = OkxVenue(
    market="futures",
    endpoints=_ENDPOINTS,
    limits=_LIMITS,
    rhythm=_RHYTHM,
    sources=(Newest(contracts=True), History(contracts=True)),
)
"""USDT-margined perpetuals (linear ``SWAP``): quantities are contracts."""
