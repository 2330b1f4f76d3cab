"""Actions to API calls; each answer goes into the store, so that the next look sees what was written."""

import logging
from collections.abc import Mapping
from typing import Any

from metdc_operator import records
from metdc_operator.cluster.calls import SHELVES, Calls
from metdc_operator.manifests.names import APPLIED, LABEL_COLLECTOR
from metdc_operator.metrics import Metrics
from metdc_operator.plan import DEPLOYMENT, Action, Adjust, Apply, Check, Delete, Verify
from metdc_operator.reconcile.store import Shelf, Store

log = logging.getLogger(__name__)


class Actor:
    """Does what a plan says."""

    def __init__(self, calls: Calls, store: Store, metrics: Metrics, *, operator: str) -> None:
        self._calls = calls
        self._store = store
        self._metrics = metrics
        self._operator = operator

    async def do(self, action: Action) -> None:
        """Do one thing.

        Raises:
            ApiError: when the API server refuses it.
        """
        match action:
            case Apply():
                await self._apply(action)
            case Adjust():
                await self._keep(action.kind, await self._calls.adjust(action.kind, action.body))
            case Verify():
                await self._verify(action)
                return
            case Delete():
                await self._calls.delete(action.kind, action.namespace, action.name, action.uid)
                log.info("%s %s/%s deleted: %s", action.kind, action.namespace, action.name, action.why)
        self._metrics.actions.labels(action.kind, type(action).__name__.lower()).inc()

    async def _apply(self, action: Apply) -> None:
        if action.new and not await self._free(action):
            return
        made = await self._calls.apply(action.kind, action.body)
        generation = made["metadata"]["generation"]
        if action.body["metadata"]["annotations"][APPLIED] != str(generation):
            # Writing that down makes another generation of a Deployment, but not of the other kinds.
            after = generation + 1 if action.kind == DEPLOYMENT else generation
            made = await self._calls.apply(action.kind, _with_applied(action.body, after))
        await self._keep(action.kind, made)
        name = f"{made['metadata']['namespace']}/{made['metadata']['name']}"
        log.info("%s %s applied: %s", action.kind, name, action.why)

    async def _free(self, action: Apply) -> bool:
        """Whether the name is nobody's; what is there and ours is taken into the store, or given its labels back."""
        namespace, name = action.body["metadata"]["namespace"], action.body["metadata"]["name"]
        taken = (action.kind, (namespace, name))
        found = await self._calls.get(action.kind, namespace, name)
        if found is None:
            self._store.foreign.pop(taken, None)
            return True
        meta = records.meta(found)
        labels, own = action.body["metadata"]["labels"], action.body["metadata"]["ownerReferences"][0]["uid"]
        if meta.operator == self._operator and meta.collector == labels[LABEL_COLLECTOR]:
            self._store.foreign.pop(taken, None)
            await self._keep(action.kind, found)
        elif meta.operator in {None, self._operator} and meta.owner == own:
            patch = {"metadata": {"namespace": namespace, "name": name, "labels": labels}}
            await self._keep(action.kind, await self._calls.adjust(action.kind, patch))
        elif taken not in self._store.foreign:
            self._store.foreign[taken] = meta.operator or ""
            of = f"installation {meta.operator}" if meta.operator else "somebody else"
            log.warning("%s %s/%s belongs to %s and is left alone", action.kind, namespace, name, of)
        return False

    async def _verify(self, action: Verify) -> None:
        """Find out what somebody else has changed, without changing anything, and have it looked at again."""
        namespace, name = action.body["metadata"]["namespace"], action.body["metadata"]["name"]
        live = await self._calls.get(action.kind, namespace, name)
        if live is None or live["metadata"]["uid"] != action.uid:
            return
        wanted = await self._calls.apply(action.kind, action.body, dry=True)
        generation = live["metadata"]["generation"]
        template = live["spec"]["template"] != wanted["spec"]["template"]
        shell = _without_template(live) != _without_template(wanted)
        if template or shell:
            log.info("Deployment %s/%s is not as it was written", namespace, name)
        self._store.checks[action.uid] = Check(generation, template=template, shell=shell)
        await self._keep(action.kind, live)

    async def _keep(self, kind: str, raw: Mapping[str, Any]) -> None:
        shelf: Shelf[Any] = getattr(self._store, SHELVES[kind])
        shelf.put(shelf.condense(raw))


def _without_template(raw: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    metadata, spec = raw["metadata"], {name: value for name, value in raw["spec"].items() if name != "template"}
    return metadata.get("labels"), metadata.get("ownerReferences"), spec


def _with_applied(body: Mapping[str, Any], generation: int) -> dict[str, Any]:
    annotations = body["metadata"]["annotations"] | {APPLIED: str(generation)}
    return {**body, "metadata": body["metadata"] | {"annotations": annotations}}
