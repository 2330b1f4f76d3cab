"""What a venue says of its limits, kept by the whole REST client: orders to stop, what is left, and who goes first."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from metdc_collector.exchanges.base import Rate, Request, Venue
from metdc_collector.exchanges.binance import SPOT as BINANCE
from metdc_collector.exchanges.bybit import SPOT as BYBIT
from metdc_collector.exchanges.kucoin import SPOT as KUCOIN
from metdc_collector.limits import Budget
from metdc_collector.rest import Reply, Rest, RestError
from tests.unit.collector.made import HandClock

LIST, TOKEN = Request("/list", weight=10), Request("/token", weight=10, urgent=True)
FINE = Reply(200, {}, b"[]")
LIMIT, BAN = Reply(429, {"retry-after": "17"}, b""), Reply(418, {"retry-after": "120"}, b"")
TOO_FREQUENT = Reply(403, {"server": "CloudFront"}, b"access too frequent")


class Told(Rest):
    """A client whose venue answers by the script, the last reply for ever."""

    def __init__(self, venue: Venue, *replies: Reply, weight: Budget, connects: Budget, clock: HandClock) -> None:
        super().__init__("http://a", venue=venue, weight=weight, connects=connects, sleep=clock.sleep, wall=lambda: 0)
        self.replies, self.asked = list(replies), list[str]()

    def _get(self, method: str, url: str, headers: Mapping[str, str]) -> Reply:
        self.asked.append(url)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@dataclass
class Rig:
    """A client within 40 units a minute and one connect a second, and its clock."""

    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        self.weight = Budget(Rate(40, 60), monotonic=lambda: self.clock.seconds)
        self.connects = Budget(Rate(1, 1), monotonic=lambda: self.clock.seconds)

    def rest(self, venue: Venue, *replies: Reply) -> Told:
        return Told(venue, *replies, weight=self.weight, connects=self.connects, clock=self.clock)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def refused(rest: Rest, request: Request = LIST) -> RestError:
    with pytest.raises(RestError) as refusal:
        await rest.get(request)
    return refusal.value


async def test_after_an_order_to_stop_no_request_is_sent_and_each_is_told_how_long_it_holds(rig: Rig) -> None:
    rest = rig.rest(BINANCE, LIMIT, FINE)
    assert (await refused(rest)).retry_after == 17
    await rig.clock.sleep(5)
    error = await refused(rest, TOKEN)
    assert (error.status, error.retry_after, error.region) == (429, 12, False)
    assert str(error) == "http://a/token: not asked: the venue's order to stop (HTTP 429) still holds"
    assert rest.asked == ["http://a/list"]


async def test_after_its_end_requests_go_again(rig: Rig) -> None:
    rest = rig.rest(BINANCE, LIMIT, FINE)
    await refused(rest)
    await rig.clock.sleep(17)
    assert await rest.get(LIST) == b"[]"


async def test_an_order_to_stop_is_one_line_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rest = rig.rest(BINANCE, LIMIT)
    await refused(rest)
    await refused(rest)
    rest.refused("http://a/late", LIMIT)
    assert caplog.messages == ["http://a: HTTP 429: no request for 17 s, as the venue orders"]


async def test_a_request_that_waited_for_its_weight_heeds_an_order_that_came_meanwhile(rig: Rig) -> None:
    rest = rig.rest(BINANCE, FINE)
    rig.weight.take(40)

    async def sleep(seconds: float) -> None:
        await rig.clock.sleep(seconds)
        rest.refused("http://a/other", LIMIT)

    rest._sleep = sleep
    assert (await refused(rest)).retry_after == 17
    assert rest.asked == []


async def test_a_limit_stops_requests_and_no_connections(rig: Rig) -> None:
    await refused(rig.rest(BINANCE, LIMIT))
    assert (rig.weight.held, rig.connects.held) == (17, 0)


async def test_a_ban_stops_connections_too(rig: Rig) -> None:
    await refused(rig.rest(BINANCE, BAN))
    assert (rig.weight.held, rig.connects.held) == (120, 120)


async def test_a_connection_that_is_refused_for_a_limit_stops_connections_and_no_requests(rig: Rig) -> None:
    error = rig.rest(BINANCE, FINE).refused("ws://a", LIMIT, connecting=True)
    assert (error.retry_after, rig.weight.held, rig.connects.held) == (17, 0, 17)


async def test_a_connection_that_is_refused_for_a_ban_stops_requests_too(rig: Rig) -> None:
    rig.rest(BINANCE, FINE).refused("ws://a", BAN, connecting=True)
    assert (rig.weight.held, rig.connects.held) == (120, 120)


async def test_another_refusal_stops_nothing(rig: Rig) -> None:
    rest = rig.rest(BINANCE, Reply(503, {"retry-after": "9"}, b""), FINE)
    assert (await refused(rest)).retry_after == 9
    assert await rest.get(LIST) == b"[]"


async def test_bybits_limit_is_no_region_whichever_server_says_so(rig: Rig) -> None:
    error = await refused(rig.rest(BYBIT, TOO_FREQUENT))
    assert (error.region, error.retry_after) == (False, 600)
    assert str(error) == "http://a/list: HTTP 403: too many requests: access too frequent"


async def test_a_region_that_refuses_a_connection_is_told_with_venue_address_and_remedy(rig: Rig) -> None:
    error = rig.rest(BYBIT, FINE).refused("wss://b/v5", Reply(403, {"server": "CloudFront"}, b"no"), connecting=True)
    assert error.region
    words = "bybit refuses this region; set spec.endpoints to a gateway elsewhere: no"
    assert str(error) == f"wss://b/v5: HTTP 403: {words}"


async def test_what_others_at_the_address_have_used_is_waited_for(rig: Rig) -> None:
    rest = rig.rest(BINANCE, Reply(200, {"x-mbx-used-weight-1m": "5995"}, b"[]"))
    await rest.get(LIST)
    assert rig.clock.seconds == 0
    await rest.get(LIST)
    assert rig.clock.seconds == 60


async def test_a_live_connection_goes_before_requests_that_wait_already(rig: Rig) -> None:
    rest = rig.rest(KUCOIN, FINE)
    rig.weight.take(30)
    gate = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds:
            await gate.wait()
        await rig.clock.sleep(seconds)

    rest._sleep = sleep
    waiting = [asyncio.create_task(rest.get(LIST)) for _ in range(3)]
    await asyncio.sleep(0)
    await rest.get(TOKEN)
    assert rest.asked == ["http://a/token"]
    gate.set()
    await asyncio.gather(*waiting)
    assert rest.asked == ["http://a/token", *["http://a/list"] * 3]


async def test_a_part_is_kept_for_connections_only_where_they_need_requests(rig: Rig) -> None:
    for venue, spare in ((KUCOIN, Fraction(1, 4)), (BINANCE, Fraction(0))):
        assert rig.rest(venue, FINE)._spare == spare
