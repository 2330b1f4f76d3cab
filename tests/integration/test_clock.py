"""The system's clock steps while a collector runs; the order of its `received` times must not."""

import asyncio
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable

import pytest

from metdc_collector.access import divided
from metdc_collector.clock import Clock, Timers
from metdc_collector.collector import Collector
from metdc_collector.settings import read
from metdc_collector.wire.config import decode
from tests.harness import NatsServer
from tests.integration.rig import (
    BINANCE_SPOT,
    CEILING,
    DIVISOR,
    Simulator,
    configuration,
    held,
    judged,
    messages,
)

pytestmark = pytest.mark.timeout(60)
_SECOND = 1_000_000_000


class Wall:
    """A system clock that somebody sets while it runs."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return time.time_ns() + self.ahead


async def until(look: Callable[[], bool], what: str) -> None:
    """Wait on the loop itself, to which the collector belongs."""
    try:
        async with asyncio.timeout(CEILING):
            while not look():  # noqa: ASYNC110 - a report has no event to wait for
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {CEILING:g} s") from None


@pytest.mark.parametrize("step", [3600, -3600], ids=["ahead", "back"])
async def test_a_clock_that_steps_is_told_once_and_received_times_go_on(
    exchange: Simulator, nats: NatsServer, caplog: pytest.LogCaptureFixture, step: int
) -> None:
    caplog.set_level(logging.INFO)
    settings = read(decode(json.dumps(configuration(exchange, BINANCE_SPOT, nats.url))), credentials=None)
    wall, stop = Wall(), asyncio.Event()
    clock = Clock(wall=wall.now)
    rhythm = divided(settings.venue.rhythm, DIVISOR)
    collector = Collector(settings, clock=clock, timers=Timers().divided(DIVISOR), rhythm=rhythm)
    running = asyncio.create_task(collector.run(stop))
    await asyncio.to_thread(exchange.rate, BINANCE_SPOT, 300)
    await until(lambda: collector.report().trades.stored > 200, "trades are stored")
    wall.ahead = step * _SECOND
    await until(lambda: "the system clock stepped by" in caplog.text, "it is told")
    stored = collector.report().trades.stored
    await until(lambda: collector.report().trades.stored > stored + 200, "trades are stored as before")
    await until(lambda: collector.report().ready, "it is ready")
    await asyncio.to_thread(exchange.order, "/pause")
    await until(lambda: collector.report().backlog.trades == 0, "all is acknowledged")
    stop.set()
    assert await running
    (told,) = re.findall(r"stepped by (-?[0-9.]+) s", caplog.text)
    assert abs(float(told) - step) < 1
    received: dict[str, list[int]] = defaultdict(list)
    for message in await asyncio.to_thread(messages, nats.url):
        trade = json.loads(message.data)
        received[trade["instrument"]].append(trade["received"])
    assert all(times == sorted(times) for times in received.values())
    held(await asyncio.to_thread(judged, exchange, nats.url), BINANCE_SPOT, least=400)
