"""Gate's two markets: addresses, limits, timers, requests."""

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
from metdc_collector.exchanges.gate import history, instruments, trades
from metdc_collector.exchanges.gate.protocol import GateConversation
from metdc_collector.exchanges.manners import Headers, stop, whole
from metdc_collector.exchanges.naming import common_name
from metdc_collector.wire.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVenue(MarketFacts):
    """One market of Gate.

    Attributes:
        family: how its channels are called, and its trades written.
        path: what follows the WebSocket's base address.
        list_path: of the instrument list.
    """

    family: trades.Family
    path: str
    list_path: str
    exchange: str = "gate"

    def listing_request(self) -> Request:
        """The whole list: without ``limit``, which would cut it."""
        return Request(self.list_path)

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read the list; see :mod:`metdc_collector.exchanges.gate.instruments`."""
        return instruments.read(pages[0], self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> GateConversation:
        """Start the protocol of a new connection; there is but one channel."""
        return GateConversation(instruments, self.family, self.path, self.limits.symbols_per_request)

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """429, until the Unix second ``x-gate-ratelimit-reset-timestamp``, but no longer than the limit's span.

        The clocks may differ: so it is a span at most, and a second at least.
        """
        reset = whole(headers.get("x-gate-ratelimit-reset-timestamp"))
        span = self.limits.rest_weight.seconds
        return stop(status, None if reset is None else min(span, max(1.0, reset - now)), span)

    def left(self, headers: Headers) -> int | None:
        """``x-gate-ratelimit-requests-remain`` of the endpoint that was asked."""
        return whole(headers.get("x-gate-ratelimit-requests-remain"))

    def guess(self, name: str) -> Instrument | None:
        """The halves of the name; how many coins a contract is, it doesn't tell. Dated ones end with a date."""
        base, _, coin = name.rpartition("_")
        wanted = coin == "USDT" if self.market == "futures" else coin.isascii() and coin.isalnum()
        if not base or not wanted or not is_name(name):
            return None
        common, unit_factor = common_name(base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=common, quote=coin, unit_factor=unit_factor
        )


_REST = "https://api.gateio.ws"
_LIMITS = Limits(
    # The venue states no limit, but cuts slow readers: so a connection carries a fifth of the largest market.
    symbols_per_connection=500,
    # 150 frames of one pair passed at once; the size of one frame is not stated.
    symbols_per_request=100,
    frames=Rate(10, 1),
    # Not stated either; at most 100 open connections a host are advised.
    connects=Rate(100, 60),
    # For each endpoint; taken for all of them together.
    rest_weight=Rate(200, 10),
)
# A connection without subscriptions was cut 30 s after the client's last frame, one with quiet ones after a minute. The
# venue's own pings are documented, and were not seen.
_RHYTHM = Rhythm(heartbeat=10, silence=25)

SPOT = GateVenue(
    market="spot",
    endpoints=Endpoints(rest=_REST, web_socket="wss://api.gateio.ws"),
    limits=_LIMITS,
    rhythm=_RHYTHM,
    channels=(Channel("spot.trades", consecutive=True),),
    sources=history.SPOT,
    family=trades.SPOT,
    path="/ws/v4/",
    list_path="/api/v4/spot/currency_pairs",
)
"""Spot: ``id_market`` counts a pair's trades."""

FUTURES = GateVenue(
    market="futures",
    endpoints=Endpoints(rest=_REST, web_socket="wss://fx-ws.gateio.ws"),
    limits=_LIMITS,
    rhythm=_RHYTHM,
    channels=(Channel("futures.trades", consecutive=False),),
    # Sizes as text, so that contracts which count fractions are read exactly.
    headers={"X-Gate-Size-Decimal": "1"},
    sources=history.FUTURES,
    family=trades.FUTURES,
    path="/v4/ws/usdt",
    list_path="/api/v4/futures/usdt/contracts",
)
"""USDT-margined perpetuals: ids rise, and nothing counts the trades."""
