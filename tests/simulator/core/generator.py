"""Makes fills at a planned rate: which instrument, which price, which size; all integers, all from the seed."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from tests.simulator.core.model import Fill, Instrument, Trade

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

MOST_AT_ONCE = 2000
"""Fills of one market in one turn: after a stall the plan is caught up with over several turns, not in one lump."""
TRICKLE = 0.01
"""Share of the fills that goes to instruments beside the busy ones (other quotes, other contract kinds)."""
ONE_ORDER = 50_000_000
"""Nanoseconds within which fills at one price and side belong to one taker order."""


@dataclass(slots=True)
class Burst:
    """Extra fills of one instrument, on top of the plan's rate."""

    instrument: Instrument
    left: int
    per_ns: float
    owed: float = 0.0


@dataclass(frozen=True, slots=True)
class Staged:
    """A planted fill and its moment (Unix ns)."""

    at: int
    instrument: Instrument
    fill: Fill


class Plan:
    """What one market should have produced by now, and what it did."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.rate = 0.0
        self.planned = 0.0
        self.produced = 0
        self.bursts: list[Burst] = []
        self.script: deque[Staged] = deque()
        self._mark = (0.0, 0, 0)
        self._version = -1
        self._busy: list[Instrument] = []
        self._weights: list[float] = []
        self._others: list[Instrument] = []

    def mark(self, now: int) -> dict[str, int | str]:
        """The plan since the last mark, as a ledger line, and a new mark."""
        planned, produced, since = self._mark
        line: dict[str, int | str] = {
            "type": "plan",
            "exchange": self.market.exchange,
            "market": self.market.name,
            "planned": int(self.planned - planned),
            "sent": self.produced - produced,
            "from": since,
            "to": now,
        }
        self._mark = (self.planned, self.produced, now)
        return line

    def start(self, now: int) -> None:
        """The plan begins here."""
        self._mark = (self.planned, self.produced, now)

    def stage(self, scenes: list[Staged]) -> None:
        """Takes planted fills, each to be made at its moment."""
        self.script = deque(sorted([*self.script, *scenes], key=lambda one: one.at))

    def pick(self, rng: random.Random, symbols: int | None) -> Instrument | None:
        """The next instrument: Zipf over the busy ones, now and then another."""
        if self._version != self.market.version:
            self._sort(symbols)
        if self._others and rng.random() < TRICKLE:
            return self._others[int(rng.random() * len(self._others))]
        if not self._busy:
            return None
        return self._busy[bisect_left(self._weights, rng.random() * self._weights[-1])]

    def busiest(self, count: int, symbols: int | None) -> list[Instrument]:
        """The busiest instruments, first the busiest."""
        if self._version != self.market.version:
            self._sort(symbols)
        return self._busy[:count]

    def _sort(self, symbols: int | None) -> None:
        rows: Iterable[Instrument] = self.market.instruments.values()
        self._busy = [row for row in rows if row.busy][:symbols]
        self._others = [] if symbols else [row for row in rows if row.open and not row.busy]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._busy) + 1)))
        self._version = self.market.version


class Generator:
    """Drives the plans of all markets."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.paused = False
        self.plans: dict[str, Plan] = {}
        self._at = 0

    def start(self, markets: Iterable[Market]) -> None:
        """The plans begin now."""
        self._at = self._hub.clock.ns()
        for market in markets:
            plan = self.plans.setdefault(market.key, Plan(market))
            plan.start(self._at)

    def advance(self) -> None:
        """Produces what is due since the last call."""
        now = self._hub.clock.ns()
        for plan in self.plans.values():
            if not self.paused:
                self._due(plan, now)
            plan.market.settle(now)
        self._at = now

    def _due(self, plan: Plan, now: int) -> None:
        plan.planned += plan.rate * (now - self._at) / 1e9
        due = min(int(plan.planned) - plan.produced, MOST_AT_ONCE)
        if due > 0:
            self._spread(plan, [None] * due, now)
        for burst in plan.bursts:
            burst.owed += burst.per_ns * (now - self._at)
            count = min(int(burst.owed), burst.left, MOST_AT_ONCE)
            burst.owed -= count
            burst.left -= count
            plan.planned += count
            self._spread(plan, [burst.instrument] * count, now)
        plan.bursts = [burst for burst in plan.bursts if burst.left > 0]
        self._perform(plan, now, now)

    def _spread(self, plan: Plan, whom: list[Instrument | None], now: int) -> None:
        """One fill for each entry, evenly in the time since the last call; None: whom the spread picks."""
        market, rng, wire = plan.market, plan.market.rng, plan.market.wire
        step = (now - self._at) // max(1, len(whom))
        at = self._at
        repeat: Instrument | None = None
        for one in whom:
            at += step
            self._perform(plan, at, now)
            instrument = repeat or one or plan.pick(rng, self._hub.symbols)
            if instrument is None or (one is None and instrument.staged > at):
                plan.planned -= 1
                continue
            self._special(market, instrument, at, now)
            trade = instrument.last._replace() if repeat and instrument.last else None
            if trade is not None and rng.random() < 0.3:
                market.split(instrument)
            self.produce(market, instrument, at, now, trade=trade)
            plan.produced += 1
            repeat = instrument if wire.repeats and rng.random() < wire.repeats else None

    def _perform(self, plan: Plan, until: int, now: int) -> None:
        """Makes the planted fills whose moment has come, so that all fills of the market are in the order of time."""
        while plan.script and plan.script[0].at <= until:
            one = plan.script.popleft()
            trade = self.draw(plan.market, one.instrument, one.at, kind=one.fill.kind, fill=one.fill)
            self.produce(plan.market, one.instrument, one.at, now, trade=trade)
            plan.planned += 1
            plan.produced += 1

    def _special(self, market: Market, instrument: Instrument, at: int, now: int) -> None:
        """Frames that are no trade come on top of the plan."""
        for kind, share in market.wire.kinds:
            if kind == "NA" and market.rng.random() < share:
                self.produce(market, instrument, at, now, kind=kind)

    def produce(
        self, market: Market, instrument: Instrument, at: int, now: int, *, kind: str = "", trade: Trade | None = None
    ) -> Trade:
        """Makes one fill (or takes the one given) and sends it on its way."""
        market.begin(instrument)
        made = trade or self.draw(market, instrument, at, kind=kind or self._kind(market))
        market.trade(instrument, made, now)
        return made

    def _kind(self, market: Market) -> str:
        for kind, share in market.wire.kinds:
            if kind != "NA" and market.rng.random() < share:
                return kind
        return ""

    def draw(
        self, market: Market, instrument: Instrument, at: int, *, kind: str = "", fill: Fill | None = None
    ) -> Trade:
        """The next fill of an instrument: the one given; else often a further fill at the same price and side, or a
        small step."""
        rng, wire, last = market.rng, market.wire, instrument.last
        shifted = self._hub.switchboard.active("shift_time", market)
        if shifted is not None:
            shifted.spend()
            at += round(float(shifted.parameters["by"]) * 1e9)
        at -= at % wire.time_unit
        if last is not None and at <= last.time:
            at = last.time + (1 if wire.time_unit == 1 else 0)
        same = last is not None and not kind and fill is None and rng.random() < 0.35
        instrument.further = last is not None and same and not last.kind and at - last.time <= ONE_ORDER
        instrument.at = at
        number, order = wire.number(instrument), wire.order(instrument)
        if self._hub.switchboard.strikes("skip_ids", market):
            number, order = wire.number(instrument), wire.order(instrument)
        if kind == "NA":
            return Trade(number, 0, 0, rng.random() < 0.5, at, kind, order=order)
        if fill is not None:
            if not fill.stray:
                instrument.price = fill.price
            instrument.last = made = Trade(number, fill.price, fill.size, fill.buy, at, kind, order=order)
            return made
        if last is not None and same:
            price, buy = last.price if not last.kind else instrument.price, last.buy
        else:
            price, buy = self._step(rng, instrument), rng.random() < 0.5
        if kind in {"insurance", "adl", "internal"}:
            price = max(instrument.tick, price * (9 if buy else 11) // 10 // instrument.tick * instrument.tick)
        else:
            instrument.price = price
        size = instrument.lot * (1 + int(instrument.typical * 4 * rng.random() ** 4))
        instrument.last = made = Trade(number, price, size, buy, at, kind, order=order)
        return made

    @staticmethod
    def _step(rng: random.Random, instrument: Instrument) -> int:
        """A step of a few ticks, pulled back when it has wandered off by a third."""
        price = instrument.price + instrument.tick * int(rng.random() * 7 - 3)
        if price < instrument.anchor * 2 // 3:
            price += 3 * instrument.tick
        elif price > instrument.anchor * 4 // 3:
            price -= 3 * instrument.tick
        return max(instrument.tick, price)
