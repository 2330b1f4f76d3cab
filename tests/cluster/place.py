"""A namespace of a test, under restricted Pod Security, and the exchanges and the NATS server in it."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from tests.audit import ledger as ledgers
from tests.audit import stream
from tests.audit.__main__ import audit
from tests.audit.book import Book
from tests.audit.judge import Verdict
from tests.cluster.images import Images
from tests.cluster.kube import Cluster, Forward, Json, Refused, conditions
from tests.harness import ROOT, NotInTime, eventually, folder, http, say

START = 120.0
"""Seconds that a pod may take to be scheduled, started and ready on a busy machine."""
CEILING = 60.0
"""Seconds that any other wait may last."""
FILLED = 300.0
"""Seconds that a back-fill may take: others are given 50 s to tell what they have, REST lags, and is asked slowly."""
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
"""Of every namespace here: what runs in it meets the restricted standard."""
_LEDGER = "/ledger/ledger.jsonl"
_SEND = f"import gzip, shutil, sys; shutil.copyfileobj(open('{_LEDGER}', 'rb'), gzip.open(sys.stdout.buffer, 'wb', 1))"


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace."""

    cluster: Cluster
    name: str

    def kubectl(self, *words: str, timeout: float = CEILING) -> str:
        """Run kubectl in this namespace."""
        return self.cluster.run("--namespace", self.name, *words, timeout=timeout)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects into it."""
        self.cluster.apply(*objects, namespace=self.name)

    def get(self, kind: str, name: str) -> Json:
        """Return an object."""
        return self.cluster.get("--namespace", self.name, kind, name)

    def pods(self, labels: Mapping[str, str]) -> list[Json]:
        """Return the pods with these labels, those that end included, the oldest first."""
        chosen = ",".join(f"{key}={value}" for key, value in labels.items())
        found: list[Json] = self.cluster.get("--namespace", self.name, "pods", "--selector", chosen)["items"]
        return sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))

    def events(self, kind: str, name: str) -> list[tuple[str, str]]:
        """Return reason and message of the events about an object."""
        chosen = f"involvedObject.kind={kind},involvedObject.name={name}"
        found = self.cluster.get("--namespace", self.name, "events", "--field-selector", chosen)["items"]
        return [(each["reason"], each["message"]) for each in found]

    def rolled_out(self, deployment: str, timeout: float = START) -> None:
        """Wait until a Deployment's pods are the new ones, and available."""
        self.kubectl("rollout", "status", f"deployment/{deployment}", f"--timeout={timeout:.0f}s", timeout=timeout + 10)

    def answer(self, pod: str, path: str, *, port: int = 8080) -> str | None:
        """GET a path of a pod through the API server; None with an error status, or where nobody answers."""
        with contextlib.suppress(Refused):
            return self.cluster.raw(f"/api/v1/namespaces/{self.name}/pods/{pod}:{port}/proxy{path}")
        return None

    def python(
        self, image: str, code: str, *, name: str, uid: int = 12345, labels: Mapping[str, str] | None = None
    ) -> str:
        """Run a few lines of Python in a restricted pod of that image, to its end; return what it printed.

        Raises:
            AssertionError: it did not end well; the text holds what it printed.
        """
        security = RESTRICTED | {"runAsUser": uid}
        container = {"name": "main", "image": image, "command": ["python3", "-c", code], "securityContext": security}
        pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
        metadata = {"name": name, "labels": dict(labels or {})}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod})
        ended = {"Succeeded", "Failed"}
        phase = eventually(
            lambda: (now := self.get("pod", name)["status"].get("phase")) in ended and now, START, f"{name} ends"
        )
        said = self.kubectl("logs", name)
        assert phase == "Succeeded", said
        return said


