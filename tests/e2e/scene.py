"""An installation under load: exchanges, the release, the simulator's sample, and what is seen of it meanwhile."""

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from types import TracebackType
from typing import Any, Self

from tests.cluster.conftest import PREFIX
from tests.cluster.images import Images
from tests.cluster.kube import Cluster, Forward, Json, NoCluster, Refused
from tests.cluster.place import CEILING, START, Exchanges, Place, place, ready, simulation
from tests.cluster.sample.scene import COLLECTORS, DIVIDE, Sample, documents, market_of
from tests.e2e.release import NATS, Release, values
from tests.harness import eventually, say

RATE = 500.0
"""Trades a second, in all."""
_INTERVAL = 180
CALM = {"interval": f"{_INTERVAL}s", "overlap": "5s", "suspend": True}
"""No rotation by the clock; the interval sets the budget for upgrades, about half of all markets at once."""
LIMIT = 120.0
"""Seconds from `helm install` to a stored trade of every market."""
DEFINITION = "exchangecollectors.metdc.io"
CAPTURES = "listingcaptures.metdc.io"
_LABELS = ",".join(f"{key}={value}" for key, value in COLLECTORS.items())
_ROTATION = 90
_LEAST = 2


@dataclass(slots=True)
class Scene:
    """Everything that strokes need.

    Attributes:
        release: in a namespace of its own.
        other: a second namespace that it serves, at first without resources.
        sample: the simulator's sample in the release's namespace, and its exchanges.
        images, again: the images that are installed first, and the same rebuilt under other names.
        first_trade: seconds from `helm install` to a stored trade of every market.
    """

    release: Release
    other: Place
    sample: Sample
    images: Images
    again: Images
    first_trade: float

    @property
    def where(self) -> Place:
        """The release's namespace."""
        return self.release.where

    def collectors(self) -> dict[str, int]:
        """Return the collectors' pods by uid, with how often each container was started again."""
        return {
            pod["metadata"]["uid"]: sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))
            for pod in self.sample.pods()
        }

    def whole(self, what: str, timeout: float) -> None:
        """Wait until each market has one ready pod and no other, and trades are stored."""
        eventually(self.sample.whole, timeout, f"{what}: a ready pod for each market, and no other", every=2)
        before = eventually(self.sample.exchanges.seen, CEILING, f"{what}: NATS answers", every=1)
        eventually(lambda: (self.sample.exchanges.seen() or 0) > before, CEILING, f"{what}: trades are stored", every=1)


@contextlib.contextmanager
def scene(cluster: Cluster, images: Images, again: Images) -> Iterator[Scene]:
    """Install everything; afterwards take it away again, the resource definition included."""
    _without_definition(cluster)
    name = f"{PREFIX}-e2e-{uuid.uuid4().hex[:5]}"
    with place(cluster, name) as where, place(cluster, f"{name}-other") as other, _simulator(where, images) as control:
        release = Release(where, values(where, other, images))
        with Forward(cluster, name, NATS, 4222) as nats:
            try:
                sample, seconds = _install(release, control, nats)
                say(f"trades of {len(sample.markets)} markets are stored {seconds:.0f} s after helm install")
                found = Scene(release, other, sample, images, again, first_trade=seconds)
                found.whole("the installation", 5 * START)
                yield found
            finally:
                with contextlib.suppress(Exception):
                    release.uninstall()
                with contextlib.suppress(Refused):
                    cluster.run("delete", "crd", DEFINITION, CAPTURES, "--ignore-not-found", "--wait=false")


def _without_definition(cluster: Cluster) -> None:
    """Take away what another test has left: helm takes over nothing that it has not made.

    Raises:
        NoCluster: there are resources of it.
    """
    with contextlib.suppress(Refused):
        if cluster.get("exchangecollectors", "--all-namespaces")["items"]:
            raise NoCluster("the cluster has ExchangeCollectors; this test installs and removes their definition")
    cluster.run("delete", "crd", DEFINITION, CAPTURES, "--ignore-not-found")


@contextlib.contextmanager
def _simulator(where: Place, images: Images) -> Iterator[Forward]:
    """Run the simulated exchanges, without a NATS of their own; they stand for those that are always there."""
    objects = simulation(where.cluster, images, (f"--divide-timers={DIVIDE}", "--history=50"))
    where.apply(*(each for each in objects if each["metadata"]["name"] == "simulator"))
    where.rolled_out("simulator")
    with Forward(where.cluster, where.name, "simulator", 9400) as control:
        yield control


def _install(release: Release, control: Forward, nats: Forward) -> tuple[Sample, float]:
    """Install the chart and apply the sample; return it, and after how many seconds each market had a stored trade."""
    where = release.where
    begun = time.monotonic()
    release.install()
    where.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=30s")
    exchanges = Exchanges(where, control, nats, login=f"reader:{release.password('reader')}@")
    sample = Sample(where, exchanges, RATE, {each["metadata"]["name"]: each for each in documents()})
    exchanges.order("/rate", total=RATE)
    sample.apply(rotation=CALM)
    wait_for_nats(where)
    markets = sample.markets
    eventually(lambda: all(exchanges.count(f"trades.{each}.>") for each in markets), 2 * LIMIT, "trades", every=1)
    return sample, time.monotonic() - begun


def wait_for_nats(where: Place) -> None:
    """Wait until the embedded NATS is ready."""
    words = ("rollout", "status", f"statefulset/{NATS}", f"--timeout={START:.0f}s")
    where.kubectl(*words, timeout=START + 10)


@dataclass(slots=True)
class Watch:
    """What is seen of the Deployments and pods while something happens, every few seconds.

    Attributes:
        most: replacements that were under way at once, in all, and of the exchange that had most.
        dark: markets that were without a ready pod.
        looks: how often was looked.
    """

    scene: Scene
    most: int = 0
    most_of_one: int = 0
    dark: set[str] = field(default_factory=set)
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(CEILING)

    def _run(self) -> None:
        while not self._over.wait(2):
            with contextlib.suppress(Refused):
                self._look()

    def _look(self) -> None:
        where, sample = self.scene.where, self.scene.sample
        listed = where.cluster.get("--namespace", where.name, "deployments", "--selector", _LABELS)["items"]
        under_way = [each for each in listed if _is_replacing(each)]
        alive = {market_of(pod) for pod in sample.pods() if ready(pod)}
        exchanges = Counter(each["metadata"]["labels"]["metdc.io/collector"] for each in under_way)
        self.most = max(self.most, len(under_way))
        self.most_of_one = max([self.most_of_one, *exchanges.values()])
        self.dark |= set(sample.markets) - alive
        self.looks += 1

    def within(self) -> dict[str, Any]:
        """Return what was seen.

        Raises:
            AssertionError: a market was without a ready pod, or more were replaced at once than the budget allows.
        """
        allowed = max(_LEAST, ceil(len(self.scene.sample.markets) * _ROTATION / _INTERVAL))
        assert self.looks > 2, "nobody has looked"
        assert not self.dark, f"without a ready pod: {', '.join(sorted(self.dark))}"
        assert self.most <= allowed, f"{self.most} replacements at once, the budget is {allowed}"
        assert self.most_of_one <= _LEAST, f"{self.most_of_one} replacements of one exchange at once"
        return {"at_once": self.most, "budget": allowed}


def _is_replacing(deployment: Json) -> bool:
    """Whether a Deployment has begun to replace its pod, and the old one is not gone yet."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(seen and (status.get("replicas", 0) > wanted or status.get("updatedReplicas", 0) < wanted))
