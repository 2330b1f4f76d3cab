"""Reports of pods that run nothing: every pod is healthy unless a test says otherwise."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from metdc_collector.wire import report as reports
from metdc_operator import records
from metdc_operator.cluster.api import Api

Change = Callable[[reports.Report], reports.Report | None]


class Stub:
    """Answers ``/report`` at 127.b.c.d for the pod 10.b.c.d."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._pods: dict[str, records.PodRecord] = {}
        self._changes: list[Change] = []
        self._ids = b"{}"
        self._runner: web.AppRunner | None = None
        self._looking = asyncio.Lock()
        self._looked = 0.0
        self.port = 0

    async def start(self) -> None:
        """Listen on every address of this machine."""
        app = web.Application()
        app.add_routes([web.get("/report", self._report)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
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
        address = "10." + request.transport.get_extra_info("sockname")[0].split(".", 1)[1]
        if address not in self._pods:
            await self._look()
        if address not in self._pods:
            return web.Response(status=404)
        report: reports.Report | None = healthy(self._pods[address])
        for change in self._changes:
            report = change(report) if report is not None else None
        if report is None:
            return web.Response(status=500)
        body = reports.encode(report).replace(b'"last_ids":{}', b'"last_ids":' + self._ids)
        return web.Response(body=body, content_type="application/json")

    async def _look(self) -> None:
        """List the pods, once a second at most."""
        async with self._looking:
            if time.monotonic() < self._looked + 1:
                return
            found: dict[str, records.PodRecord] = {}
            async for page in self._api.pages(f"/api/v1/namespaces/{self._namespace}/pods"):
                pods = [records.pod(raw) for raw in page["items"]]
                found |= {each.address: each for each in pods if each.address and not each.ended}
            self._pods, self._looked = found, time.monotonic()


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
