"""kopf's part: the watches, start and end. Everything else is plain code that knows nothing of kopf."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import kopf

from metdc_operator.captures.loop import Captures
from metdc_operator.cluster.api import Api, ApiError
from metdc_operator.cluster.calls import Calls, selector
from metdc_operator.cluster.login import login
from metdc_operator.lease import Lease
from metdc_operator.metrics import Metrics
from metdc_operator.options import Options
from metdc_operator.reconcile.desk import Desk
from metdc_operator.reconcile.intake import Intake
from metdc_operator.reconcile.loop import Reconciler
from metdc_operator.reconcile.queue import Queue
from metdc_operator.reconcile.rounds import Rounds
from metdc_operator.reconcile.store import Key, Store
from metdc_operator.reports import Reports, Resolve, pod_address
from metdc_operator.server import Server

log = logging.getLogger(__name__)
STUCK = 120.0
"""A resource that waits or is worked on for so many seconds means that the loop is stuck."""
_STILL = 30.0
_RETRY = 2.0
_WATCHED = {
    "collectors": ("metdc.io", "v1alpha1", "exchangecollectors"),
    "deployments": ("apps", "v1", "deployments"),
    "pods": ("", "v1", "pods"),
    "budgets": ("policy", "v1", "poddisruptionbudgets"),
    "policies": ("networking.k8s.io", "v1", "networkpolicies"),
    "nodes": ("", "v1", "nodes"),
    "captures": ("metdc.io", "v1alpha1", "listingcaptures"),
}
_OURS = ("deployments", "pods", "budgets", "policies")


class Operator:
    """The parts of one operator, put together."""

    def __init__(
        self, options: Options, *, resolve: Resolve = pod_address, now: Callable[[], int] = time.time_ns
    ) -> None:
        """``resolve`` tells where a pod's report is to be asked for, ``now`` the time (ns since the epoch)."""
        self.options = options
        self._now = now
        self.failed = asyncio.Event()
        self._metrics = Metrics()
        self._store = Store()
        self._queue: Queue[Key] = Queue(time.monotonic)
        self._desk = Desk()
        self._reports = Reports(resolve)
        self._server = Server(options.listen, problems=self.problems, metrics=self._metrics)
        self._tasks: list[asyncio.Task[None]] = []
        self._api: Api | None = None
        self._lease: Lease | None = None
        self._rounds: Rounds | None = None
        self._intake: Intake | None = None
        self._captures: Captures | None = None

    def told(self, kind: str, event: str | None, raw: dict[str, Any]) -> None:
        """Take in what a watch tells."""
        assert self._intake is not None
        assert self._captures is not None
        if kind == "captures":
            self._captures.told(event, raw)
            return
        self._intake.event(kind, event, raw)

    async def start(self) -> None:
        """Learn everything there is, then begin; while the API server does not answer, wait for it."""
        await self._server.start()
        self._api = await Api.connect()
        calls = Calls(self._api, operator=self.options.installation.operator)
        self._lease = self._claim(self._api)
        self._rounds, self._intake = self._watch(calls)
        self._captures = self._capture(calls)
        self._gauges()
        await self._fill(self._intake)
        reconciler = self._reconciler(calls, self._rounds)
        works = (self._lease.keep(self._all_again), self._rounds.run(), reconciler.run(), self._intake.audit())
        for each in (*works, self._captures.run()):
            self._keep(each)

    def _claim(self, api: Api) -> Lease:
        return Lease(
            api,
            namespace=self.options.lease_namespace,
            name=f"metdc-operator-{self.options.installation.operator}",
            identity=self.options.identity,
            clock=time.monotonic,
        )

    def _watch(self, calls: Calls) -> tuple[Rounds, Intake]:
        store, queue, metrics, options = self._store, self._queue, self._metrics, self.options
        rounds = Rounds(
            store,
            queue,
            self._desk,
            calls=calls,
            reports=self._reports,
            metrics=metrics,
            acts=self._acts,
            now=self._now,
        )
        intake = Intake(
            store,
            queue,
            rounds,
            calls=calls,
            metrics=metrics,
            namespaces=options.namespaces or (None,),
            nodes=options.nodes,
            now=self._now,
        )
        return rounds, intake

    def _capture(self, calls: Calls) -> Captures:
        return Captures(
            calls=calls,
            reports=self._reports,
            installation=self.options.installation,
            metrics=self._metrics,
            namespaces=self.options.namespaces or (None,),
            acts=self._acts,
            identity=self.options.identity,
            now=self._now,
        )

    def _reconciler(self, calls: Calls, rounds: Rounds) -> Reconciler:
        return Reconciler(
            self._store,
            self._queue,
            self._desk,
            calls=calls,
            installation=self.options.installation,
            metrics=self._metrics,
            acts=self._acts,
            identity=self.options.identity,
            reached=rounds.reached,
            now=self._now,
        )

    async def _fill(self, intake: Intake) -> None:
        while True:
            try:
                await intake.fill()
            except ApiError as error:
                log.warning("not everything can be listed yet: %s", error)
                await asyncio.sleep(_RETRY)
            else:
                return

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of them ends by itself: a process that goes on without one would do half of its work."""
        if not task.cancelled():
            log.error("a part of the operator has failed", exc_info=task.exception())
            self.failed.set()

    def _acts(self) -> bool:
        return self._lease is not None and self._lease.held

    def _all_again(self) -> None:
        if self._rounds is not None:
            self._rounds.begin()
        for each in self._store.collectors:
            self._queue.add((each.meta.namespace, each.meta.name))
        if self._captures is not None:
            self._captures.again()

    async def stop(self) -> None:
        """Stop acting, and let another operator begin."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lease is not None:
            await self._lease.release()
        await self._reports.close()
        await self._server.stop()
        if self._api is not None:
            await self._api.close()

    def problems(self) -> list[str]:
        """Return what is wrong with the operator itself; what is wrong with collectors is in their status."""
        if self._rounds is None or self._intake is None or not self._tasks:
            return []
        found = []
        waiting = [self._queue.oldest(), self._captures.oldest() if self._captures is not None else 0.0]
        if (oldest := max(waiting)) > STUCK:
            found.append(f"a resource has been waiting for {oldest:.0f} s")
        if (still := time.monotonic() - self._rounds.beat) > _STILL:
            found.append(f"the rounds have stood still for {still:.0f} s")
        found += [f"the watch of {kind} is stale" for kind, count in self._intake.stale.items() if count]
        return found

    def _gauges(self) -> None:
        def overdue() -> list[int]:
            return list(self._desk.overdue(self._now()).values())

        gauge = self._metrics.gauge
        gauge("queue_depth", "Resources that wait to be looked at.", lambda: len(self._queue))
        gauge("queue_oldest_seconds", "For how long the oldest of them has waited.", self._queue.oldest)
        gauge("collectors", "ExchangeCollectors that are served.", lambda: len(self._store.collectors))
        gauge("captures", "ListingCaptures that are known.", lambda: len(self._captures or ()))
        gauge("pods", "Pods of collectors.", lambda: len(self._store.pods))
        gauge("rotations_overdue", "Pods that are due to be replaced and wait.", lambda: len(overdue()))
        gauge(
            "rotation_overdue_seconds",
            "For how long the one that waits longest has been due.",
            lambda: max(overdue(), default=0) / 10**9,
        )
        gauge("rotations_stalled", "Markets whose new pod cannot start, or does not become ready.", self._desk.stalled)
        gauge("lease_held", "Whether this operator acts.", lambda: float(self._acts()))


