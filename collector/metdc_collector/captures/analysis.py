"""The analysis of a capture: of each market by itself, and of all in comparison. Pure, exact.

Its record is ``analysis.json`` of ``docs/captures.md``: times in ns, amounts and returns as decimal text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Literal

from metdc_collector.captures import moves
from metdc_collector.captures.moves import Clock, Move, Peak, Reference, Volume
from metdc_collector.captures.order import Order
from metdc_collector.captures.ranking import Disagreement, Entry, Ranked, disagreements, rank
from metdc_collector.captures.ticks import Market, Series

VERSION = 1
COLLECTOR_CLOCK = 10_000_000
"""How far the clocks of our own hosts may be off (ns): they are kept by NTP."""
SHOWN = 10
"""Unconfirmed prices that are named of each market; all are counted."""
_DIGITS = 50
_PLACES = Decimal(1).scaleb(-8)

Verdict = Literal["moved", "moved_before", "unconfirmed", "no_move", "no_reference", "no_trades"]


@dataclass(frozen=True, slots=True)
class Found:
    """What one market shows.

    Attributes:
        verdict: ``moved`` and so ranked; ``moved_before`` the announcement; only ``unconfirmed`` prices; ``no_move``;
            ``no_reference`` price; ``no_trades`` in the window that the analysis takes.
        first: the first move at or after the announcement.
        early: the first move before it, its return by the price that the window began with.
        unconfirmed: prices beyond the threshold that no other trade confirms: bad prints.
    """

    market: Market
    verdict: Verdict
    clock: Clock
    before: Volume
    after: Volume
    left_out: Mapping[str, int]
    reference: Reference | None = None
    first: Move | None = None
    early: Move | None = None
    peak: Peak | None = None
    unconfirmed: Sequence[Move] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What all markets show; ``by_received`` lacks markets whose first move came over REST."""

    order: Order
    markets: Sequence[Found]
    by_time: Sequence[Ranked]
    by_received: Sequence[Ranked]
    disagreements: Sequence[Disagreement]


def analyse(order: Order, markets: Mapping[Market, Series]) -> Analysis:
    """Return what the trades of all markets show; each series begins before the window, for reference prices."""
    with localcontext(prec=_DIGITS, rounding=ROUND_HALF_EVEN):
        found = [examine(order, market, series) for market, series in sorted(markets.items())]
    moved = [(one, one.first.tick) for one in found if one.verdict == "moved" and one.first is not None]
    by_time = [Entry(one.market.key, tick.time, one.clock.tolerance) for one, tick in moved]
    by_received = [Entry(one.market.key, tick.received, COLLECTOR_CLOCK) for one, tick in moved if tick.live]
    return Analysis(order, found, rank(by_time), rank(by_received), disagreements(by_time, by_received))


def examine(order: Order, market: Market, series: Series) -> Found:
    """Return what one market shows."""
    ticks = series.ticks
    clock = moves.clock(ticks)
    window = moves.between(ticks, order.start, order.end)
    before = moves.volume(moves.between(ticks, order.start, order.at))
    after = moves.volume(moves.between(ticks, order.at, order.end))
    found = Found(market, "no_trades", clock, before, after, series.left_out)
    if not window:
        return found
    # By a clock that is behind, what followed the announcement may seem to come before it.
    moment = order.at - clock.tolerance
    baseline = moves.baseline(ticks, order.start) or moves.Reference(
        window[0].price, "first_trade", 1, None, Decimal(0)
    )
    early, doubtful = moves.first_move(moves.between(ticks, order.start, moment), baseline)
    begin, end = (order.at + edge for edge in moves.REFERENCE)
    reference = moves.reference(ticks, begin, end, order.at)
    if reference is None:
        verdict: Verdict = "moved_before" if early else "no_reference"
        return replace(found, verdict=verdict, early=early, unconfirmed=doubtful)
    later = moves.between(ticks, moment, order.end)
    first, unconfirmed = moves.first_move(later, reference)
    peak, beyond = moves.peak(later, reference)
    beyond = [one for one in beyond if abs(one.gain) > reference.threshold]
    verdict = "moved_before" if early else "moved" if first else "unconfirmed" if unconfirmed else "no_move"
    return replace(
        found,
        verdict=verdict,
        reference=reference,
        first=first,
        early=early,
        peak=peak,
        unconfirmed=sorted({*doubtful, *unconfirmed, *beyond}, key=lambda one: one.tick.time),
    )


