"""Holes of BTC-USDT, and pages of past trades."""

from collections.abc import Sequence

from metdc_collector.backfill.holes import Evidence, Hole
from metdc_collector.exchanges.history import Mark, Page
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, MOMENT, SECOND, trade

MS = 1_000_000


def mark(number: int | str, at: int | None = None) -> Mark:
    made = trade(number, at)
    return Mark(made.id, made.time, made.seq)


def counted(low: int, high: int) -> Hole:
    """The numbers between two fills."""
    before, after = mark(low), mark(high)
    return Hole(BTC, before, after, before.time, after.time, "omitted", MOMENT)


def timed(start: int, end: int, before: Mark | None = None) -> Hole:
    """A time in seconds after MOMENT, of a feed that doesn't count."""
    return Hole(BTC, before, None, MOMENT + start * SECOND, MOMENT + end * SECOND, "disconnected", MOMENT)


def uuid(name: str, at: float) -> Trade:
    return trade(f"x-{name}", round(at * SECOND))


def page(*trades: Trade | int, damaged: int = 0) -> Page:
    return Page([trade(each) if isinstance(each, int) else each for each in trades], damaged)


def seen(hole: Hole, *pages: Page, stored: Sequence[str] = ()) -> Evidence:
    """Evidence of one source's pages."""
    evidence = Evidence(hole)
    evidence.held({f"{BTC.message_prefix}{one}": MOMENT for one in stored}, stored)
    evidence.begin()
    for each in pages:
        evidence.take(each)
    return evidence
