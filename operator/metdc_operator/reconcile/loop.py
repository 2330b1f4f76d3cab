"""The loop: a key from the queue, what is known of that resource, what is to be done, what its status is to say.

It is level-triggered: whatever woke it, it looks at everything of the resource and at nothing else, and a look that
changes nothing writes nothing. Only the holder of the lease writes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metdc_collector.wire.durations import SECOND
from metdc_operator import records
from metdc_operator.cluster import events
from metdc_operator.cluster.api import ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.installation import Installation
from metdc_operator.judgement import Judgement
from metdc_operator.manifests.deployment import Digests, digests
from metdc_operator.manifests.names import deployment_name
from metdc_operator.metrics import Metrics
from metdc_operator.notices import notices
from metdc_operator.observation import Reason, Seen, Trouble
from metdc_operator.plan import DEPLOYMENT, Action, Apply, Observed, Verify, plan, views
from metdc_operator.reconcile.act import Actor
from metdc_operator.reconcile.desk import Desk
from metdc_operator.reconcile.queue import BACKOFF, Queue, backoff
from metdc_operator.reconcile.store import Key, Store
from metdc_operator.replacement import remembered
from metdc_operator.resource import KIND, Part, Resource
from metdc_operator.status import STALE, WRITE_INTERVAL, status, to_be_written

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Memory:
    """What the loop remembers of a resource: what only costs time when it is forgotten."""

    version: tuple[str, int] = ("", 0)
    digests: dict[Part, Digests] = field(default_factory=dict)
    written: int = 0
    failures: int = 0
    refused: dict[str, Trouble] = field(default_factory=dict)


class Reconciler:
    """Looks at resources."""

    def __init__(
        self,
        store: Store,
        queue: Queue[Key],
        desk: Desk,
        *,
        calls: Calls,
        installation: Installation,
        metrics: Metrics,
        acts: Callable[[], bool],
        identity: str,
        reached: Callable[[records.PodRecord], bool],
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """``acts`` tells whether this operator may write, ``reached`` whether a pod's report has been asked for."""
        self._store = store
        self._queue = queue
        self._desk = desk
        self._calls = calls
        self._installation = installation
        self._metrics = metrics
        self._acts = acts
        self._identity = identity
        self._reached = reached
        self._now = now
        self._actor = Actor(calls, store, metrics, operator=installation.operator)
        self._memories: dict[Key, Memory] = {}

    async def run(self) -> None:
        """Work through the queue, for ever."""
        await self._queue.work(self._look)

    async def _look(self, key: Key) -> None:
        begun = time.monotonic()
        memory = self._memories.setdefault(key, Memory())
        result = "done"
        try:
            await self.reconcile(key)
            memory.failures = 0
        except ApiError as error:
            result = "refused"
            self._metrics.api_errors.inc()
            wait = backoff(memory.failures)
            memory.failures += 1
            log.warning("%s/%s: %s; again in %g s", *key, error, wait)
            self._queue.add(key, after=wait)
        except Exception:
            result = "failed"
            log.exception("%s/%s: cannot be reconciled", *key)
            self._queue.add(key, after=BACKOFF[-1])
        self._metrics.reconciles.labels(result).inc()
        self._metrics.duration.observe(time.monotonic() - begun)

    async def reconcile(self, key: Key) -> None:
        """Look at one resource.

        Raises:
            ApiError: when something could not be written; it is to be looked at again.
        """
        found = self._store.collectors.get(key)
        if found is None or found.meta.deleting is not None:
            self._desk.forget(key)
            self._memories.pop(key, None)
            return
        memory = self._memories.setdefault(key, Memory())
        observed = self._observe(found, memory)
        seen = views(observed, self._now())
        self._desk.update(key, seen, self._now())
        if not self._acts():
            return
        failed = await self._act(found.resource, observed, memory)
        await self._tell(found, self._observe(found, memory), memory)
        if failed:
            raise failed[0]

    # -- observing

    def _observe(self, found: records.Collector, memory: Memory) -> Observed:
        key, resource, store = (found.meta.namespace, found.meta.name), found.resource, self._store
        version = (resource.uid, resource.generation)
        if memory.version != version:
            memory.version = version
            memory.digests = {part: digests(resource, part, self._installation) for part in resource.parts()}
        deployments = {each.meta.name: each for each in store.deployments.of(key)}
        pods = store.pods.of(key)
        judgements = [
            self._judge(resource, part, want, deployments.pop(deployment_name(resource, part), None), pods)
            for part, want in memory.digests.items()
        ]
        return Observed(
            judgements=judgements,
            surplus=list(deployments.values()),
            budgets={each.meta.name: each for each in store.budgets.of(key)},
            policies={each.meta.name: each for each in store.policies.of(key)},
            checks=store.checks,
        )

    def _judge(
        self,
        resource: Resource,
        part: Part,
        want: Digests,
        found: records.Deployment | None,
        pods: list[records.PodRecord],
    ) -> Judgement:
        check = self._store.checks.get(found.meta.uid) if found is not None else None
        name = (DEPLOYMENT, (resource.namespace, deployment_name(resource, part)))
        return Judgement(
            resource=resource,
            part=part,
            want=want,
            deployment=found,
            pods=[each for each in pods if not each.ended and (each.market, each.shard) == (part.market, part.shard)],
            left=self._store.left.get(((resource.namespace, resource.name), part.market, part.shard)),
            reads=self._store.reads,
            missing=self._store.missing,
            cordoned=self._store.cordoned,
            drifted=found is not None
            and check is not None
            and check.template
            and check.generation == found.meta.generation,
            foreign=self._store.foreign.get(name) if found is None else None,
        )

    # -- acting

    async def _act(self, resource: Resource, observed: Observed, memory: Memory) -> list[ApiError]:
        """Do what can be done, and return what could not; the status tells that, too."""
        now = self._now()
        turns = self._desk.turns(views(observed, now))

        async def do(action: Action) -> ApiError | None:
            if not self._acts():
                return None
            try:
                await self._actor.do(action)
            except ApiError as error:
                if isinstance(action, Apply):
                    memory.refused[action.body["metadata"]["name"]] = Trouble(Reason.NOT_CREATED, str(error))
                return error
            self._done(resource, action, turns, memory)
            return None

        # None of them rests on another: what has to come first is not planned before that has been seen.
        results = await asyncio.gather(*(do(each) for each in plan(resource, observed, turns, now, self._installation)))
        return [error for error in results if error is not None]

    def _done(self, resource: Resource, action: Action, turns: Mapping[str, Any], memory: Memory) -> None:
        if isinstance(action, Verify):
            self._queue.add((resource.namespace, resource.name))
        if not isinstance(action, Apply):
            return
        name = action.body["metadata"]["name"]
        memory.refused.pop(name, None)
        for identity, turn in turns.items():
            part = next(part for part in memory.digests if resource.identity(part) == identity)
            if action.kind == DEPLOYMENT and deployment_name(resource, part) == name:
                self._desk.taken(identity)
                self._metrics.turns.labels(turn.urgency.name.lower()).inc()

    # -- telling

    async def _tell(self, found: records.Collector, observed: Observed, memory: Memory) -> None:
        now = self._now()
        pods = [pod for each in observed.judgements for pod in each.pods]
        if not all(self._reached(pod) for pod in pods) or any(each.foreign for each in observed.judgements):
            return  # another installation writes it, or this operator knows too little yet, which is no outage
        previous = found.status
        current = status(self._seen(found, observed, memory, now), now, stale=STALE, previous=previous)
        age = now - memory.written
        if not to_be_written(previous, current, age=age):
            if previous != current:
                self._queue.add((found.meta.namespace, found.meta.name), after=(WRITE_INTERVAL - age) / SECOND)
            return
        written = await self._calls.write_status(found.meta.namespace, found.meta.name, current)
        memory.written = now
        self._metrics.status_writes.inc()
        self._store.collectors.put(records.collector(written))
        told = notices(previous, current)
        await events.post(self._calls, told, kind=KIND, meta=found.meta, identity=self._identity)

    def _seen(self, found: records.Collector, observed: Observed, memory: Memory, now: int) -> Seen:
        resource, lasts = found.resource, remembered(found.status)
        markets = [
            each.seen(
                now,
                last=lasts.get((each.part.market, each.part.shard)),
                refused=memory.refused.get(deployment_name(resource, each.part)),
            )
            for each in observed.judgements
        ]
        return Seen(
            markets=markets,
            generation=resource.generation,
            suspended=resource.spec["suspend"],
            rotation_suspended=resource.spec["rotation"]["suspend"],
            observes_stream=resource.spec.get("nats", {}).get("stream", {}).get("management") == "Observe",
        )
