"""Plants pumps: the order from the control port, the fills into the markets' plans, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.simulator.core.agenda import SECOND, moment, only
from tests.simulator.core.generator import Staged
from tests.simulator.core.model import Instrument
from tests.simulator.core.pump import MS, NAMES, Scene, Script, Terms, course, whole

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

Json = dict[str, Any]


class Stage:
    """Takes orders; each is planted as a whole or refused as a whole."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._number = 0

    def plant(self, order: Json) -> Json:
        """Plants a pump of a base coin and answers the truth about it, which the ledger gets, too.

        The announcement lies at a whole second. What `markets` says of one of them counts before what the order says
        of all.

        Raises:
            KeyError: when a market is not simulated.
            ValueError: with a sentence, for whatever else is wrong.
        """
        only(order, "base", "markets", "at", "in", "skew_ms", *NAMES)
        hub = self._hub
        if hub.replaying:
            raise ValueError("a recording is played: nothing can be planted")
        now = hub.clock.ns()
        announced = moment(order, now) // SECOND * SECOND
        skews = {exchange: whole(order["skew_ms"], exchange) for exchange in order.get("skew_ms", {})}
        common = {name: order[name] for name in NAMES if name in order}
        found = [self._found(order["base"], key, wish) for key, wish in dict(order["markets"]).items()]
        if not found or set(skews) - {market.exchange for market, *_ in found}:
            raise ValueError("`markets` names no market, or none of an exchange whose clock is to be skewed")
        since = now - announced
        played = [(market, pair, self._script(market, pair, {**common, **wish}, since)) for market, pair, wish in found]
        self._number += 1
        for exchange, skew in skews.items():
            self._shift(exchange, skew, (announced + max(script.course.end for *_, script in played) - now) / SECOND)
        for market, pair, script in played:
            self._stage(market, pair, script, announced)
        truth = {
            market.key: _truth(market, pair, script, announced, skews.get(market.exchange, 0))
            for market, pair, script in played
        }
        answer = {"pump": self._number, "base": order["base"], "announced": announced, "planted": now}
        answer |= {"ranking": _ranking(truth), "markets": truth}
        hub.ledger.write({"type": "pump", **answer})
        return answer

    def _found(self, base: str, key: str, wish: object) -> tuple[Market, Instrument, Json]:
        """Market, instrument and course of one entry of `markets`."""
        if not isinstance(wish, dict):
            raise ValueError(f"{key}: its course is an object")
        exchange, _, name = key.partition(".")
        market = self._hub.market(exchange, name)
        named = wish.get("instrument")
        pairs = [pair for pair in market.instruments.values() if pair.name == named or _is(pair, base, named)]
        if not pairs:
            raise ValueError(f"{key} has no {named or base} that trades; `instrument` names one, /universe lists one")
        pair = pairs[0]
        if pair.staged > self._hub.clock.ns():
            raise ValueError(f"{key} {pair.name}: what was planted before has not ended")
        market.begin(pair)
        return market, pair, {name: value for name, value in wish.items() if name != "instrument"}

    def _script(self, market: Market, pair: Instrument, wish: Json, since: int) -> Script:
        seed = f"{self._hub.seed}:pump:{self._number}:{market.key}:{pair.name}"
        terms = Terms(pair.price, pair.tick, pair.lot, pair.typical)
        try:
            return Script(course(wish), terms, since=since, seed=seed)
        except ValueError as error:
            raise ValueError(f"{pair.name}: {error}") from None

    def _shift(self, exchange: str, skew: int, seconds: float) -> None:
        """A venue whose clock goes wrong is one that tells another time with each of its trades."""
        fault = {"fault": "shift_time", "exchange": exchange, "by": skew / 1000, "seconds": seconds + 1}
        self._hub.switchboard.put(fault)

    def _stage(self, market: Market, pair: Instrument, script: Script, announced: int) -> None:
        pair.staged = announced + script.course.end
        scenes = [Staged(announced + scene.at, pair, scene.fill) for scene in script.scenes]
        self._hub.generator.plans[market.key].stage(scenes)


def _is(pair: Instrument, base: str, named: str | None) -> bool:
    return named is None and pair.base == base and pair.busy


def _truth(market: Market, pair: Instrument, script: Script, announced: int, skew: int) -> Json:
    """What will be seen of a market by the venue's own clock, prices as in the ledger."""
    made, unit = script.course, market.wire.time_unit

    def told(at: int, price: int) -> Json:
        seen = announced + at + skew * MS
        return {"time": seen - seen % unit, "price": pair.price_text(price)}

    def stray(scene: Scene) -> Json:
        return {**told(scene.at, scene.fill.price), "kind": scene.fill.kind or None}

    return {
        "instrument": pair.name,
        "reference": pair.price_text(pair.price),
        "price_scale": pair.price_scale,
        "delay_ms": made.delay_ms,
        "before_announcement": made.delay_ms < 0,
        "first_move": told(made.first, script.jump),
        "peak": told(made.peak, script.peak),
        "trough": told(made.trough, script.trough),
        "peak_ms": made.peak_ms,
        "decline_ms": made.decline_ms,
        "end": announced + made.end,
        "fills": len(script.scenes),
        "thin": made.thin,
        "silent": made.silent,
        "skew_ms": skew,
        "bad_prints": [stray(scene) for scene in script.strays],
    }


def _ranking(truth: Mapping[str, Json]) -> list[list[str]]:
    """Who moved first by true time, markets of the same ms together; moves before the announcement have no rank."""
    ranked = sorted({row["delay_ms"] for row in truth.values() if not row["before_announcement"]})
    return [list(_of(truth, delay)) for delay in ranked]


def _of(truth: Mapping[str, Json], delay: int) -> Iterator[str]:
    return (key for key, row in truth.items() if row["delay_ms"] == delay)