# -- the record


def record(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as JSON's own types."""
    order = analysis.order
    with localcontext(prec=_DIGITS, rounding=ROUND_HALF_EVEN):
        return {
            "v": VERSION,
            "base": order.base,
            "at": order.at,
            "from": order.start,
            "to": order.end,
            "markets": [_market(one, order) for one in analysis.markets],
            "by_time": [_ranked(one, order) for one in analysis.by_time],
            "by_received": [_ranked(one, order) for one in analysis.by_received],
            "disagreements": [one._asdict() for one in analysis.disagreements],
            "before_announcement": [one.market.key for one in analysis.markets if one.early is not None],
        }


def _market(found: Found, order: Order) -> dict[str, Any]:
    return {
        "market": found.market.key,
        "verdict": found.verdict,
        "reference": _maybe(found.reference, _reference),
        "first_move": _maybe(found.first, lambda move: _move(move, order)),
        "before_announcement": _maybe(found.early, lambda move: _move(move, order)),
        "peak": _maybe(found.peak, lambda peak: _peak(peak, found.first, order)),
        "before": _volume(found.before),
        "after": _volume(found.after),
        "unconfirmed": len(found.unconfirmed),
        "unconfirmed_trades": [_move(move, order) for move in found.unconfirmed[:SHOWN]],
        "left_out": dict(found.left_out),
        "clock": {
            "offset": found.clock.offset,
            "uncertainty": found.clock.uncertainty,
            "resolution": found.clock.resolution,
        },
    }


def _reference(reference: Reference) -> dict[str, Any]:
    return {
        "price": text(reference.price),
        "kind": reference.kind,
        "trades": reference.trades,
        "age": reference.age,
        "deviation": _share(reference.deviation),
        "threshold": _share(reference.threshold),
        "thin": reference.thin,
    }


def _move(move: Move, order: Order) -> dict[str, Any]:
    tick = move.tick
    return {
        "id": tick.id,
        "time": tick.time,
        "received": tick.received if tick.live else None,
        "delay": tick.time - order.at,
        "price": text(tick.price),
        "return": _share(move.gain),
    }


def _peak(peak: Peak, first: Move | None, order: Order) -> dict[str, Any]:
    return {
        **_move(peak.move, order),
        "after_first_move": None if first is None else peak.move.tick.time - first.tick.time,
        "drawdown": _maybe(peak.drawdown, _share),
    }


def _volume(volume: Volume) -> dict[str, Any]:
    return {
        "trades": volume.trades,
        "base": text(volume.base),
        "quote": text(volume.quote),
        "buy_share": _maybe(volume.buy_share, _share),
    }


def _ranked(ranked: Ranked, order: Order) -> dict[str, Any]:
    entry = ranked.entry
    return {
        "market": entry.key,
        "time": entry.time,
        "delay": entry.time - order.at,
        "tolerance": entry.tolerance,
        "rank": [ranked.best, ranked.worst],
        "ties": list(ranked.ties),
    }


def _maybe(value: Any, make: Callable[[Any], Any]) -> Any:
    return None if value is None else make(value)


def _share(value: Decimal) -> str:
    """Return a ratio rounded to 8 places."""
    return text(value.quantize(_PLACES))


def text(value: Decimal) -> str:
    """Return a decimal without exponent and without trailing zeros."""
    shown = format(value, "f")
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown == "-0" else shown
