"""The course of a pump on one market, as fills: pure, integers only, all from a seed.

Before its move the price stays within one tick of the reference. The move begins with one jump, exactly at its moment;
the price rises to one fill at the peak, falls to one fill at the trough, and stays just above that until the end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from tests.simulator.core.agenda import only
from tests.simulator.core.model import KINDS, Fill

MS = 1_000_000
SECOND = 10**9
CONFIRMED = 2 * SECOND
"""A print off the market so soon before the move would be confirmed by it, and be no single one."""
QUIET = 5 * MS
"""No fill lies so closely before the move: the fields of some venues can't tell it from the move."""
COARSE = 4
"""Ticks that jump, rise to the peak and fall must have at least, or the fills between have no price of their own."""

STEADY = 1000
"""A price of fewer ticks stands still before its move: one of them would look like a move itself."""


@dataclass(frozen=True, slots=True)
class BadPrint:
    """One fill far off the market, which nobody else pays: `factor` times the reference, `at_ms` from the announcement.

    With a `kind` (insurance, adl, …) it is none of the market's trades.
    """

    at_ms: int
    factor: Fraction
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """What happens on one market; times in ms, `delay_ms` and `end_ms` from the announcement."""

    delay_ms: int
    """To the first move; below 0 the move is a leak."""
    jump: Fraction = Fraction(5, 100)
    """Of the first move, as a share of the reference price."""
    rise: Fraction = Fraction(30, 100)
    """Of the peak."""
    peak_ms: int = 4000
    """From the first move to the peak."""
    drawdown: Fraction = Fraction(10, 100)
    """Of the trough, as a share of the peak's price."""
    decline_ms: int = 5000
    """From the peak to the trough."""
    end_ms: int = 25_000
    """When the pair goes on by itself."""
    rate: Fraction = Fraction(4)
    """Fills per second before the move."""
    volume: Fraction = Fraction(10)
    """How many times as many fills there are from the move on."""
    thin: bool = False
    """A market where hardly anybody trades: one fill at the beginning, four from the move on."""
    silent: bool = False
    """Without any fill before the move."""
    bad_prints: tuple[BadPrint, ...] = ()

    @property
    def first(self) -> int:
        """The first move, ns from the announcement."""
        return self.delay_ms * MS

    @property
    def peak(self) -> int:
        """The peak, ns from the announcement."""
        return self.first + self.peak_ms * MS

    @property
    def trough(self) -> int:
        """The trough, ns from the announcement."""
        return self.peak + self.decline_ms * MS

    @property
    def end(self) -> int:
        """The end, ns from the announcement."""
        return self.end_ms * MS


NAMES = tuple(each.name for each in fields(Course))
_WHOLE = ("delay_ms", "peak_ms", "decline_ms", "end_ms")
_SHARES = ("jump", "rise", "drawdown", "rate", "volume")


def course(order: Mapping[str, Any]) -> Course:
    """Reads a course from an order; shares, rates and factors are numbers or decimal texts.

    Raises:
        ValueError: with a sentence, when it is none that could happen.
    """
    only(order, *NAMES)
    given: dict[str, Any] = {name: whole(order, name) for name in _WHOLE if name in order}
    if "delay_ms" not in given:
        raise ValueError("a market needs its `delay_ms`, from the announcement to the first move")
    given |= {name: Fraction(str(order[name])) for name in _SHARES if name in order}
    prints = tuple(_bad_print(each) for each in order.get("bad_prints", ()))
    given |= {name: order.get(name, False) is True for name in ("thin", "silent")}
    made = Course(**given, bad_prints=prints)
    for holds, sentence in _conditions(made):
        if not holds:
            raise ValueError(sentence)
    return made


def whole(order: Mapping[str, Any], name: str) -> int:
    """A whole number of an order; ValueError where it is another thing."""
    if type(order[name]) is not int:
        raise ValueError(f"`{name}` is a whole number of ms")
    return int(order[name])


def _bad_print(order: Mapping[str, Any]) -> BadPrint:
    only(order, "at_ms", "factor", "kind")
    kind = order.get("kind", "")
    if kind not in KINDS or kind == "NA":
        raise ValueError(f"kind must be one of {', '.join(each for each in KINDS[1:] if each != 'NA')} or absent")
    return BadPrint(whole(order, "at_ms"), Fraction(str(order["factor"])), kind)


def _conditions(made: Course) -> Iterator[tuple[bool, str]]:
    """What has to hold, and what is said where it doesn't."""
    yield 0 < made.jump < made.rise, "0 < jump < rise, or there is no way from the first move to the peak"
    yield 0 < made.drawdown < 1, "0 < drawdown < 1"
    yield made.peak_ms >= 10 <= made.decline_ms, "peak_ms and decline_ms are at least 10"
    yield made.trough <= made.end, "end_ms lies before the trough: delay_ms + peak_ms + decline_ms"
    yield 0 < made.rate <= 1000, "0 < rate <= 1000"
    yield made.volume >= 1 and made.rate * made.volume <= 2000, "volume is at least 1, rate x volume at most 2000"
    yield made.rate * made.volume >= 1 or made.thin, "rate x volume below 1: nothing confirms the move within 2 s"
    for each in made.bad_prints:
        yield each.factor > 0 and each.factor != 1, "a bad print's factor is above 0 and not 1"
        apart = not made.first - CONFIRMED <= each.at_ms * MS <= made.first
        yield apart, "the move would confirm a bad print within the 2 s before it"


