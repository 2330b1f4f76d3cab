"""``python -m tests.cluster.operator.scale``: many resources on fake nodes, and what they cost the operator.

On the Kubernetes of KUBECONFIG, else ../shared/cluster. Progress on stderr, one JSON object as the last line; exit code
0: it held, 1: it did not, or there is no cluster, or none with fake nodes for so many pods, 2: bad usage, or stopped.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster import kube, testbed
from tests.cluster.operator.world import Process, World, new_world, until
from tests.harness import FAILED, conclude, say

EXCHANGES = ("binance", "bybit", "okx", "kucoin", "gate", "phemex")
RESOURCES, SHARDS = 200, 6
TOGETHER = 10
"""Resources in one namespace: some controllers of Kubernetes go through all pods of a namespace for each of them."""
WATCHED = 30.0
"""Seconds that are measured."""
ORDERED = 5
"""Resources all of whose pods are ordered to be replaced meanwhile."""
MOST_P99_MS, MOST_RSS_MIB = 1000, 120
IDS = {f"COIN{number}USDT": str(10**12 + number) for number in range(450)}
"""Of a report of real size: a large market has so many instruments."""


def most_writes(resources: int, rotations: float) -> float:
    """How many status writes a minute are allowed: two a resource, and four for each replacement that was told.

    A replacement turns Progressing to True and back, is told once it has ended, and its proof comes later.
    """
    return 2.0 * resources + 4.0 * rotations


@dataclass(frozen=True)
class Fleet:
    """Resources over several namespaces."""

    worlds: Sequence[World]
    resources: int
    shards: int

    def of(self, number: int) -> World:
        """Where a resource is."""
        return self.worlds[number // TOGETHER]

    async def every(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind."""
        return [each for world in self.worlds for each in await world.every(plural)]

    async def apply(self) -> None:
        """Apply all resources."""
        for number in range(self.resources):
            await self.of(number).collector(
                f"c{number}",
                exchange=EXCHANGES[number % len(EXCHANGES)],
                markets=[{"name": name, "shards": self.shards} for name in ("spot", "futures")],
                # The schedule rests: of so many pods one is due each half minute, as if a restart had changed it.
                rotation={"interval": "24h", "overlap": "1s", "suspend": True},
            )

    async def ready(self) -> bool:
        """Whether all are."""
        count: int = sum(
            each["status"] == "True"
            for one in await self.every("exchangecollectors")
            for each in one.get("status", {}).get("conditions", ())
            if each["type"] == "Ready"
        )
        say(f"{count} of {self.resources} are ready")
        return count == self.resources

    async def templates(self) -> dict[str, str]:
        """The templates of all Deployments."""
        return {
            each["metadata"]["name"]: json.dumps(each["spec"]["template"], sort_keys=True)
            for each in await self.every("deployments")
        }


