"""``python -m tests.cluster.operator.scale``: many resources on fake nodes, and what they cost the operator.

Progress on stderr, one JSON object as the last line. It needs as many fake nodes as there are pods for: 110 each.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metdc_collector.wire.report import Report
from tests.cluster.operator.world import Process, World, new_world, until

EXCHANGES = ("binance", "bybit", "okx", "kucoin", "gate", "phemex")
MOST_P99_MS, MOST_RSS_MIB = 1000, 120


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def of_real_size(report: Report) -> Report:
    """A report with as many ids as a large market has."""
    return replace(report, last_ids={f"COIN{number}USDT": str(10**12 + number) for number in range(450)})


async def measure(resources: int, shards: int, seconds: float) -> dict[str, Any]:
    """Apply so many resources, wait until all are ready, watch for so many seconds, start the operator anew."""
    with tempfile.TemporaryDirectory(prefix="metdc-scale-") as folder:
        async with new_world(Path(folder)) as world:
            world.stub.say(of_real_size)
            pods = resources * 2 * shards
            async with world.operator("--log-level", "warning") as operator:
                await _apply(world, resources, shards)
                await until(lambda: _ready(world, resources), within=1800, every=5, why="all are ready")
                say(f"{resources} resources are ready; watching for {seconds} s")
                before, looks, begun = await _writes(operator), await _looks(operator), time.monotonic()
                await asyncio.sleep(seconds)
                minutes = (time.monotonic() - begun) / 60
                found = {
                    "resources": resources,
                    "pods": pods,
                    "reconcile_p99_ms": p99(looks, await _looks(operator)),
                    "status_writes_per_min": round((await _writes(operator) - before) / minutes, 1),
                    "operator_rss_mib": _memory(operator),
                    "loop_lag_ms": round(1000 * await operator.metric("metdc_operator_loop_lag_seconds"), 1),
                }
            templates = await _templates(world)
            async with world.operator("--log-level", "warning") as again:
                say("the operator has started anew")
                await until(lambda: _wrote(again, resources), within=300, every=2, why="it has written each status")
                found["rss_after_restart_mib"] = _memory(again)
            changed = sum(templates[name] != each for name, each in (await _templates(world)).items())
            found["templates_changed_by_restart"] = changed
    held = found["reconcile_p99_ms"] < MOST_P99_MS and found["operator_rss_mib"] < MOST_RSS_MIB and not changed
    return {"ok": held, **found}


async def _apply(world: World, resources: int, shards: int) -> None:
    for number in range(resources):
        await world.collector(
            f"c{number}",
            exchange=EXCHANGES[number % len(EXCHANGES)],
            markets=[{"name": name, "shards": shards} for name in ("spot", "futures")],
            rotation={"interval": "24h", "overlap": "1s"},
        )


async def _ready(world: World, resources: int) -> bool:
    found = await world.every("exchangecollectors")
    count: int = sum(
        each["status"] == "True"
        for one in found
        for each in one.get("status", {}).get("conditions", ())
        if each["type"] == "Ready"
    )
    say(f"{count} of {resources} are ready")
    return count == resources


async def _writes(operator: Process) -> float:
    return await operator.metric("metdc_operator_status_writes_total")


async def _wrote(operator: Process, resources: int) -> bool:
    status, _ = await operator.get("/healthz")
    return status == 200 and await _writes(operator) >= resources


async def _templates(world: World) -> dict[str, str]:
    return {
        each["metadata"]["name"]: json.dumps(each["spec"]["template"], sort_keys=True)
        for each in await world.every("deployments")
    }


async def _looks(operator: Process) -> list[tuple[float, float]]:
    """The looks so far: how many took at most so many seconds."""
    _, text = await operator.get("/metrics")
    prefix = 'metdc_operator_reconcile_duration_seconds_bucket{le="'
    buckets = [line.removeprefix(prefix).split('"} ') for line in text.splitlines() if line.startswith(prefix)]
    return [(float(bound), float(count)) for bound, count in buckets]


def p99(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> float:
    """The 99th percentile of the looks between, in ms, by linear interpolation inside its bucket."""
    counts = [(bound, count - was) for (bound, count), (_, was) in zip(after, before, strict=True)]
    wanted, low, below = 0.99 * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return round(1000 * (low + (bound - low) * (wanted - below) / (count - below)), 1)
        low, below = bound, count
    raise AssertionError("no bucket holds everything")


def _memory(operator: Process) -> float:
    pages = int(Path(f"/proc/{operator.child.pid}/statm").read_text().split()[1])
    return round(pages * 4096 / 1024**2, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit 0 when it held, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.operator.scale", description=__doc__)
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--shards", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=120)
    given = parser.parse_args(arguments)
    found = asyncio.run(measure(given.resources, given.shards, given.seconds))
    print(json.dumps(found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
