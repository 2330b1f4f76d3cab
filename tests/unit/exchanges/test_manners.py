"""What each venue says of its limits over HTTP: orders to stop, and what is left for an address."""

import pytest

from metdc_collector.exchanges import binance, bybit, gate, kucoin, okx, phemex, upbit
from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.manners import BAN

NOW = 1_790_000_000.5
OKX_LIMIT = b'{"code":"50011","msg":"Too Many Requests","data":[]}'
UPBIT_BLOCK = b'{"error":{"name":"too_many_requests","message":"too many requests; blocked for 60 seconds."}}'
RESET = "x-gate-ratelimit-reset-timestamp"


@pytest.mark.parametrize(
    ("venue", "status", "headers", "body", "pause"),
    [
        (binance.SPOT, 429, {"retry-after": "17"}, b"", 17),
        (binance.FUTURES, 418, {"retry-after": "120"}, b"", 120),
        (binance.SPOT, 429, {}, b"", 60),
        (binance.SPOT, 418, {"retry-after": "soon"}, b"", BAN),
        (binance.SPOT, 403, {"retry-after": "5"}, b"", None),
        (okx.SPOT, 429, {}, OKX_LIMIT, 2),
        (kucoin.SPOT, 429, {"gw-ratelimit-reset": "1500"}, b"", 1.5),
        (kucoin.FUTURES, 429, {"gw-ratelimit-reset": "99999999"}, b"", 30),
        (kucoin.SPOT, 429, {}, b"", 30),
        (kucoin.SPOT, 200, {"gw-ratelimit-reset": "1500"}, b"", None),
        (gate.SPOT, 429, {RESET: "1790000004"}, b"", 3.5),
        (gate.SPOT, 429, {RESET: "1790000000"}, b"", 1),
        (gate.FUTURES, 429, {RESET: "1790003600"}, b"", 10),
        (gate.SPOT, 429, {}, b"", 10),
        (gate.SPOT, 400, {RESET: "1790000004"}, b"", None),
        (phemex.SPOT, 429, {"x-ratelimit-retry-after-others": "41"}, b"", 41),
        (phemex.SPOT, 429, {"x-ratelimit-retry-after-a": "4", "x-ratelimit-retry-after-b": "9"}, b"", 9),
        (phemex.FUTURES, 429, {"x-ratelimit-retry-after-others": "?", "retry-after": "7"}, b"", 7),
        (phemex.FUTURES, 429, {}, b"", 60),
        (bybit.SPOT, 403, {"server": "CloudFront"}, b"access too frequent", 600),
        (bybit.FUTURES, 403, {}, b'{"retCode":10006,"retMsg":"Access too frequent"}', 600),
        (bybit.SPOT, 403, {"server": "CloudFront"}, b"<html>", None),
        (bybit.SPOT, 429, {}, b"", 5),
        (upbit.SPOT, 429, {}, b'{"error":{"name":"too_many_requests"}}', 1),
        (upbit.SPOT, 418, {}, UPBIT_BLOCK, 60),
        (upbit.SPOT, 418, {"retry-after": "7"}, UPBIT_BLOCK, 60),
        (upbit.SPOT, 429, {"retry-after": "30"}, b"<html>", 30),
        (upbit.SPOT, 418, {}, "요청 제한: 30초".encode(), 30),
        (upbit.SPOT, 418, {}, b"", BAN),
        (upbit.SPOT, 404, {}, UPBIT_BLOCK, None),
    ],
)
def test_an_order_to_stop_is_read_from_what_the_venue_sends(
    venue: Venue, status: int, headers: dict[str, str], body: bytes, pause: float | None
) -> None:
    assert venue.pause(status, headers, body, NOW) == pause


@pytest.mark.parametrize(
    ("venue", "headers", "left"),
    [
        (binance.SPOT, {"x-mbx-used-weight-1m": "5990"}, 10),
        (binance.FUTURES, {"x-mbx-used-weight-1m": "2500"}, 0),
        (binance.SPOT, {}, None),
        (binance.SPOT, {"x-mbx-used-weight-1m": "-1"}, None),
        (kucoin.SPOT, {"gw-ratelimit-remaining": "1997"}, 1997),
        (kucoin.SPOT, {}, None),
        (gate.FUTURES, {"x-gate-ratelimit-requests-remain": "199"}, 199),
        (gate.SPOT, {"x-gate-ratelimit-requests-remain": "many"}, None),
        (upbit.SPOT, {"remaining-req": "group=market; min=600; sec=9"}, 9),
        (upbit.SPOT, {"remaining-req": "group=market; min=600"}, None),
        (upbit.SPOT, {}, None),
        (okx.SPOT, {"x-mbx-used-weight-1m": "1"}, None),
    ],
)
def test_what_is_left_is_read_from_the_header_that_the_venue_sends(
    venue: Venue, headers: dict[str, str], left: int | None
) -> None:
    assert venue.left(headers) == left


@pytest.mark.parametrize("venue", [kucoin.SPOT, kucoin.FUTURES])
def test_kucoins_token_goes_before_other_requests(venue: Venue) -> None:
    assert venue.handshake is not None
    assert venue.handshake.request.urgent
    assert not venue.listing_request().urgent
