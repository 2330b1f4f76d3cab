"""A sampler by hand: its clock, REST's rows, the stream, and what it is told of subscriptions."""

import asyncio
from fractions import Fraction
from types import SimpleNamespace
from typing import cast

from metdc_collector.backfill.sampler import Sampler
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Order
from metdc_collector.exchanges.base import Rate, Venue
from metdc_collector.rest import Rest
from tests.unit.collector.backfill.made import Newest, Path, Venues
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, HandClock


class Rig:
    """A minute and more of listening lies behind."""

    def __init__(self, *, consecutive: bool = False) -> None:
        self.hand, self.aggregates = HandClock(100 * SECOND), False
        self.rest = Venues(self.hand)
        self.path = Path(Order(consecutive))
        self.since: dict[str, int | None] = {"BTCUSDT": MOMENT + 10 * SECOND, "ETHUSDT": MOMENT + 10 * SECOND}
        self.first: dict[str, int] = {}
        self.suspects: list[str] = []
        self.pending: set[str] = set()
        self.silent: list[str] = []
        self.instruments = {one.name: one for one in (BTC, ETH)}
        self.slept: list[float] = []
        limits = SimpleNamespace(rest_weight=Rate(10, 1))
        self.venue = SimpleNamespace(sources=[Newest(self.rest)], limits=limits)
        self.sampler = Sampler(
            venue=cast(Venue, self.venue),
            rest=cast(Rest, self.rest),
            stream=self.path,
            clock=Clock(wall=lambda: MOMENT + self.hand.time, monotonic=self.hand),
            timers=Timers(),
            share=Fraction(1, 8),
            instruments=lambda: self.instruments,
            consecutive=lambda: consecutive,
            aggregates=lambda: self.aggregates,
            since=lambda name: self.since[name],
            first=lambda name: self.first.get(name) or self.since[name],
            pending=lambda name: name in self.pending,
            suspects=lambda: self.suspects,
            silent=self.silent.append,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.hand.time += round(seconds * SECOND)
        await asyncio.sleep(0)

    async def run(self, samples: int) -> None:
        running = asyncio.create_task(self.sampler.run())
        async with asyncio.timeout(5):
            while len(self.slept) <= samples:  # noqa: ASYNC110 - each turn of it is a turn of the sampler's
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def ids(self) -> list[str]:
        return [each.id for each, _ in self.path.published]

    def chosen(self) -> str | None:
        instrument = self.sampler.choose()
        return None if instrument is None else instrument.name
