"""The sample of the simulator, applied as its head says: exchanges, NATS, the operator and a pod for each market.

Timers of both sides are divided by :data:`DIVIDE`, so that two cores carry the pods that are replaced for seconds and
not for minutes; by no more, for a machine that is busy answers late.
"""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from tests.audit.judge import Verdict
from tests.cluster.images import Images
from tests.cluster.installed import operator
from tests.cluster.kube import Json, conditions
from tests.cluster.place import FILLED, START, Exchanges, Place, exchanges, owes, ready, report
from tests.harness import ROOT, eventually, say

DIVIDE = 2
RATE = 1_000.0
"""Trades a second, in all, while pods are rotated."""
LIGHT = 300.0
"""Trades a second before that: what befalls pods is over sooner on a machine that has less to do beside it."""
COLLECTORS = {"app.kubernetes.io/name": "metdc-collector"}
_LABELS = ",".join(f"{key}={value}" for key, value in COLLECTORS.items())
_CONFIG = "metdc.io/config"
_REVISION = "deployment.kubernetes.io/revision"
SETTLED = 7 * START
"""Seconds that thirteen pods may take to start, or to be replaced, on two cores."""
ROTATION = {"interval": "1m", "overlap": "5s"}
RESTING = ROTATION | {"suspend": True}


def documents() -> list[Json]:
    """Return the sample with the Service's name for the address of this machine, as its head says, not rotating yet."""
    text = (ROOT / "config" / "samples" / "simulator.yaml").read_text().replace("//127.0.0.1", "//simulator")
    found: list[Json] = list(yaml.safe_load_all(text))
    divided = [{"name": "METDC_DIVIDE_TIMERS", "value": str(DIVIDE)}]
    for each in found:
        each["spec"] |= {"rotation": RESTING, "env": divided}
    return found


def market_of(thing: Mapping[str, Any]) -> str:
    """Return whose pod or Deployment it is: ``binance.spot``."""
    labels = thing["metadata"]["labels"]
    return f"{labels['metdc.io/collector']}.{labels['metdc.io/market']}"


def restarts(pod: Mapping[str, Any]) -> int:
    """Return how often a collector's container has been started again."""
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ()))