async def measure(resources: int, shards: int, seconds: float) -> dict[str, Any]:
    """Apply so many resources, wait until all are ready, watch for so many seconds, start the operator anew."""
    with tempfile.TemporaryDirectory(prefix="metdc-scale-") as folder:
        async with (
            new_world(Path(folder)) as world,
            world.account.everywhere(),
            world.beside(-(-resources // TOGETHER)) as worlds,
        ):
            fleet = Fleet(worlds, resources, shards)
            world.stub.carry(IDS)
            begun = time.monotonic()
            async with world.operator("--log-level", "warning", everywhere=True) as operator:
                await fleet.apply()
                await until(fleet.ready, within=600, every=5, why="all are ready")
                found: dict[str, Any] = {"resources": resources, "pods": resources * 2 * shards}
                found["ready_after_s"] = round(time.monotonic() - begun)
                found |= await _watched(fleet, operator, min(ORDERED, resources), seconds)
                await until(lambda: _at_rest(operator), within=300, every=2, why="nothing is due any more")
                found["operator_rss_mib"] = memory(operator)
            found |= await _started_anew(world, fleet)
    say(json.dumps(found))
    return found


async def _watched(fleet: Fleet, operator: Process, ordered: int, seconds: float) -> dict[str, float]:
    """Order some replacements, and return what the operator did meanwhile."""
    say(f"all are ready; {ordered} resources are replaced, watching for {seconds:g} s")
    writes, begun, looks = await _writes(operator), await _begun(operator), await _looks(operator)
    started = time.monotonic()
    for number in range(ordered):
        await fleet.of(number).order(f"c{number}")
    await asyncio.sleep(seconds)
    minutes = (time.monotonic() - started) / 60
    return {
        "reconcile_p99_ms": p99(looks, await _looks(operator)),
        "status_writes_per_min": round((await _writes(operator) - writes) / minutes, 1),
        "rotations_per_min": round((await _begun(operator) - begun) / minutes, 1),
        "loop_lag_ms": round(1000 * await operator.metric("metdc_operator_loop_lag_seconds"), 1),
    }


async def _started_anew(world: World, fleet: Fleet) -> dict[str, float]:
    """Run another operator until it has told of every resource; return what it has changed, and its memory."""
    templates = await fleet.templates()
    async with world.operator("--log-level", "warning", everywhere=True) as again:
        say("the operator has started anew")
        await until(lambda: _wrote(again, fleet.resources), within=300, every=2, why="it has written each status")
        changed = sum(templates.get(name) != each for name, each in (await fleet.templates()).items())
        return {"templates_changed_by_restart": changed, "rss_after_restart_mib": memory(again)}


async def _at_rest(operator: Process) -> bool:
    return await operator.metric("metdc_operator_rotations_overdue") == 0


async def _writes(operator: Process) -> float:
    return await operator.metric("metdc_operator_status_writes_total")


async def _begun(operator: Process) -> float:
    """The replacements begun so far."""
    return sum((await operator.metrics("metdc_operator_rotations_begun_total")).values())


async def _wrote(operator: Process, resources: int) -> bool:
    status, _ = await operator.get("/healthz")
    return status == 200 and await _writes(operator) >= resources


async def _looks(operator: Process) -> list[tuple[float, float]]:
    """The looks so far: how many took at most so many seconds."""
    buckets = await operator.metrics("metdc_operator_reconcile_duration_seconds_bucket")
    return [(float(labels.split('"')[1]), count) for labels, count in buckets.items()]


def p99(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> float:
    """The 99th percentile of the looks between, in ms, by linear interpolation inside its bucket."""
    counts = [(bound, count - was) for (bound, count), (_, was) in zip(after, before, strict=True)]
    wanted, low, below = 0.99 * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return round(1000 * (low + (bound - low) * (wanted - below) / (count - below)), 1)
        low, below = bound, count
    raise AssertionError("no bucket holds everything")


def memory(operator: Process) -> float:
    """Resident memory in MiB."""
    pages = int(Path(f"/proc/{operator.child.pid}/statm").read_text().split()[1])
    return round(pages * 4096 / 1024**2, 1)


def problems(found: dict[str, Any]) -> list[str]:
    """What of a measurement is not as it has to be."""
    most = most_writes(found["resources"], found["rotations_per_min"])
    wrong = {
        f"reconcile p99 of {MOST_P99_MS} ms or more": found["reconcile_p99_ms"] >= MOST_P99_MS,
        f"{MOST_RSS_MIB} MiB or more": max(found["operator_rss_mib"], found["rss_after_restart_mib"]) >= MOST_RSS_MIB,
        f"more than {most:g} status writes a minute": found["status_writes_per_min"] > most,
        "no status was written": not found["status_writes_per_min"],
        "no pod was replaced": not found["rotations_per_min"],
        "templates changed by a restart": found["templates_changed_by_restart"] > 0,
    }
    return [text for text, is_so in wrong.items() if is_so]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit 0 when it held, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.operator.scale", description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES)
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--seconds", type=float, default=WATCHED)
    given = parser.parse_args(arguments)
    return conclude(partial(run, given.resources, given.shards, given.seconds), kube.NoCluster, code=FAILED)


def run(resources: int, shards: int, seconds: float) -> tuple[dict[str, Any], bool]:
    """Measure and judge; return the result, which always proves something."""
    cluster = kube.find()
    testbed.fake_nodes(cluster)
    os.environ["KUBECONFIG"] = cluster.kubeconfig
    found = asyncio.run(measure(resources, shards, seconds))
    wrong = problems(found)
    return {"ok": not wrong, "problems": wrong, **found}, True


if __name__ == "__main__":
    sys.exit(main())
