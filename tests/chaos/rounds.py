"""Round after round of faults in one scene, then one audit of everything, split into the rows again."""

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.audit import ledger as ledgers
from tests.audit import stream
from tests.audit.holes import Found, Holes, Span
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.scene import Case, Scene
from tests.chaos.table import Row
from tests.harness import say
from tests.integration.rig import Market


@dataclass(frozen=True, slots=True)
class Done:
    """A row that has run, and the span of trades that it is judged by."""

    case: Case
    span: Span


def play(scene: Scene, row: Row, fault: Fault) -> list[Done]:
    """Play one fault on all its markets: trades flow, it strikes, everything comes to rest."""
    start = time.monotonic()
    cases = [Case(row.fault, market, scene.pods[market.key]) for market in row.markets]
    for case in cases:
        scene.simulated.rate(case.market, scene.rate)
    scene.simulated.order("/resume")
    scene.flow(cases, 0.5)
    fault.run(scene, cases)
    scene.flow(cases, 0.5)
    scene.simulated.order("/pause")
    scene.every_symbol_trades(cases)
    scene.settle(cases, fault.settle)
    scene.simulated.clear()
    for case in cases:
        scene.simulated.rate(case.market, 0)
    done = closed(scene, cases, fault)
    say(f"  {row.fault}: {len(row.markets)} markets ({time.monotonic() - start:.1f} s)")
    for case in cases:
        for problem in case.problems:
            say(f"    {case.market.key}: {problem}; it waits for {', '.join(case.waits_for())}")
    return done


def closed(scene: Scene, cases: Sequence[Case], fault: Fault) -> list[Done]:
    """Close the spans of some cases at what has been traded until now."""
    serials, now = scene.serials(), time.time_ns()
    return [
        Done(
            case,
            Span(
                market=case.market.key,
                last=serials[case.market.key],
                ended=now,
                fault=(case.began, case.lifted),
                since=case.since,
                rule=fault.rule(case),
            ),
        )
        for case in cases
    ]


def play_all(scene: Scene, rows: Sequence[Row]) -> list[Done]:
    """Play the faults one after another."""
    return [done for row in rows for done in play(scene, row, FAULTS[row.fault])]


def audit(scene: Scene, done: Sequence[Done]) -> list[Found]:
    """End the collectors, which deliver what they have, and judge the scene's stream by its ledger, row by row."""
    scene.end()
    scene.simulated.order("/mark")

    async def read() -> None:
        nc = await stream.connect(scene.nats.url)
        try:
            await stream.read(nc, "trades.>", holes.trade)
            await stream.read(nc, "gaps.>", holes.gap)
        finally:
            await nc.close()

    gc.disable()  # millions of trades that all stay: each search for garbage among them costs seconds, and finds none
    try:
        holes = Holes(ledgers.read(scene.simulated.ledger, every=True), [one.span for one in done])
        asyncio.run(read())
        return holes.verdict()
    finally:
        gc.enable()


def markets_of(rows: Sequence[Row]) -> list[Market]:
    """Return the markets of some rows, each once, in order."""
    return list(dict.fromkeys(market for row in rows for market in row.markets))


def result(case: Case, found: Found, fault: Fault) -> dict[str, Any]:
    """Return one row of the result."""
    struck = getattr(found, fault.counts) if fault.counts else case.struck
    injected = struck if case.noticed else 0
    problems = list(case.problems)
    if not injected:
        told = f"ours told: {case.noticed}" if case.noticed else "nothing of ours told of it"
        problems.insert(0, f"NOT-INJECTED: it struck {struck} times, {told}")
    row: dict[str, Any] = {
        "fault": case.fault,
        "venue": case.market.key,
        "ok": found.ok and not problems,
        "injected": injected,
        "lost_unrecorded": found.lost_unrecorded,
        "recorded": found.recorded,
        "why": "; ".join(f"{count} {text}" for text, count in sorted(found.why.items())) or None,
        "duplicated": found.duplicated,
        "misordered": found.misordered,
        "wrong": found.wrong,
        "false_gaps": found.false_gaps,
        "recover_s": case.recovered,
    }
    if fault.omits:
        row |= {"omitted": found.omitted, "sampled": found.sampled, "found": found.found}
    row |= case.extra
    for name in ("held", "wide", "not_public"):
        if count := getattr(found, name):
            row[name] = count
    if problems or not found.ok:
        row["problems"] = [*problems, *found.examples]
    return row


def not_played(fault: str, market: Market, problem: str) -> dict[str, Any]:
    """Return the row of a fault that could not be tried at all."""
    columns = ("lost_unrecorded", "recorded", "why", "duplicated", "misordered", "wrong", "false_gaps", "recover_s")
    head = {"fault": fault, "venue": market.key, "ok": False, "injected": 0}
    return head | dict.fromkeys(columns) | {"problems": [f"NOT-INJECTED: {problem}"]}
