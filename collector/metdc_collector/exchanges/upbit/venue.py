"""Upbit's market: addresses, limits, timers, requests. The numbers are those of its documents, or of observations."""

import re
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
from metdc_collector.exchanges.manners import Headers, retry_after, stop
from metdc_collector.exchanges.naming import common_name
from metdc_collector.exchanges.upbit import instruments
from metdc_collector.exchanges.upbit.history import History, Newest
from metdc_collector.exchanges.upbit.protocol import UpbitConversation
from metdc_collector.wire.instrument import Instrument

# ``remaining-req: group=market; min=600; sec=9``
_LEFT = re.compile(r"(?:^|;) *sec=([0-9]{1,5}) *(?:;|$)", re.ASCII)
# The end of a block is told in words: ``…; blocked for 60 seconds.`` or in Korean, so that the number alone counts.
_SECONDS = re.compile(rb"[^0-9]([0-9]{1,5}) ?(?:sec|\xec\xb4\x88)")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpbitVenue(MarketFacts):
    """The spot market of Upbit."""

    exchange: str = "upbit"
    market: str = "spot"
    default_quotes: tuple[str, ...] = ("KRW",)

    def listing_request(self) -> Request:
        """``GET /v1/market/all``: all pairs in one body, no pages."""
        return Request("/v1/market/all?is_details=true")

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read the market list; see :mod:`metdc_collector.exchanges.upbit.instruments`."""
        return instruments.read(pages[0], known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> UpbitConversation:
        """Start the protocol of a new connection; there is but one channel."""
        return UpbitConversation(instruments)

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """429 until the next second; 418 for as long as its message says; ``Retry-After`` goes before a guess."""
        told = _SECONDS.search(body)
        seconds = retry_after(headers) if told is None else float(told[1])  # no amount: a time
        return stop(status, seconds, self.limits.rest_weight.seconds)

    def left(self, headers: Headers) -> int | None:
        """``sec`` of ``remaining-req``, for the group that was asked."""
        found = _LEFT.search(headers.get("remaining-req", ""))
        return None if found is None else int(found[1])

    def guess(self, name: str) -> Instrument | None:
        """Take the code apart: ``KRW-BTC`` is BTC in KRW."""
        pair = instruments.split_code(name)
        if pair is None:
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=base, quote=pair.quote, unit_factor=unit_factor
        )


# 855 codes, the whole list of September 2026, have passed in one frame of 9.5 kB.
_CODES = 855

# No ``Origin`` may be sent, which the venue holds to one request in 10 s; neither client sends one by itself.
SPOT = UpbitVenue(
    endpoints=Endpoints(rest="https://api.upbit.com", web_socket="wss://api.upbit.com"),
    limits=Limits(
        symbols_per_connection=_CODES,
        symbols_per_request=_CODES,
        # And 5 a second, which frames spaced for this keep by far.
        frames=Rate(100, 60),
        connects=Rate(5, 1),
        # Of each group of requests; the list and the trades are in different ones, and share this all the same.
        rest_weight=Rate(10, 1),
    ),
    # The document tells of 120 s until an idle connection is closed, seen were 60.5 s; the venue never pings.
    rhythm=Rhythm(heartbeat=20, silence=50),
    channels=(Channel("trade", consecutive=False),),
    sources=(Newest(), History()),
)
"""Spot: all codes fit one connection."""