@dataclass(frozen=True, slots=True)
class Terms:
    """How an instrument trades, in the units of its wire: reference price, tick, lot, and a common size in lots."""

    reference: int
    tick: int
    lot: int
    typical: int

    def price(self, times: Fraction) -> int:
        """So many times the reference, down to the tick, at least one."""
        return max(self.tick, int(self.reference * times) // self.tick * self.tick)


@dataclass(frozen=True, slots=True)
class Scene:
    """A fill and when it happens, ns from the announcement."""

    at: int
    fill: Fill


class Script:
    """The fills of one course."""

    def __init__(self, course: Course, terms: Terms, *, since: int, seed: str) -> None:
        """`since`: from when on, ns from the announcement.

        Raises:
            ValueError: when a moment would lie before `since`, or the instrument's ticks are too coarse.
        """
        self.course, self._terms, self._since = course, terms, since
        self._rng = random.Random(seed)
        self._noise = terms.tick if terms.reference >= STEADY * terms.tick else 0
        self.jump = terms.price(1 + course.jump)
        self.peak = terms.price(1 + course.rise)
        self.trough = max(terms.tick, int(self.peak * (1 - course.drawdown)) // terms.tick * terms.tick)
        self.strays = [Scene(each.at_ms * MS, self._stray(each)) for each in course.bad_prints]
        self._judge()
        times = self._thin() if course.thin else [*self._quiet(), *self._busy()]
        plain = [Scene(at, self._fill(at)) for at in times if not course.silent or at >= course.first]
        self.scenes: Sequence[Scene] = sorted([*plain, *self.strays], key=lambda one: one.at)
        """All fills, oldest first."""

    def _judge(self) -> None:
        early = [at for at in (self.course.first - QUIET, *(one.at for one in self.strays)) if at < self._since]
        if early:
            raise ValueError(f"{(self._since - min(early)) // MS} ms too late: a move or print would lie in the past")
        least = COARSE * self._terms.tick
        if min(self.jump - self._terms.reference, self.peak - self.jump, self.peak - self.trough) < least:
            raise ValueError("a step would be less than 4 ticks of this instrument")

    # When

    def _thin(self) -> list[int]:
        made = self.course
        confirming = made.first + min(1500, made.peak_ms // 2) * MS
        return [self._since, made.first, confirming, made.peak, made.trough]

    def _quiet(self) -> list[int]:
        step = int(SECOND / self.course.rate)
        return self._spread(self._since + int(step * self._rng.random()), self.course.first - QUIET, step)

    def _busy(self) -> list[int]:
        made = self.course
        step = int(SECOND / (made.rate * made.volume))
        between = self._spread(made.first + step, made.end, step)
        marks = [made.first, made.peak, made.trough]
        return sorted([*marks, *(at for at in between if at not in marks)])

    def _spread(self, at: int, end: int, step: int) -> list[int]:
        """Times from `at` on, half a step to one and a half apart."""
        times = []
        while at < end:
            times.append(at)
            at += max(1, int(step * (self._rng.random() + 0.5)))
        return times

    # At which price

    def _fill(self, at: int) -> Fill:
        chance = 0.5 if at < self.course.first else 0.7 if at <= self.course.peak else 0.4
        return Fill(self._price(at), self._size(), at == self.course.first or self._rng.random() < chance)

    def _price(self, at: int) -> int:
        made, tick = self.course, self._terms.tick
        if at < made.first:
            return self._terms.reference + self._noise * self._rng.randrange(-1, 2)
        if at in {made.first, made.peak, made.trough}:
            return {made.first: self.jump, made.peak: self.peak, made.trough: self.trough}[at]
        if at < made.peak:
            return self._between(self.jump, self.peak, at - made.first, made.peak - made.first)
        if at < made.trough:
            return self._between(self.peak, self.trough, at - made.peak, made.trough - made.peak)
        return self.trough + tick * self._rng.randrange(1, 3)

    def _between(self, start: int, end: int, passed: int, whole: int) -> int:
        """On the straight way, at least one tick off the peak and off the trough, which have one fill each."""
        tick = self._terms.tick
        way = start + (end - start) * passed // whole // tick * tick
        return min(self.peak - tick, max(way, min(start, end) + (tick if end < start else 0)))

    def _stray(self, each: BadPrint) -> Fill:
        return Fill(self._terms.price(each.factor), self._size(), self._rng.random() < 0.5, each.kind, stray=True)

    def _size(self) -> int:
        return self._terms.lot * (1 + int(self._terms.typical * 4 * self._rng.random() ** 4))
