"""What pods leave for each other in key-value buckets, against a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from nats.js.api import KeyValueConfig

from metdc_collector.clock import Timers
from metdc_collector.peers import Peers, ReportFailed, living
from metdc_collector.publisher.bucket import Bucket, BucketFailed
from metdc_collector.publisher.link import Link, NatsSettings
from metdc_collector.wire.report import Report
from tests.harness import NatsServer

REPORT = Report(
    namespace="default",
    collector="binance",
    exchange="binance",
    market="spot",
    shard=0,
    shards=1,
    pod="pod-a",
    uid="1",
    slot="2026-01-01T00:00:00Z",
    started=1,
    at=2,
)
SETTINGS = KeyValueConfig(bucket="things", history=1)


@contextlib.asynccontextmanager
async def linked(nats: NatsServer) -> AsyncIterator[Link]:
    up = asyncio.Event()

    async def connected() -> None:
        up.set()

    link = Link(
        NatsSettings(urls=(nats.url,)),
        name="test",
        timers=Timers(),
        acknowledge=lambda *_: None,
        up=connected,
        down=lambda: None,
    )
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(30):
            await up.wait()
            yield link
    finally:
        task.cancel()
        await asyncio.wait({task})
        await link.close()


def peers(link: Link, *, create: bool = True) -> Peers:
    return Peers(link, interval=15, replicas=1, create=create)


async def test_a_pod_sees_the_reports_of_its_market_and_who_of_the_others_lives(nats: NatsServer) -> None:
    async with linked(nats) as link:
        await peers(link).put(REPORT)
        await peers(link).put(replace(REPORT, market="futures"))
        left = replace(REPORT, pod="pod-b", state="stopped")
        await peers(link).put(left)
        found = await peers(link).market(replace(REPORT, pod="pod-c"))
        assert sorted(found, key=lambda report: report.pod) == [REPORT, left]
        assert living(found, replace(REPORT, pod="pod-c")) == [REPORT]
        assert living(found, REPORT) == []


async def test_before_anybodys_first_report_the_others_are_not_known(nats: NatsServer) -> None:
    async with linked(nats) as link:
        with pytest.raises(ReportFailed, match="metdc_health"):
            await peers(link).market(REPORT)


async def test_a_bucket_of_another_making_is_made_readable_at_once(nats: NatsServer) -> None:
    async with linked(nats) as link:
        js = link.client.jetstream()
        await js.create_key_value(SETTINGS)
        assert not (await js.stream_info("KV_things")).config.allow_direct
        bucket = Bucket(link, SETTINGS, create=True)
        await bucket.put("a.b", b"1")
        assert await bucket.read("a.b", "a.c", "b.>") == [b"1"]


async def test_under_observe_a_bucket_is_neither_made_nor_changed(nats: NatsServer) -> None:
    async with linked(nats) as link:
        bucket = Bucket(link, SETTINGS, create=False)
        with pytest.raises(BucketFailed, match="bucket things does not exist and management is Observe"):
            await bucket.put("a", b"1")
        js = link.client.jetstream()
        await js.create_key_value(SETTINGS)
        await bucket.put("a", b"1")
        assert not (await js.stream_info("KV_things")).config.allow_direct
        with pytest.raises(BucketFailed, match=r"DIRECT\.GET"):
            await bucket.read("a")