@contextlib.contextmanager
def place(cluster: Cluster, name: str) -> Iterator[Place]:
    """Make a namespace, and remove it with all it holds."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": LABELS}})
    try:
        yield Place(cluster, name)
    finally:
        with contextlib.suppress(Refused):
            cluster.run("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The simulated exchanges and NATS of a namespace; ``login`` is ``user:password@`` where the server wants one."""

    place: Place
    control: Forward
    nats: Forward
    login: str = ""

    @property
    def nats_url(self) -> str:
        """Where clients on this machine connect."""
        return f"nats://{self.login}{self.nats.address()}"

    def order(self, path: str, **body: Any) -> Any:
        """POST on the simulator's control port."""
        return http(f"http://{self.control.address()}{path}", body, timeout=CEILING)

    def state(self) -> Json:
        """What the simulator says of itself."""
        found: Json = http(f"http://{self.control.address()}/state", timeout=CEILING)
        return found

    def stored(self, subjects: str = "trades.>") -> int:
        """Return the sum of the last sequences of the streams on these subjects."""

        async def ask(nc: Client) -> int:
            return sum((await stream.last_sequences(nc, subjects)).values())

        return self._asked(ask)

    def seen(self) -> int | None:
        """What is :meth:`stored`; null where the way to NATS leads to a pod that has gone: it is laid anew then."""
        with contextlib.suppress(stream.CannotRead, NotInTime):
            return self.stored()
        return None

    def count(self, subjects: str) -> int:
        """Return how many messages are stored on these subjects."""
        return self._asked(lambda nc: stream.count(nc, subjects))

    def _asked(self, ask: Callable[[Client], Awaitable[int]]) -> int:
        async def asked() -> int:
            nc = await stream.connect(self.nats_url)
            try:
                return await ask(nc)
            finally:
                await nc.close()

        return asyncio.run(asked())

    def at_rest(self) -> None:
        """Let the exchanges pause, and wait until the streams grow no more."""
        self.order("/pause")
        seen: list[int | None] = []

        def unchanged() -> bool:
            seen.append(self.seen())
            return len(seen) > 2 and seen[-3] == seen[-1] is not None

        eventually(unchanged, FILLED, "the streams come to rest", every=1.5)

    def audited(self, *, with_gaps: bool = False) -> Verdict:
        """Compare what is stored with what the exchanges sent, by the independent judge; they rest meanwhile."""
        self.at_rest()
        with self._ledger() as path:
            return asyncio.run(audit(path, self.nats_url, with_gaps=with_gaps))

    def book(self) -> Book:
        """Return all trades so far of what is subscribed to, whether they reached anybody or not."""
        with self._ledger() as path:
            return ledgers.read(path, every=True).book

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[Path]:
        """What the exchanges have written down so far, as a file."""
        self.order("/mark")  # has them write all of it
        words = ("--namespace", self.place.name, "exec", "deployment/simulator", "--", "python3", "-c", _SEND)
        with folder("metdc-ledger-") as temporary:
            path = temporary / "ledger.jsonl"
            path.write_bytes(gzip.decompress(self.place.cluster.read(*words, timeout=10 * CEILING)))
            yield path


def collected(name: str, exchange: str, address: str, **spec: Any) -> Json:
    """Return an ExchangeCollector of a simulated exchange's spot market; the exchange is at ``HOST:PORT``."""
    endpoints = {"rest": f"http://{address}", "webSocket": f"ws://{address}"}
    whole = {"exchange": exchange, "markets": [{"name": "spot"}], "endpoints": endpoints} | spec
    head = {"apiVersion": "metdc.io/v1alpha1", "kind": "ExchangeCollector", "metadata": {"name": name}}
    return head | {"spec": whole}


@contextlib.contextmanager
def exchanges(where: Place, images: Images, *words: str) -> Iterator[Exchanges]:
    """Run config/simulator in a namespace; ``words`` are further ones of the simulator's command line.

    The exchanges are silent until told a rate (`order("/rate", total=200)`), unless ``words`` name one.
    """
    where.apply(*simulation(where.cluster, images, words))
    where.kubectl("rollout", "status", "statefulset/nats", f"--timeout={START:.0f}s", timeout=START + 10)
    where.rolled_out("simulator")
    say(f"{where.name}: exchanges and NATS are ready")
    with (
        Forward(where.cluster, where.name, "simulator", 9400) as control,
        Forward(where.cluster, where.name, "nats", 4222) as nats,
    ):
        yield Exchanges(where, control, nats)


def simulation(cluster: Cluster, images: Images, words: Sequence[str]) -> list[Json]:
    """Return the objects of config/simulator, silent exchanges and NATS."""
    objects = cluster.kustomize(ROOT / "config" / "simulator")
    for thing in objects:
        if (thing["kind"], thing["metadata"]["name"]) == ("Deployment", "simulator"):
            (container,) = thing["spec"]["template"]["spec"]["containers"]
            container["image"] = images.simulator
            container["args"] = [*container["args"], "--rate=0", *words]
    return objects


def ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is, by its condition."""
    return conditions(pod).get("Ready", {}).get("status") == "True"


def report(where: Place, pod: str) -> Json | None:
    """Return a collector's report; None where nobody answers with one."""
    text = where.answer(pod, "/report")
    return None if text is None else dict(json.loads(text))


def owes(told: Mapping[str, Any]) -> bool:
    """Whether a collector's report says that it has, or knows of, trades that are still to be stored."""
    return bool(told["gaps"]["open"] + told["backlog"]["trades"])
