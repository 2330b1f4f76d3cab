"""Reports of pods that run nothing: every pod is healthy unless a test says otherwise."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from kubernetes.aio.client import CoreV1Api
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config

from metdc_collector.wire import report as reports
from metdc_operator import records
from metdc_operator.cluster.calls import selector

Change = Callable[[reports.Report], reports.Report | None]
_BEHIND = 1.0
"""Seconds that the watch of pods may be behind the operator's."""
_BEGINS = 60.0
"""Seconds within which the watch begins."""


class Stub:
    """Answers ``/report`` at 127.b.c.d for the pod 10.b.c.d. A watch tells of them: thousands can't be listed often.

    Its pods are those of one installation, in whatever namespace.
    """

    def __init__(self, operator: str) -> None:
        """``operator`` is the installation's name."""
        self._selector = selector(operator)
        self._pods: dict[str, records.PodRecord] = {}
        self._told = asyncio.Condition()
        self._changes: list[Change] = []
        self._ids = b"{}"
        self._runner: web.AppRunner | None = None
        self._watch: asyncio.Task[None] | None = None
        self._watching = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        """Listen on every address of this machine, and watch."""
        app = web.Application()
        app.add_routes([web.get("/report", self._report)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", 0).start()
        self.port = self._runner.addresses[0][1]
        self._watch = asyncio.create_task(self._follow())
        async with asyncio.timeout(_BEGINS):
            await self._watching.wait()

    async def stop(self) -> None:
        """Listen no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def say(self, *changes: Change) -> None:
        """Have every report changed so from now on; a change that gives null leaves the request unanswered."""
        self._changes = list(changes)

    def carry(self, ids: Mapping[str, str]) -> None:
        """Have every report carry these last ids; written once, since a market has hundreds and pods are thousands."""
        self._ids = orjson.dumps(ids)

    async def _report(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        pod = await self._at("10." + request.transport.get_extra_info("sockname")[0].split(".", 1)[1])
        if pod is None:
            return web.Response(status=404)
        report: reports.Report | None = healthy(pod)
        for change in self._changes:
            report = change(report) if report is not None else None
        if report is None:
            return web.Response(status=500)
        body = reports.encode(report).replace(b'"last_ids":{}', b'"last_ids":' + self._ids)
        return web.Response(body=body, content_type="application/json")

    async def _at(self, address: str) -> records.PodRecord | None:
        """Return the pod of an address; the operator's watch may be ahead of this one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BEHIND), self._told:
                await self._told.wait_for(lambda: address in self._pods)
        return self._pods.get(address)

    async def _follow(self) -> None:
        """Keep the pods in mind; a watch that has ended, as in an outage, begins anew with all there are."""
        configuration = Configuration()
        await load_kube_config(os.environ["KUBECONFIG"], client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.disable_strict_ssl_verification = True
        async with ApiClient(configuration) as client:
            core = CoreV1Api(client)
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    answer = await core.list_pod_for_all_namespaces_without_preload_content(
                        label_selector=self._selector, watch=True
                    )
                    self._watching.set()
                    try:
                        async for line in answer.content:
                            await self._take(orjson.loads(line))
                    finally:  # also when this task is cancelled
                        _drop(answer)
                await asyncio.sleep(1)

    async def _take(self, event: Mapping[str, Any]) -> None:
        if event["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
            return
        pod = records.pod(event["object"])
        if pod.address is None:
            return
        async with self._told:
            known = self._pods.get(pod.address)
            if event["type"] != "DELETED" and not pod.ended:
                self._pods[pod.address] = pod
            elif known is not None and known.meta.uid == pod.meta.uid:
                del self._pods[pod.address]
            self._told.notify_all()


def _drop(answer: aiohttp.ClientResponse) -> None:
    """End a connection at once: TLS would wait for the other side's farewell, and a test's loop does not."""
    if answer.connection is not None and answer.connection.transport is not None:
        answer.connection.transport.abort()
    answer.close()


def healthy(pod: records.PodRecord) -> reports.Report:
    """What a collector says that lacks nothing."""
    now = time.time_ns()
    return reports.Report(
        namespace=pod.meta.namespace,
        collector=pod.meta.collector,
        exchange="binance",
        market=pod.market,
        shard=pod.shard,
        shards=1,
        pod=pod.meta.name,
        uid=pod.meta.uid,
        slot=pod.slot,
        started=now - 10**9,
        at=now,
        state="streaming",
        ready=True,
        nats=reports.Nats(connected=True, acknowledged=True, stream="TRADES_BINANCE", stream_in_sync=True),
        connections=reports.Connections(active=2),
        symbols=reports.Symbols(wanted=40, streaming=40, listed_at=now - 10**9),
        trades=reports.Trades(received=100, stored=90, duplicates=10, per_second=50.0),
        gaps=reports.Gaps(open=0, filled=0, unfillable=0),
        last_trade=now,
        score=1.0,
    )


def of(pod: str, **parts: Any) -> Change:
    """A change of the reports of pods whose name begins so."""
    return lambda report: replace(report, **parts) if report.pod.startswith(pod) else report
