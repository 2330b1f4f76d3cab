"""What watches and lists tell, into the store; whatever changed has its resource looked at."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metdc_operator import records
from metdc_operator.cluster.api import ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.metrics import Metrics
from metdc_operator.reconcile.queue import Queue
from metdc_operator.reconcile.rounds import Rounds
from metdc_operator.reconcile.store import Key, Shelf, Store

log = logging.getLogger(__name__)
AUDIT = 120.0
"""How often the watches are compared with lists, in seconds."""
_GRACE = 10.0
"""How long a watch may take to tell what a list shows, in seconds."""


class Intake:
    """Takes in what is told of objects, and makes sure that it is told.

    A watch can fall silent, and it does not tell what went while it was being set up anew. So every kind is listed
    now and then; what a watch should have told and has not, a grace later, is taken from the list, and the watch
    counts as stale until a comparison finds it true.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue[Key],
        rounds: Rounds,
        *,
        calls: Calls,
        metrics: Metrics,
        namespaces: Sequence[str | None],
        nodes: bool,
        now: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``namespaces`` are those that are served, one null for all; ``nodes`` whether nodes may be read."""
        self._store = store
        self._queue = queue
        self._rounds = rounds
        self._calls = calls
        self._metrics = metrics
        self._namespaces = namespaces
        self._now = now
        self._clock = clock
        self._shelves = [shelf for shelf in store.shelves if nodes or shelf.kind != "nodes"]
        self._true: dict[str, float] = {shelf.kind: clock() for shelf in self._shelves}
        self.stale: dict[str, int] = {}
        for shelf in self._shelves:
            metrics.watch_age(shelf.kind, lambda kind=shelf.kind: clock() - self._true[kind])  # type: ignore[misc]

    # -- watches

    def event(self, kind: str, event: str | None, raw: Mapping[str, Any]) -> None:
        """Take in what a watch tells; ``event`` is null for what was there when it began."""
        self._true[kind] = self._clock()
        shelf: Shelf[Any] = getattr(self._store, kind)
        record = shelf.condense(raw)
        if event == "DELETED":
            self._gone(shelf, record)
        else:
            self._there(shelf, record)

    def _there(self, shelf: Shelf[Any], record: Any) -> None:
        before = shelf.put(record)
        if before is None:
            return
        if before is not record and before.meta.uid != record.meta.uid:
            self._store.forget(before.meta.uid)
        if shelf is self._store.nodes:
            self._node(record)
            return
        key, was = _key(shelf, record, self._store), _key(shelf, before, self._store)
        if was != key:
            self._queue.add(was)  # its label was changed: whose it is finds it by its name
        if shelf is self._store.collectors and before is not record and _same(before, record):
            return  # our own status
        if shelf is self._store.pods and record.ready != getattr(before, "ready", None):
            self._rounds.soon(key)
        self._queue.add(key)

    def _gone(self, shelf: Shelf[Any], record: Any) -> None:
        known = shelf.drop(record)
        if known is None:
            return
        self._store.forget(known.meta.uid)
        self._rounds.forget(known.meta.uid)
        if shelf is self._store.pods and record.meta.deleting is not None:
            self._store.left[record.meta.parent, record.market, record.shard] = record
        if shelf is self._store.nodes:
            self._store.cordoned.pop(known.meta.name, None)
            return
        key = _key(shelf, known, self._store)
        if shelf is self._store.collectors:
            self._store.left = {part: pod for part, pod in self._store.left.items() if part[0] != key}
        self._queue.add(key)

    def _node(self, node: records.Node) -> None:
        """Keep since when a node has been cordoned, and have those looked at whose pods are on it."""
        known = self._store.cordoned.get(node.meta.name)
        if node.cordoned is None:
            self._store.cordoned.pop(node.meta.name, None)
        else:
            self._store.cordoned[node.meta.name] = node.cordoned or known or self._now()
        if self._store.cordoned.get(node.meta.name) != known:
            for pod in self._store.pods:
                if pod.node == node.meta.name:
                    self._queue.add(pod.meta.parent)

    # -- lists

    async def fill(self) -> None:
        """List everything, so that nothing is taken for missing that is there.

        Raises:
            ApiError: when it can't be had.
        """
        for shelf in self._shelves:
            listed, _ = await self._list(shelf)
            for record in listed:
                self._there(shelf, record)
            log.info("%d %s", len(listed), shelf.kind)

    async def audit(self) -> None:
        """Compare the watches with lists, for ever."""
        while True:
            await asyncio.sleep(AUDIT)
            for shelf in self._shelves:
                try:
                    await self.compare(shelf)
                except ApiError as error:
                    log.warning("%s cannot be listed: %s", shelf.kind, error)

    async def compare(self, shelf: Shelf[Any]) -> None:
        """Compare one watch with a list, and put the store right where the watch has failed.

        Raises:
            ApiError: when there is no list.
        """
        listed, version = await self._list(shelf)
        newer, gone = shelf.differences(listed, version)
        if newer or gone:
            await asyncio.sleep(_GRACE)
            newer = [each for each in newer if _older(shelf, each)]
            gone = [each for each in gone if shelf.get((each.meta.namespace, each.meta.name)) is each]
        for record in newer:
            self._there(shelf, record)
        for record in gone:
            self._gone(shelf, record)
        self.stale[shelf.kind] = len(newer)
        if newer or gone:
            self._metrics.repairs.labels(shelf.kind).inc(len(newer) + len(gone))
            log.warning("the watch of %s has not told of %d changes and %d ends", shelf.kind, len(newer), len(gone))
        if not newer:
            self._true[shelf.kind] = self._clock()

    async def _list(self, shelf: Shelf[Any]) -> tuple[list[Any], int]:
        listed: list[Any] = []
        version = 0
        for namespace in self._namespaces if shelf.kind != "nodes" else (None,):
            first = True
            async for page in self._calls.pages(shelf.kind, namespace):
                if first:
                    here = int(page["metadata"]["resourceVersion"])
                    version = here if version == 0 else min(version, here)
                    first = False
                listed += [shelf.condense(raw) for raw in page["items"]]
        return listed, version


def _older(shelf: Shelf[Any], record: Any) -> bool:
    known = shelf.get((record.meta.namespace, record.meta.name))
    return known is None or known.meta.version < record.meta.version


def _same(before: records.Collector, after: records.Collector) -> bool:
    """Whether nothing of a resource but its status differs."""
    same = before.meta.uid == after.meta.uid and before.meta.deleting == after.meta.deleting
    return same and before.resource == after.resource


def _key(shelf: Shelf[Any], record: Any, store: Store) -> Key:
    return (record.meta.namespace, record.meta.name) if shelf is store.collectors else record.meta.parent
