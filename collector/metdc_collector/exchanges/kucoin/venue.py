"""KuCoin's two markets (classic API): handshake, limits, timers, requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from metdc_collector.exchanges.base import (
    NONE_KNOWN,
    Channel,
    Endpoints,
    InvalidReply,
    Limits,
    Listing,
    MarketFacts,
    Rate,
    Request,
    Rhythm,
)
from metdc_collector.exchanges.checks import is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.kucoin import history, instruments
from metdc_collector.exchanges.kucoin.protocol import KuCoinConversation
from metdc_collector.exchanges.kucoin.trades import Family, read_execution, read_match
from metdc_collector.exchanges.manners import Headers, stop, whole
from metdc_collector.exchanges.naming import Pair, common_name, split_pair
from metdc_collector.wire.instrument import Instrument


@dataclass(frozen=True, slots=True)
class TokenHandshake:
    """The call that gives the token and the address of a connection, without a key.

    ::

        {"code":"200000","data":{"token":"2neAiuYv…==.mvnekBb8DJegZIgYLs2FBQ==","instanceServers":[
          {"endpoint":"wss://ws-api-spot.kucoin.com/","encrypt":true,"protocol":"websocket","pingInterval":18000,
           "pingTimeout":10000}]}}

    Each market has its own tokens, which live 24 h; each connection gets a new one. Hosts have changed over the years:
    the reply decides. Of several servers any will do.
    """

    request: Request

    def address(self, body: bytes, connection: int) -> str:
        """Return the endpoint with the token, and the connection's number as ``connectId``.

        Raises:
            InvalidReply: when the reply is an error, or names no token or no server that can be used.
        """
        try:
            reply = decode(body)
        except Undecodable:
            raise InvalidReply(f"the token reply is not JSON: it begins with {_start(body)!a}") from None
        if not isinstance(reply, dict):
            raise InvalidReply(f"the token reply is no JSON object: {shown(reply)}")
        code, data = reply.get("code"), reply.get("data")
        if code != instruments.SUCCESS:
            raise InvalidReply(f"the venue gave no token: {shown(reply.get('msg'))} (code {shown(code)})")
        if not isinstance(data, dict) or type(data.get("token")) is not str or not data["token"]:
            raise InvalidReply("the token reply names no token")
        servers = data.get("instanceServers")
        for server in servers if isinstance(servers, list) else ():
            endpoint = server.get("endpoint") if isinstance(server, dict) else None
            if _is_endpoint(endpoint):
                return f"{endpoint}?token={quote(data['token'], safe='')}&connectId={connection}"
        raise InvalidReply("the token reply names no server that can be used")


@dataclass(frozen=True, slots=True, kw_only=True)
class KuCoinVenue(MarketFacts):
    """One market of KuCoin.

    Attributes:
        family: how the market's trades are asked for and written.
    """

    family: Family
    list_request: Request
    exchange: str = "kucoin"

    def listing_request(self) -> Request:
        """``GET /api/v2/symbols`` or ``GET /api/v1/contracts/active``: one body, no pages."""
        return self.list_request

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read the list; see :mod:`metdc_collector.exchanges.kucoin.instruments`."""
        return instruments.read(pages[0], self.market, known)

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> KuCoinConversation:
        """Start the protocol of a new connection; there is but one channel."""
        return KuCoinConversation(instruments, self.family, self.limits.symbols_per_request)

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """429, for as long as ``gw-ratelimit-reset`` says: the ms until the pool of weight is full again."""
        reset = whole(headers.get("gw-ratelimit-reset"))
        span = self.limits.rest_weight.seconds
        return stop(status, None if reset is None else min(span, reset / 1000), span)  # no amount: a time

    def left(self, headers: Headers) -> int | None:
        """``gw-ratelimit-remaining`` of the address's pool."""
        return whole(headers.get("gw-ratelimit-remaining"))

    def guess(self, name: str) -> Instrument | None:
        """Split the name: ``BTC-USDT``, ``XBTUSDTM``. It tells neither a coin's rename nor a contract's multiplier."""
        pair = None
        if is_name(name):
            pair = _split(name) if self.market == "spot" else split_pair(name.removesuffix("M"), ("USDT",))
        if pair is None or (self.market == "futures" and not name.endswith("M")):
            return None
        base, unit_factor = common_name(pair.base, ())
        return Instrument(
            exchange=self.exchange, market=self.market, name=name, base=base, quote=pair.quote, unit_factor=unit_factor
        )


def _split(name: str) -> Pair | None:
    base, _, quote_coin = name.rpartition("-")
    return Pair(base, quote_coin) if base and quote_coin else None


def _start(body: bytes) -> str:
    return body[:60].decode(errors="replace")


def _is_endpoint(value: Any) -> bool:
    """Whether the value is the address of a socket to which a query can be added."""
    if not is_name(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"ws", "wss"} and bool(parts.hostname) and "?" not in value and "#" not in value
    except ValueError:  # a host that is none: "wss://["
        return False


# 100 in 10 s by the document; one is left for the heartbeat.
_FRAMES = Rate(99, 10)
# As many as token calls fit the REST weight, 10 of 2,000 in 30 s each. An older text says 30 a minute, by which the
# four connections of the spot market would take minutes to come back within a process's share.
_CONNECTS = Rate(200, 30)
_REST_WEIGHT = Rate(2_000, 30)
_PER_REQUEST = 100
_HANDSHAKE = TokenHandshake(Request("/api/v1/bullet-public", weight=10, method="POST", urgent=True))
# The venue closes at 60 s after the client's last frame, streaming or not, and names 18 s in its token reply. It
# answers each ping: two that stay unanswered are a dead connection.
_RHYTHM = Rhythm(heartbeat=18, silence=45, greeting=True)

SPOT = KuCoinVenue(
    market="spot",
    sources=history.SPOT,
    family=Family(topic="/market/match:", subject="trade.l3match", read=read_match),
    channels=(Channel("match", consecutive=False),),
    list_request=Request("/api/v2/symbols", weight=4),
    handshake=_HANDSHAKE,
    endpoints=Endpoints(rest="https://api.kucoin.com", web_socket=""),
    limits=Limits(
        # 400 by the document, 300 by the text of the error.
        symbols_per_connection=290,
        symbols_per_request=_PER_REQUEST,
        frames=_FRAMES,
        connects=_CONNECTS,
        rest_weight=_REST_WEIGHT,
    ),
    rhythm=_RHYTHM,
)
"""Spot: ``/market/match``, all values text."""

FUTURES = KuCoinVenue(
    market="futures",
    sources=history.FUTURES,
    family=Family(topic="/contractMarket/execution:", subject="match", read=read_execution),
    channels=(Channel("execution", consecutive=False),),
    list_request=Request("/api/v1/contracts/active", weight=3),
    handshake=_HANDSHAKE,
    endpoints=Endpoints(rest="https://api-futures.kucoin.com", web_socket=""),
    limits=Limits(
        # No limit by the document: as many as on spot, so that one connection's end costs no more than there.
        symbols_per_connection=290,
        symbols_per_request=_PER_REQUEST,
        frames=_FRAMES,
        connects=_CONNECTS,
        rest_weight=_REST_WEIGHT,
    ),
    rhythm=_RHYTHM,
)
"""USDT-margined perpetuals: ``/contractMarket/execution``, lots times the contract's multiplier."""