class _NoDifferences(kopf.DiffBaseStorage):
    """Nothing is handled by what has changed of an object, so none is copied to be compared: half of kopf's work."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        raise NotImplementedError("there is no handler of changes")


def configure(settings: kopf.OperatorSettings, options: Options) -> None:
    """Set kopf up for watching alone: no peering, no look at other definitions, short waits."""
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.networking.request_timeout = 20
    settings.networking.connect_timeout = 5
    # An API server that is away for long is waited for: a restart would not bring it back.
    settings.networking.error_backoffs = [0.1, 0.5, 1, 2, 3, *[5] * 240]
    # kopf keeps each object whole until its worker has been idle for so long; thousands at once would fill the memory.
    settings.watching.chunk_size = 100
    settings.queueing.idle_timeout = 0.1
    settings.persistence.finalizer = "metdc.io/never-set"
    settings.persistence.diffbase_storage = _NoDifferences()
    for kind in _OURS:
        group, version, plural = _WATCHED[kind]
        settings.watching.label_selectors[kopf_selector(group, version, plural)] = selector(
            options.installation.operator
        )


def kopf_selector(group: str, version: str, plural: str) -> Callable[[Any], bool]:
    """Return a test of a resource, which unlike a name matches the core group exactly."""
    return lambda resource: (resource.group, resource.version, resource.plural) == (group, version, plural)


def wire(operator: Operator) -> kopf.OperatorRegistry:
    """Return the handlers: what kopf is told to watch, and whom it is to tell."""
    registry = kopf.OperatorRegistry()

    kopf.on.login(registry=registry)(login)

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings, operator.options)
        await operator.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await operator.stop()

    def watch(kind: str) -> None:
        @kopf.on.event(*_WATCHED[kind], id=kind, registry=registry)
        async def told(event: kopf.RawEvent, **_: Any) -> None:
            operator.told(kind, event["type"], dict(event["object"]))

    for kind in _WATCHED:
        if kind != "nodes" or operator.options.nodes:
            watch(kind)
    return registry


async def run(options: Options, *, resolve: Resolve = pod_address, now: Callable[[], int] = time.time_ns) -> int:
    """Run the operator until a signal ends it; return the exit code, 1 when a part of it failed."""
    operator = Operator(options, resolve=resolve, now=now)
    await kopf.operator(
        registry=wire(operator),
        clusterwide=not options.namespaces,
        namespaces=options.namespaces,
        identity=options.identity,  # type: ignore[arg-type] # kopf would ask for the user's name, and a pod's may have none
        stop_flag=operator.failed,
    )
    return 1 if operator.failed.is_set() else 0
