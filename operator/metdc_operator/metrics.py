"""The operator's own metrics; names are ``metdc_operator_…``, seconds are seconds."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 5, 10)


class Metrics:
    """Everything that ``/metrics`` serves."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"metdc_operator_{name}", text, labels, registry=registry)

        self.reconciles = counter(
            "reconcile", "Looks at a resource, by how they ended: done, refused (by the API server), failed.", "result"
        )
        self.duration = Histogram(
            "metdc_operator_reconcile_duration_seconds",
            "How long a look at a resource took.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.actions = counter(
            "actions", "Objects written: apply, adjust (without its template), delete.", "kind", "action"
        )
        self.turns = counter(
            "rotations_begun", "Replacements begun, by why: edit, drain, upgrade, schedule.", "urgency"
        )
        self.status_writes = counter("status_writes", "Writes of a status.")
        self.reports = counter("report_reads", "Reads of pods' reports, by how they ended: read, failed.", "result")
        self.api_errors = counter("api_errors", "Looks that the API server cut short: refused, or left unanswered.")
        self.repairs = counter("watch_repairs", "Changes of which a watch had not told.", "kind")
        self.lag = Gauge("metdc_operator_loop_lag_seconds", "How late the event loop last turned.", registry=registry)
        self._ages = Gauge(
            "metdc_operator_watch_age_seconds",
            "Since when a watch has told nothing and was not found to be true.",
            ["kind"],
            registry=registry,
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Serve a value that is asked for when the metrics are read."""
        Gauge(f"metdc_operator_{name}", text, registry=self.registry).set_function(read)

    def watch_age(self, kind: str, read: Callable[[], float]) -> None:
        """Serve the age of what a watch last told or was last found to be true."""
        self._ages.labels(kind).set_function(read)

    def render(self) -> bytes:
        """Return the text of ``/metrics``."""
        return generate_latest(self.registry)