@dataclass(slots=True)
class Sample:
    """The sample's resources, and where they run."""

    where: Place
    exchanges: Exchanges
    rate: float = RATE
    _specs: dict[str, Json] = field(default_factory=dict)

    def apply(self, name: str | None = None, **spec: Any) -> None:
        """Apply one resource, or all, with these fields of the spec in place of those before; None takes one out."""
        for each in (name,) if name else tuple(self._specs):
            changed = self._specs[each]["spec"] | spec
            self._specs[each]["spec"] = {key: value for key, value in changed.items() if value is not None}
        self.where.apply(*(self._specs[each] for each in ((name,) if name else tuple(self._specs))))

    def split(self, market: str, shards: int) -> None:
        """Apply a market's resource with so many shards of that market."""
        name, _, wanted = market.partition(".")
        markets = self._specs[name]["spec"]["markets"]
        self.apply(name, markets=[one | {"shards": shards} if one["name"] == wanted else one for one in markets])

    def order(self, name: str) -> None:
        """Order one replacement of every pod of a resource, now."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        annotation = f"metdc.io/rotate-after={now}"
        self.where.kubectl("annotate", "exchangecollector", name, annotation, "--overwrite")

    @property
    def names(self) -> list[str]:
        """The names of all resources, in order."""
        return sorted(self._specs)

    def markets_of(self, name: str) -> list[str]:
        """The markets of a resource."""
        return [f"{name}.{one['name']}" for one in self._specs[name]["spec"]["markets"]]

    @property
    def markets(self) -> list[str]:
        """All markets, in order."""
        return sorted(market for name in self._specs for market in self.markets_of(name))

    def pods(self) -> list[Json]:
        """Return the pods of the sample, those that end included, the oldest first."""
        return [pod for pod in self.where.pods(COLLECTORS) if market_of(pod) in self.markets]

    def pods_of(self, name: str) -> list[Json]:
        """Return those of one resource, also of one that is not the sample's."""
        return self.where.pods(COLLECTORS | {"metdc.io/collector": name})

    def pods_in(self, market: str) -> list[Json]:
        """Return those of one market."""
        return [pod for pod in self.pods() if market_of(pod) == market]

    def pod(self, market: str) -> str:
        """Return the name of a market's newest pod."""
        return str(self.pods_in(market)[-1]["metadata"]["name"])

    def revisions(self) -> dict[str, int]:
        """Return how often each market's template has been written, by its Deployment."""
        found = self.where.cluster.get("--namespace", self.where.name, "deployments", "--selector", _LABELS)["items"]
        written = {market_of(each): int(each["metadata"]["annotations"][_REVISION]) for each in found}
        return {market: written[market] for market in self.markets}

    def resources(self) -> dict[str, Json]:
        """Return the resources as they are, by name."""
        found: list[Json] = self.where.cluster.get("--namespace", self.where.name, "exchangecollectors")["items"]
        return {each["metadata"]["name"]: each for each in found}

    def statuses(self) -> dict[str, Json]:
        """Return the status of each market that has one."""
        found = self.resources()
        return {
            f"{name}.{market['name']}": market
            for name in self.names
            for market in found[name].get("status", {}).get("markets", [])
        }

    def condition(self, name: str, kind: str) -> Json:
        """Return a condition of a resource; empty while it has none."""
        return conditions(self.resources()[name]).get(kind, {})

    def columns(self) -> dict[str, dict[str, str]]:
        """Return what `kubectl get xc -o wide` shows: of each resource, its cells by the heads of the columns."""
        head, *lines = self.where.kubectl("get", "xc", "--output=wide").splitlines()
        starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", head)]
        cut = [slice(start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)]
        heads = [head[one].strip() for one in cut]
        rows = [dict(zip(heads, (line[one].strip() for one in cut), strict=True)) for line in lines]
        return {row["NAME"]: row for row in rows}

    def whole(self) -> bool:
        """Whether there is one ready pod for each market and shard, no other, and no edit waits for its turn."""
        pods = self.pods()
        parts = sorted((market_of(pod), pod["metadata"]["labels"]["metdc.io/shard"]) for pod in pods)
        return parts == sorted(self._parts()) and all(ready(pod) for pod in pods) and self._followed()

    def _parts(self) -> Iterator[tuple[str, str]]:
        for name, each in self._specs.items():
            for one in each["spec"]["markets"]:
                yield from ((f"{name}.{one['name']}", str(shard)) for shard in range(one.get("shards", 1)))

    def _followed(self) -> bool:
        """Whether each Deployment's pods are split as the resources want it."""
        wanted = {
            f"{name}.{one['name']}": one.get("shards", 1)
            for name, each in self._specs.items()
            for one in each["spec"]["markets"]
        }
        return all(
            f'"shards":{wanted[market_of(pod)]}' in pod["metadata"]["annotations"][_CONFIG] for pod in self.pods()
        )

    def settle(self) -> None:
        """Let the schedule rest and wait until each market has one ready pod, and trades."""
        self.apply(rotation=RESTING)
        eventually(self.whole, SETTLED, "a ready pod for each market, and no other", every=2)
        self.exchanges.order("/rate", total=self.rate)
        self.exchanges.order("/resume")

    def owes(self) -> bool:
        """Whether a collector says that it has, or knows of, trades that are still to be stored.

        Where a policy lets nobody ask through the API server, the audit alone decides.
        """
        for pod in self.pods():
            told = report(self.where, pod["metadata"]["name"])
            if told is None:
                return False
            if owes(told):
                return True
        return False

    def audited(self) -> Verdict:
        """Compare what is stored with what the exchanges sent, once what was missed has been back-filled.

        The exchanges rest meanwhile, and trade again afterwards.
        """
        end = time.monotonic() + FILLED
        self.exchanges.order("/pause")
        while self.owes() and time.monotonic() < end:
            time.sleep(2)
        while not (verdict := self.exchanges.audited()).ok and time.monotonic() < end:
            time.sleep(5)
        self.exchanges.order("/resume")
        return verdict


@contextlib.contextmanager
def sample(where: Place, images: Images, *, rate: float = RATE) -> Iterator[Sample]:
    """Apply the sample in a namespace and wait until each market has a ready pod."""
    nats = {"urls": ["nats://nats:4222"], "stream": {"maxBytes": "1Gi"}}
    words = (f"--divide-timers={DIVIDE}", "--history=50")
    with exchanges(where, images, *words) as running, operator(where, images, nats=nats):
        found = Sample(where, running, rate, {each["metadata"]["name"]: each for each in documents()})
        begun = datetime.now(UTC)
        running.order("/rate", total=rate)
        found.settle()
        say(f"{len(found.markets)} markets are ready after {(datetime.now(UTC) - begun) / timedelta(seconds=1):.0f} s")
        yield found


Proofs = dict[tuple[str, str], Json]
"""What resources told of hand-overs, by market and the pod that took over."""


class Rotations:
    """The replacements of a scene's pods since it was made, counted by the revisions of the Deployments."""

    def __init__(self, scene: Sample) -> None:
        self._scene = scene
        self._start = scene.revisions()
        self._before = set(self._told())
        self.proofs: Proofs = {}

    def look(self) -> dict[str, int]:
        """Return how many have begun, by market, and take what the resources tell of the last of each."""
        self.proofs |= {place: proof for place, proof in self._told().items() if place not in self._before}
        return {market: number - self._start[market] for market, number in self._scene.revisions().items()}

    def _told(self) -> Proofs:
        """What the resources tell of the last hand-over of each market."""
        statuses = self._scene.statuses().items()
        return {
            (market, last["to"]): last
            for market, status in statuses
            if (last := status.get("lastRotation")) is not None
        }
