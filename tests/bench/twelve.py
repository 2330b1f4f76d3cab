"""Twelve markets at once on many connections, faster and faster, until the trades of one step get old."""

import asyncio
import time
from typing import Any

from tests.audit.__main__ import audit
from tests.bench import figures
from tests.bench.isolation import TWELVE, Span, ages_of
from tests.chaos.scene import Case, Scene, scene
from tests.harness import NotInTime, eventually, say

CONNECTIONS = 70
"""At least so many in all: one instrument each."""
STEPS = (1_000, 2_000, 4_000, 8_000, 12_000, 16_000, 24_000, 32_000, 48_000)
"""Trades a second in all."""
OLD = 1_000.0
"""Age in ms that 99 % must not exceed."""
_SETTLE = 120.0
_PLANNED = 1 - figures.BEHIND


def measure(seconds: float, *, short: bool) -> dict[str, Any]:
    """Measure each step for ``seconds``, until one is too much for the simulator or the collectors."""
    with scene(TWELVE, seed=7, rate=0, module=("tests.narrow", "1")) as place:
        cases = [Case("none", market, place.pods[market.key]) for market in TWELVE]
        connections = sum(one["connections"]["active"] for case in cases if (one := case.pod.report()))
        if connections < CONNECTIONS:
            raise NotInTime(f"{connections} connections, of {CONNECTIONS} at least")
        say(f"  {connections} connections")
        spans = _climb(place, cases, seconds, STEPS[:2] if short else STEPS)
        place.settle(cases, _SETTLE)
        rows = asyncio.run(ages_of(place.nats.url, {market.key for market in TWELVE}))
        verdict = asyncio.run(audit(place.simulated.ledger, place.nats.url, with_gaps=True))
    rates = {str(rate): {"age_ms": figures.ages(span.ages(rows))} for rate, span in spans.items()}
    kept = [int(rate) for rate, one in rates.items() if one["age_ms"] and one["age_ms"]["p99"] < OLD]
    tallies = verdict.tallies.values()
    return {
        "connections": connections,
        "highest": max(kept, default=0),
        "rates": rates,
        "lost": sum(tally.lost + tally.gapped for tally in tallies),
        "repeated": sum(tally.duplicated for tally in tallies),
    }


def _climb(place: Scene, cases: list[Case], seconds: float, steps: tuple[int, ...]) -> dict[int, Span]:
    """Let all trade at one rate after another; return the span of each that the simulator kept to."""
    spans: dict[int, Span] = {}
    for rate in (steps[0], *steps):  # twice the first: trades are held for a second where a symbol starts
        for case in cases:
            place.simulated.rate(case.market, rate / len(cases))
        place.simulated.order("/mark")
        place.simulated.order("/resume")
        begin = time.time_ns()
        time.sleep(seconds)
        span = Span(begin, time.time_ns())
        place.simulated.order("/pause")
        plans = place.simulated.order("/mark")["plans"]
        made = sum(plan["sent"] for plan in plans) / max(1, sum(plan["planned"] for plan in plans))
        if made < _PLANNED:
            say(f"  {rate}/s: the simulator made {made:.0%} of that, so nothing is known of it")
            break
        spans[rate] = span
        paused = time.monotonic()
        eventually(lambda: all(_delivered(case) for case in cases), _SETTLE, "all is stored", every=0.05)
        say(f"  {rate}/s: all was stored {time.monotonic() - paused:.1f} s after the end")
        if time.monotonic() - paused > 2 * OLD / 1000:
            break
    return spans


def _delivered(case: Case) -> bool:
    report = case.pod.report()
    return report is not None and report["backlog"]["trades"] == 0
