"""The loop of captures: a look at a capture's Job and pods, live, until nothing of it will change any more.

Captures are few and short, so nothing is watched but they themselves: each that is not over is looked at every few
seconds. Like the collectors' loop it is level-triggered, and only the holder of the lease writes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metdc_operator import records
from metdc_operator.captures.capture import KIND, Capture, capture
from metdc_operator.captures.manifests import job, labels_of, name_of, network_policy
from metdc_operator.captures.news import news
from metdc_operator.captures.state import Seen, failure, newest, said, status
from metdc_operator.cluster import events
from metdc_operator.cluster.api import ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.installation import Installation
from metdc_operator.metrics import Metrics
from metdc_operator.observation import Reason, Trouble
from metdc_operator.reconcile.queue import BACKOFF, Queue, backoff
from metdc_operator.records import PodRecord, Raw
from metdc_operator.reports import Reports
from metdc_operator.trouble import MOUNTING, of_events

log = logging.getLogger(__name__)
AUDIT = 60.0
"""How often captures are listed, for what the watch has not told, in seconds."""
_SOON, _LATER, _SELDOM = 2.0, 10.0, 60.0
"""Seconds until the next look: before there is a result; while it is provisional; once the Job has ended."""

Key = tuple[str, str]


class Captures:
    """Looks at captures."""

    def __init__(
        self,
        *,
        calls: Calls,
        reports: Reports,
        installation: Installation,
        metrics: Metrics,
        namespaces: Sequence[str | None],
        acts: Callable[[], bool],
        identity: str,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """``namespaces`` are those served, one null for all; ``acts`` tells whether this operator may write."""
        self._calls = calls
        self._reports = reports
        self._installation = installation
        self._metrics = metrics
        self._namespaces = namespaces
        self._acts = acts
        self._identity = identity
        self._now = now
        self._queue: Queue[Key] = Queue(time.monotonic)
        self._found: dict[Key, Capture] = {}
        self._failures: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._found)

    def oldest(self) -> float:
        """Return for how many seconds the oldest capture has waited or been looked at."""
        return self._queue.oldest()

    # -- what is there

    def told(self, event: str | None, raw: Mapping[str, Any]) -> None:
        """Take in what the watch tells; ``event`` is null for what was there when it began."""
        found = capture(raw)
        if event == "DELETED":
            self._forget(found.key)
        else:
            self._keep(found)

    def again(self) -> None:
        """Look at all of them: this operator may act from now on."""
        for key in self._found:
            self._queue.add(key)

    def _keep(self, found: Capture) -> None:
        known = self._found.get(found.key)
        if known is None or known.meta.uid != found.meta.uid or known.meta.version <= found.meta.version:
            self._found[found.key] = found
            if not found.over:
                self._queue.add(found.key)

    def _forget(self, key: Key) -> None:
        self._found.pop(key, None)
        self._failures.pop(key, None)

    async def run(self) -> None:
        """Look at captures, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._audit())
            group.create_task(self._queue.work(self._look))

    async def _audit(self) -> None:
        while True:
            try:
                await self.list()
            except ApiError as error:
                log.warning("captures cannot be listed: %s", error)
            await asyncio.sleep(AUDIT)

    async def list(self) -> None:
        """Take in all that there are.

        Raises:
            ApiError: when they can't be had.
        """
        listed: set[Key] = set()
        before = set(self._found)
        for namespace in self._namespaces:
            async for page in self._calls.pages("captures", namespace):
                for raw in page["items"]:
                    found = capture(raw)
                    listed.add(found.key)
                    self._keep(found)
        for gone in before - listed:
            self._forget(gone)

    # -- looks

    async def _look(self, key: Key) -> None:
        try:
            after = await self.reconcile(key)
            self._failures.pop(key, None)
        except ApiError as error:
            self._metrics.api_errors.inc()
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            after = backoff(count)
            log.warning("%s/%s: %s; again in %g s", *key, error, after)
        except Exception:
            log.exception("%s/%s: cannot be reconciled", *key)
            after = BACKOFF[-1]
        if after is not None:
            self._queue.add(key, after=after)

    async def reconcile(self, key: Key) -> float | None:
        """Look at one capture; return in how many seconds to look again, null for never.

        Raises:
            ApiError: when something could not be read or written.
        """
        found = self._found.get(key)
        if found is None or found.meta.deleting is not None or found.over or not self._acts():
            return None
        there = await self._calls.get("Job", found.meta.namespace, name_of(found))
        trouble = None
        if there is None:
            there, trouble = await self._make(found)
        elif (owner := records.meta(there)).owner != found.meta.uid:
            trouble = Trouble(Reason.NAME_TAKEN, f"the Job {name_of(found)} is not this capture's; choose another name")
        elif owner.operator != self._installation.operator:
            return None  # another installation serves it
        seen = Seen(trouble=trouble) if trouble is not None else await self._see(found, there or {})
        await self._tell(found, seen)
        current = self._found.get(key, found)
        if current.over:
            return None
        if seen.failure is not None or seen.trouble is not None:
            return _SELDOM if seen.failure is not None else _LATER
        return _LATER if "completeness" in current.status else _SOON

    async def _make(self, found: Capture) -> tuple[dict[str, Any] | None, Trouble | None]:
        """Make the policy, then the Job; return it, or why it can't be made."""
        try:
            if self._installation.network_policies:
                await self._calls.apply("NetworkPolicy", network_policy(found, self._installation))
            made = await self._calls.apply("Job", job(found, self._installation))
        except ApiError as error:
            if error.retryable:
                raise
            return None, Trouble(Reason.NOT_CREATED, str(error))
        self._metrics.actions.labels("Job", "apply").inc()
        log.info("Job %s/%s applied: there was none", *found.key)
        return made, None

    async def _see(self, found: Capture, there: Raw) -> Seen:
        raws = await self._calls.pods_of(found.meta.namespace, labels_of(found))
        pods = sorted(((records.pod(raw), raw) for raw in raws), key=lambda pair: pair[0].meta.created)
        ours = [(pod, raw) for pod, raw in pods if pod.meta.owner == there["metadata"]["uid"]]
        running = [pod for pod, _ in ours if not pod.ended]
        report = None
        if running:
            report = said(found, await self._read(running[-1]))
        if report is None:
            report = newest(found, ours)
        trouble = await self._trouble(running[-1]) if running else None
        return Seen(report, failure(there), trouble)

    async def _trouble(self, pod: PodRecord) -> Trouble | None:
        """What keeps a pod from running; of its volumes only events tell."""
        if pod.trouble is None and pod.waits_for_volumes and self._now() > pod.meta.created + MOUNTING:
            return of_events(pod.meta.name, await self._calls.events_of(pod.meta.namespace, pod.meta.uid))
        return pod.trouble

    async def _read(self, pod: PodRecord) -> bytes | None:
        if not self._reports.reachable(pod):
            return None
        data = await self._reports.fetch(pod)
        self._metrics.reports.labels("read" if data is not None else "failed").inc()
        return data

    async def _tell(self, found: Capture, seen: Seen) -> None:
        current = status(found, seen, self._now())
        if current == found.status:
            return
        meta = found.meta
        written = await self._calls.write_status(meta.namespace, meta.name, current, kind=KIND)
        self._metrics.status_writes.inc()
        self._keep_written(found, written)
        told = news(found.status, current)
        await events.post(self._calls, told, kind=KIND, meta=meta, identity=self._identity)

    def _keep_written(self, found: Capture, written: Raw) -> None:
        made = capture(written)
        if found.key in self._found and made.meta.uid == found.meta.uid:
            self._found[found.key] = made
