"""What the watcher says of itself: ``/livez``, ``/readyz`` and ``/metrics``."""

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from metdc_collector.health import FromLoop, Pages, from_loop, probes
from metdc_collector.listings.polling import Figures
from metdc_collector.listings.watcher import Watcher

_COUNTERS: tuple[tuple[str, str, Callable[[Figures], int]], ...] = (
    ("asked", "Requests for a list, or frames of the socket.", lambda figures: figures.asked),
    ("failed", "Requests without a usable reply, or connections that ended.", lambda figures: figures.failed),
    ("malformed", "Replies, rows or frames that could not be read.", lambda figures: figures.malformed),
)


class WatcherMetrics(Collector):
    """Metrics ``metdc_listings_…``; those of a source are labelled by its name, none by a coin."""

    def __init__(self, watcher: Watcher, ask: FromLoop) -> None:
        self._watcher = watcher
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """Yield each figure as of now."""
        yield from self._ask(self._collect)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: nobody is asked before the first scrape."""
        return iter(())

    def _collect(self) -> list[Metric]:
        watcher, teller, orders = self._watcher, self._watcher.teller, self._watcher.captures
        metrics: list[Metric] = []
        for name, text, value in _COUNTERS:
            counter = CounterMetricFamily(f"metdc_listings_{name}", text, labels=("source",))
            for source, figures in watcher.figures.items():
                counter.add_metric((source,), value(figures))
            metrics.append(counter)
        answered = GaugeMetricFamily(
            "metdc_listings_answered_timestamp_seconds", "When a source last gave a usable answer.", labels=("source",)
        )
        for source, figures in watcher.figures.items():
            answered.add_metric((source,), (figures.answered or 0) / 1e9)
        return [
            *metrics,
            answered,
            CounterMetricFamily("metdc_listings_published", "Events that were stored anew.", teller.published),
            CounterMetricFamily("metdc_listings_repeated", "Events that were stored already.", teller.repeated),
            CounterMetricFamily(
                "metdc_listings_not_understood", "Notices for a person to read.", watcher.not_understood
            ),
            GaugeMetricFamily("metdc_listings_untold", "Events that wait to be stored.", teller.untold),
            CounterMetricFamily("metdc_listings_captures_ordered", "Captures ordered.", orders.made if orders else 0),
            GaugeMetricFamily(
                "metdc_listings_captures_waiting", "Captures not ordered yet.", orders.waiting if orders else 0
            ),
            GaugeMetricFamily("metdc_listings_nats_connected", "1 while NATS is connected.", teller.link.connected),
            GaugeMetricFamily("metdc_listings_ready", "1 when ready.", not watcher.waiting()),
        ]


def pages(watcher: Watcher, loop: asyncio.AbstractEventLoop) -> Pages:
    """Return the watcher's pages; what they show is fetched from its event loop."""
    ask = from_loop(loop)
    return probes(watcher.turning, lambda: ask(watcher.waiting), WatcherMetrics(watcher, ask))
