"""The watcher orders a capture of each event that it has stored, and of those stored just before it started."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from metdc_collector.access import divided
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.upbit import SPOT
from metdc_collector.listings.orders import Orders
from metdc_collector.listings.watcher import Order, Watcher
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.wire.config import DEFAULT_SHARE
from tests.harness import NatsServer
from tests.integration.rig import CEILING, DIVISOR, Simulator, simulator

pytestmark = pytest.mark.timeout(180)


class Api:
    """Takes orders; what an API server does with them is shown on a cluster."""

    def __init__(self) -> None:
        self.bases: list[str] = []

    def create(self, manifest: Mapping[str, Any]) -> bool:
        self.bases.append(manifest["spec"]["base"])
        return True


async def ordered(upbit: Simulator, nats: str, *coins: str) -> list[str]:
    """Run a watcher until it has ordered something, these coins being announced meanwhile; return what it ordered."""
    places, api = upbit.venues["upbit"]["spot"], Api()
    order = Order(
        rest=places["rest"],
        web_socket=places["webSocket"],
        announcements=places["rest"],
        nats=NatsSettings(urls=(nats,)),
        key=None,
        tls=None,
        share=DEFAULT_SHARE,
        captures=Orders(api, before="20s", after="20s"),
    )
    watcher = Watcher(order, clock=Clock(), timers=Timers().divided(DIVISOR), rhythm=divided(SPOT.rhythm, DIVISOR))
    stop = asyncio.Event()
    running = asyncio.create_task(watcher.run(stop))
    async with asyncio.timeout(CEILING):
        while watcher.waiting():  # noqa: ASYNC110 - readiness has no event to wait for
            await asyncio.sleep(0.05)
        for coin in coins:
            await asyncio.to_thread(upbit.order, "/notice", coins=[{"base": coin, "name": coin}])
        while len(api.bases) < max(1, len(coins)):  # noqa: ASYNC110 - nor have orders
            await asyncio.sleep(0.05)
    stop.set()
    assert await running
    return api.bases


async def test_each_event_that_is_stored_has_a_capture_ordered_and_again_by_the_next_process(nats: NatsServer) -> None:
    with simulator(only=("upbit",), symbols=None) as upbit:
        assert sorted(await ordered(upbit, nats.url, "TIA", "LPT")) == ["LPT", "TIA"]
        # The API knows a capture again by its name, so what was ordered before costs a request and no more.
        assert set(await ordered(upbit, nats.url)) <= {"LPT", "TIA"}
