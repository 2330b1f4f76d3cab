"""The simulator's sample, applied as its head says: pods, trades, status, rotations, judged by the audit."""

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images
from tests.cluster.installed import operator
from tests.cluster.kube import Json, conditions
from tests.cluster.place import START, Exchanges, Place, exchanges, ready
from tests.harness import ROOT, eventually, say

RATE = 200.0
COLLECTORS = {"app.kubernetes.io/name": "metdc-collector"}
ROTATIONS = 1
"""Of each market."""
INTERVAL = "3m"
"""Of the rotations: two cores start thirteen collectors in one minute, and simulate the exchanges."""


class Sample(NamedTuple):
    """The sample's resources, and where they run."""

    where: Place
    exchanges: Exchanges
    markets: list[str]

    def resources(self) -> dict[str, Json]:
        """Return the resources as they are, by name."""
        found: list[Json] = self.where.cluster.get("--namespace", self.where.name, "exchangecollectors")["items"]
        return {each["metadata"]["name"]: each for each in found}

    def statuses(self) -> dict[str, Json]:
        """Return the status of each market: ``binance.spot``."""
        return {
            f"{name}.{market['name']}": market
            for name, resource in self.resources().items()
            for market in resource.get("status", {}).get("markets", [])
        }


def documents(**spec: Any) -> list[Json]:
    """Return the sample with the Service's name for the address of this machine, as its head says."""
    text = (ROOT / "config" / "samples" / "simulator.yaml").read_text().replace("//127.0.0.1", "//simulator")
    found: list[Json] = list(yaml.safe_load_all(text))
    for each in found:
        each["spec"] |= spec
    return found


@pytest.fixture(scope="module")
def sample(new_place: NewPlace, images: Images) -> Iterator[Sample]:
    where = new_place("sample")
    nats = {"urls": ["nats://nats:4222"], "stream": {"maxBytes": "1Gi"}}
    with exchanges(where, images, "--history=200") as running, operator(where, images, nats=nats):
        running.order("/rate", total=RATE)
        resources = documents()
        where.apply(*resources)
        markets = [f"{each['metadata']['name']}.{one['name']}" for each in resources for one in each["spec"]["markets"]]
        yield Sample(where, running, markets)


def all_ready(sample: Sample) -> bool:
    """Whether there is one ready pod for each market, and no other."""
    pods = sample.where.pods(COLLECTORS)
    return len(pods) == len(sample.markets) and all(ready(pod) for pod in pods)


@pytest.mark.timeout(1200)
def test_the_sample_streams_says_so_and_rotates_without_a_loss(sample: Sample) -> None:
    begun = time.monotonic()
    eventually(lambda: all_ready(sample), 3 * START, "a ready pod for each market", every=2)
    say(f"{len(sample.markets)} markets are ready after {time.monotonic() - begun:.0f} s")
    eventually(lambda: flows(sample), START, "the status tells of trades of each market", every=2)
    rotation = {"interval": INTERVAL, "overlap": "5s"}
    sample.where.apply(*documents(rotation=rotation))
    seen: dict[str, set[str]] = {}
    eventually(lambda: rotated(sample, seen), 6 * START, "each market has rotated", every=5)
    sample.where.apply(*documents(rotation=rotation | {"suspend": True}))
    eventually(lambda: all_ready(sample), 2 * START, "the last of them end", every=2)
    record = sample.exchanges.audited().record()
    assert record["ok"], json.dumps(record)
    assert sorted(record["markets"]) == sorted(sample.markets)


def flows(sample: Sample) -> bool:
    """Whether the status says of each resource that it is ready, and of each market that trades come."""
    held = [conditions(each).get("Ready", {}).get("status") for each in sample.resources().values()]
    markets = sample.statuses()
    trading = [market for market, status in markets.items() if float(status.get("tradesPerSecond") or 0) > 0]
    return set(held) == {"True"} and sorted(trading) == sorted(sample.markets)


def rotated(sample: Sample, seen: dict[str, set[str]]) -> bool:
    """Whether enough pods of each market have come and gone; ``seen`` gathers their names."""
    for pod in sample.where.pods(COLLECTORS):
        labels = pod["metadata"]["labels"]
        market = f"{labels['metdc.io/collector']}.{labels['metdc.io/market']}"
        seen.setdefault(market, set()).add(pod["metadata"]["name"])
    return all(len(seen.get(market, ())) > ROTATIONS for market in sample.markets)
