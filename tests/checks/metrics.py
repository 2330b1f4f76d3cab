"""Every metric that a collector, the operator and the watcher of listings serve, as their own code tells it."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.upbit import SPOT
from metdc_collector.health import ReportMetrics
from metdc_collector.listings.figures import WatcherMetrics
from metdc_collector.listings.watcher import Order, Watcher
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.wire.config import DEFAULT_SHARE
from metdc_collector.wire.report import Report
from metdc_operator.app import Operator
from metdc_operator.options import Options

_REPORT = Report(
    namespace="default",
    collector="binance",
    exchange="binance",
    market="spot",
    shard=0,
    shards=1,
    pod="binance-spot-0",
    uid="1",
    slot="2026-11-23T10:00:00Z",
    started=0,
    at=0,
)


@dataclass(frozen=True, slots=True)
class Served:
    """One metric: the names of its samples (a histogram has several), its type, and what it means."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    @property
    def samples(self) -> tuple[str, ...]:
        """The names that a query can use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


def of_collectors() -> list[Served]:
    """Return the metrics of a collector."""
    return list(_served(ReportMetrics(lambda: _REPORT).collect(), ("exchange", "market", "shard")))


def of_operator() -> list[Served]:
    """Return the metrics of the operator."""

    async def asked() -> list[Served]:
        operator = Operator(Options())
        operator._gauges()
        collectors: Iterable[Any] = operator._metrics.registry._collector_to_names
        labels = {family.name: each._labelnames for each in collectors for family in each.describe()}
        return [
            found
            for family in operator._metrics.registry.collect()
            for found in _served([family], tuple(labels[family.name]))
        ]

    return asyncio.run(asked())


def of_watcher() -> list[Served]:
    """Return the metrics of the watcher of listings."""

    async def asked() -> list[Served]:
        order = Order("http://a", "ws://a", "http://a", NatsSettings(("nats://a",)), None, None, DEFAULT_SHARE)
        watcher = Watcher(order, clock=Clock(), timers=Timers(), rhythm=SPOT.rhythm)
        families = WatcherMetrics(watcher, lambda look: look()).collect()
        return [each for family in families for each in _served([family], tuple(family.samples[0].labels))]

    return asyncio.run(asked())


def _served(families: Iterable[Metric], labels: tuple[str, ...]) -> Iterator[Served]:
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield Served(name, family.type, labels, family.documentation)


def table(metrics: Iterable[Served]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield "| Metric | Type | Meaning |"
    yield "| --- | --- | --- |"
    for each in metrics:
        labels = f"{{{','.join(each.labels)}}}" if each.labels else ""
        yield f"| `{each.name}{labels}` | {each.kind} | {each.text} |"
