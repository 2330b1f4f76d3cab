"""What is done by the clock: reports are read, turns are given out, and what volumes lack is looked for."""

import asyncio
import logging
import time
from collections.abc import Callable
from hashlib import blake2b

from metdc_collector.wire.durations import SECOND
from metdc_operator import records
from metdc_operator.cluster.api import ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.judgement import Read
from metdc_operator.metrics import Metrics
from metdc_operator.reconcile.desk import Desk
from metdc_operator.reconcile.queue import Queue
from metdc_operator.reconcile.store import Key, Store
from metdc_operator.reports import Reports
from metdc_operator.status import REPORT_INTERVAL
from metdc_operator.trouble import MOUNTING, of_events

log = logging.getLogger(__name__)
TICK = 1.0
_EVERY = REPORT_INTERVAL // SECOND
_SOON = 2.0
"""The least time between two readings of one resource's pods, in seconds."""
_AT_ONCE = 32
"""Resources whose pods are read at the same time: the others wait as one task each, not as one for each pod."""
_ASKED = 30.0


class Rounds:
    """Goes round once a second."""

    def __init__(
        self,
        store: Store,
        queue: Queue[Key],
        desk: Desk,
        *,
        calls: Calls,
        reports: Reports,
        metrics: Metrics,
        acts: Callable[[], bool],
        now: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._desk = desk
        self._calls = calls
        self._reports = reports
        self._metrics = metrics
        self._acts = acts
        self._now = now
        self._clock = clock
        self._next: dict[Key, float] = {}
        self._last: dict[Key, float] = {}
        self._attempted: set[str] = set()
        self._asked: dict[str, float] = {}
        self._reading: dict[Key, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.beat = clock()

    def reached(self, pod: records.PodRecord) -> bool:
        """Return whether a pod's report has been asked for, or cannot be yet."""
        return pod.meta.uid in self._attempted or not self._reports.reachable(pod)

    def begin(self) -> None:
        """Ask all pods anew before anything is told of them: what was read before this operator acted is old."""
        self._attempted.clear()
        self._next.clear()

    def soon(self, key: Key) -> None:
        """Have a resource's pods asked as soon as that may be."""
        self._next[key] = min(self._next.get(key, 0.0), self._last.get(key, -_SOON) + _SOON)

    async def run(self) -> None:
        """Go round, for ever; what is being read ends with it."""
        due = self._clock()
        try:
            while True:
                due = max(due + TICK, self._clock())
                await asyncio.sleep(max(0.0, due - self._clock()))
                self.beat = self._clock()
                self._metrics.lag.set(max(0.0, self.beat - due))
                if self._acts():
                    self._round()
        finally:
            readings = list(self._reading.values())
            for each in readings:
                each.cancel()
            await asyncio.gather(*readings, return_exceptions=True)

    def _round(self) -> None:
        now = self._clock()
        keys = {(each.meta.namespace, each.meta.name) for each in self._store.collectors}
        for gone in [key for key in self._next if key not in keys]:
            del self._next[gone]
            self._last.pop(gone, None)
        for key in keys:
            self._next.setdefault(key, now + _spread(key, len(keys)))
            # One that is still being read is not begun again: readings become rarer then, not more.
            if self._next[key] <= now and key not in self._reading:
                self._next[key] = now + _EVERY
                self._last[key] = now
                self._reading[key] = asyncio.create_task(self._read(key))
        for key in self._desk.give(self._now(), nats_away=self._nats_away()):
            self._queue.add(key)

    def _nats_away(self) -> bool:
        """Whether every pod that says anything says that it has no NATS."""
        since = self._now() - 3 * REPORT_INTERVAL
        fresh = [read.report for read in self._store.reads.values() if read.report.at >= since]
        return bool(fresh) and not any(report.nats.connected for report in fresh)

    async def _read(self, key: Key) -> None:
        try:
            async with self._room:
                pods = [pod for pod in self._store.pods.of(key) if not pod.ended]
                await asyncio.gather(*(self._ask(pod) for pod in pods if self._reports.reachable(pod)))
                for pod in pods:
                    await self._why_it_waits(pod)
        finally:
            del self._reading[key]
        self._queue.add(key)

    async def _ask(self, pod: records.PodRecord) -> None:
        report = await self._reports.read(pod)
        uid = pod.meta.uid
        self._attempted.add(uid)
        self._metrics.reports.labels("read" if report is not None else "failed").inc()
        if report is not None and self._store.pods.get((pod.meta.namespace, pod.meta.name)) is not None:
            before = self._store.reads.get(uid)
            self._store.reads[uid] = Read(report, before.report.backlog if before is not None else None)

    async def _why_it_waits(self, pod: records.PodRecord) -> None:
        uid, now = pod.meta.uid, self._clock()
        if not pod.waits_for_volumes:
            self._store.missing.pop(uid, None)
            return
        if self._now() < pod.meta.created + MOUNTING or now < self._asked.get(uid, now - _ASKED) + _ASKED:
            return
        self._asked[uid] = now
        try:
            trouble = of_events(pod.meta.name, await self._calls.events_of(pod.meta.namespace, uid))
        except ApiError as error:
            log.warning("%s: its events cannot be read: %s", pod.meta.name, error)
            return
        if trouble is not None:
            self._store.missing[uid] = trouble

    def forget(self, uid: str) -> None:
        """Forget a pod that has gone."""
        self._attempted.discard(uid)
        self._asked.pop(uid, None)


def _spread(key: Key, count: int) -> float:
    """When a resource's pods are asked first, so that the many are not asked at once, and the few need not wait."""
    digest = blake2b("/".join(key).encode(), digest_size=4).digest()
    return min(_EVERY, count / 10) * int.from_bytes(digest) / 2**32
