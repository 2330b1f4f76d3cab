"""Twelve markets, one venue of which misbehaves in each of its ways, while the others are watched."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.audit import stream
from tests.audit.__main__ import audit
from tests.bench import figures
from tests.chaos import processes
from tests.chaos.faults import FAULTS
from tests.chaos.scene import Case, Scene, scene
from tests.chaos.table import ALL, UPBIT_SPOT
from tests.harness import say
from tests.integration.rig import BINANCE_FUTURES

TWELVE = tuple(market for market in ALL if market != UPBIT_SPOT)
VICTIM = BINANCE_FUTURES
"""Has a port, and so a venue, of its own in the simulator, and a client that says something after it has subscribed."""
RATE = 60.0
"""Trades a second of each market."""
WARM = 3.0
_ELSEWHERE = frozenset({"omit_long", "equal_rows", *(name for name in vars(processes) if name in FAULTS)})
"""Faults that are no venue's, a venue's that has no ids, or another one's long form."""
WAYS = tuple(name for name in FAULTS if name not in _ELSEWHERE)
FEW = ("malformed", "reset", "burst", "rest_error")
"""Of the short form."""
SETTLE = 180.0


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the run, from and to (ns)."""

    begin: int
    end: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return round((self.end - self.begin) / 1e9, 1)

    def ages(self, rows: Sequence[tuple[int, int]]) -> list[int]:
        """Return the ages of the trades that were made in it, of rows of (exchange time, age)."""
        return [age for time, age in rows if self.begin <= time < self.end]


def measure(quiet: float, least: float, *, short: bool) -> dict[str, Any]:
    """Play it: ``quiet`` seconds first, then each way for ``least`` seconds or as long as it takes to recover."""
    with scene(TWELVE, seed=7, rate=RATE) as place:
        for market in TWELVE:
            place.simulated.rate(market, RATE)
        place.simulated.order("/resume")
        time.sleep(WARM)
        begin = time.time_ns()
        time.sleep(quiet)
        still = Span(begin, time.time_ns())
        played = {name: _play(place, name, least) for name in (FEW if short else WAYS)}
        place.simulated.order("/pause")
        others = [Case("none", market, place.pods[market.key]) for market in TWELVE if market != VICTIM]
        place.settle(others, SETTLE)
        reconnects = sum(len(place.connections(case.market, "open", since=begin)) for case in others)
        ages = asyncio.run(ages_of(place.nats.url, {case.market.key for case in others}))
        verdict = asyncio.run(audit(place.simulated.ledger, place.nats.url, with_gaps=True))
    tallies = [verdict.tallies[case.market.key] for case in others]
    problems = [f"{case.market.key}: {problem}" for case in others for problem in case.problems]
    return {
        "venue": VICTIM.key,
        "others": len(others),
        "lost": sum(tally.lost + tally.gapped for tally in tallies),
        "repeated": sum(tally.duplicated for tally in tallies),
        "reconnects": reconnects,
        **_compared(ages, still, played),
        **({"problems": problems} if problems else {}),
    }


def _play(place: Scene, name: str, least: float) -> tuple[Case, Span]:
    """Let the venue misbehave in one way, and recover."""
    case, begin = Case(name, VICTIM, place.pods[VICTIM.key]), time.time_ns()
    FAULTS[name].run(place, [case])
    place.simulated.clear()
    while time.time_ns() - begin < least * 1e9:
        time.sleep(0.1)
    span = Span(begin, time.time_ns())
    said = "".join(f"; {problem}" for problem in case.problems)
    say(f"  {name}: struck {case.struck} times ({span.seconds} s){said}")
    return case, span


async def ages_of(url: str, markets: set[str]) -> list[tuple[int, int]]:
    """Return (exchange time, age when stored) of all trades of some markets, ns."""
    found: list[tuple[int, int]] = []

    def take(message: stream.Stored) -> None:
        if ".".join(message.subject.split(".")[1:3]) in markets:
            time = orjson.loads(message.data)["time"]
            found.append((time, message.at - time))

    client = await stream.connect(url)
    try:
        await stream.read(client, "trades.>", take)
    finally:
        await client.close()
    return found


def _compared(rows: Sequence[tuple[int, int]], still: Span, played: dict[str, tuple[Case, Span]]) -> dict[str, Any]:
    """Return the others' ages while all was quiet, and in each way beside those."""
    quiet, ways, ratios = figures.ages(still.ages(rows)), {}, []
    for name, (case, span) in played.items():
        ages = figures.ages(span.ages(rows))
        ratio = round(ages["p99"] / quiet["p99"], 2) if ages and quiet and quiet["p99"] else None
        ratios += [] if ratio is None else [ratio]
        ways[name] = {"struck": case.struck, "seconds": span.seconds, "age_ms": ages, "age_ratio": ratio}
    return {"quiet_age_ms": quiet, "ways": ways, "worst_age_ratio": max(ratios, default=None)}
