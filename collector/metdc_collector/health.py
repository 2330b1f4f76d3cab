"""What a pod says of itself: probes, report and metrics over HTTP."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from metdc_collector.wire.report import Report, encode

log = logging.getLogger(__name__)
T = TypeVar("T")
_ANSWER = 5.0
# The loop marks its turns once a second; a pod whose loop stands still for so long is restarted.
_STUCK = 30.0
# Seconds that the end of a process waits for the listener at most.
_POLL = 0.1
_TEXT = "text/plain"


class Turning:
    """Whether the event loop turns: it marks, the probe's thread looks."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._marked = monotonic()

    def mark(self) -> None:
        """The loop has turned."""
        self._marked = self._monotonic()

    @property
    def alive(self) -> bool:
        """Whether it has turned lately."""
        return self._monotonic() - self._marked < _STUCK


class FromLoop(Protocol):
    """Lets the event loop look at something, and returns what it saw."""

    def __call__(self, look: Callable[[], T], /) -> T:
        """Return what it saw.

        Raises:
            TimeoutError: when the loop does not answer.
        """


def from_loop(loop: asyncio.AbstractEventLoop) -> FromLoop:
    """Return what lets this loop look, for the probes' threads: what they show changes while the loop turns."""

    def ask(look: Callable[[], T], /) -> T:
        async def looked() -> T:
            return look()

        return asyncio.run_coroutine_threadsafe(looked(), loop).result(_ANSWER)

    return ask


Ask = Callable[[], Report]
"""Returns the report as of now; raises TimeoutError when the event loop does not answer."""
Page = tuple[int, str, bytes]
"""Status, content type and body of a reply."""
Pages = Mapping[str, Callable[[], Page]]
"""What makes the reply, by path; it may raise TimeoutError where the event loop does not answer."""


class Server:
    """Serves pages such as ``/livez``, ``/readyz`` and ``/metrics``, in a thread of its own.

    A thread answers also while the event loop is busy, which is when the answer matters.
    """

    def __init__(self, pages: Pages, *, host: str, port: int) -> None:
        """Listen; port 0 takes a free one, see :attr:`port`.

        Raises:
            OSError: when the address can't be had.
        """

        class Handler(_Handler):
            pass

        Handler.pages = pages
        self._server = _Listener((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def probes(turning: Turning, waiting: Callable[[], Sequence[str]], figures: Collector) -> dict[str, Callable[[], Page]]:
    """Return the pages that every process has: ``/livez``, ``/readyz`` and ``/metrics``.

    ``waiting`` names what readiness waits for, nothing where it is ready; ``figures`` are the metrics.
    """
    registry = CollectorRegistry()
    registry.register(figures)

    def live() -> Page:
        return (200, _TEXT, b"ok\n") if turning.alive else (503, _TEXT, b"the event loop stands still\n")

    def ready() -> Page:
        reasons = waiting()
        if not reasons:
            return 200, _TEXT, b"ok\n"
        return 503, _TEXT, ("waiting for: " + "; ".join(reasons) + "\n").encode()

    return {
        "/livez": live,
        "/readyz": ready,
        "/metrics": lambda: (200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry)),
    }


def report_pages(ask: Ask, turning: Turning) -> Pages:
    """Return a collector's pages: the probes, and its report."""

    def waiting() -> Sequence[str]:
        report = ask()
        return () if report.ready else report.waiting

    pages = probes(turning, waiting, ReportMetrics(ask))
    return {
        "/livez": pages["/livez"],
        "/readyz": pages["/readyz"],
        "/report": lambda: (200, "application/json", encode(ask())),
        "/metrics": pages["/metrics"],
    }


class _Listener(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Leave it to others to complain: a probe that gave up early is no fault of ours."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.error("a probe could not be answered", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    pages: Pages
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        try:
            status, kind, body = page() if page else (404, _TEXT, f"there are {' '.join(self.pages)}\n".encode())
        except TimeoutError:
            status, kind, body = 503, _TEXT, b"the event loop does not answer\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep probes out of the log."""


Figure = tuple[str, str, Callable[[Report], float]]

_COUNTERS: tuple[Figure, ...] = (
    ("trades_received", "Trades received from the exchange.", lambda report: report.trades.received),
    ("trades_stored", "Trades acknowledged as stored anew.", lambda report: report.trades.stored),
    (
        "trades_duplicate",
        "Trades that the stream held already; in an overlap, that is what should be.",
        lambda report: report.trades.duplicates,
    ),
    (
        "trades_late",
        "Trades stored after a newer one of their symbol, with the mark late.",
        lambda report: report.trades.late,
    ),
    ("trades_expired", "Rows of snapshots that are too old to be judged.", lambda report: report.trades.expired),
    ("frames_malformed", "Frames, or rows of frames, that were damaged.", lambda report: report.frames.malformed),
    ("gaps_filled", "Holes that were filled.", lambda report: report.gaps.filled or 0),
    (
        "gaps_unfillable",
        "Holes that nothing could fill, or only in part; since the start of the pod.",
        lambda report: report.gaps.unfillable or 0,
    ),
    ("sampled_trades", "Rows of REST that were compared with the stream.", lambda report: report.samples.checked),
    ("sampled_missing_trades", "Rows of these that the stream lacked.", lambda report: report.samples.missing),
    ("rows_out_of_scope", "Trade rows of instruments not asked for.", lambda report: report.frames.out_of_scope),
)
_GAUGES: tuple[Figure, ...] = (
    ("health_score", "Health score, 0 to 1.", lambda report: report.score),
    ("ready", "1 when ready.", lambda report: report.ready),
    ("nats_connected", "1 while NATS is connected.", lambda report: report.nats.connected),
    (
        "stream_in_sync",
        "1 while the stream is as specified; 0 also before it was looked at.",
        lambda report: bool(report.nats.stream_in_sync),
    ),
    (
        "stream_bytes",
        "Bytes in the stream when the pod last looked, which it does each minute.",
        lambda report: report.nats.stream_bytes or 0,
    ),
    (
        "stream_max_bytes",
        "Bytes that the stream may hold; 0 where that is not limited, and before the first look.",
        lambda report: report.nats.stream_max_bytes or 0,
    ),
    ("connections_active", "Connections that stream.", lambda report: report.connections.active),
    (
        "connections_reconnecting",
        "Connections that are being made, or made again.",
        lambda report: report.connections.reconnecting,
    ),
    ("connections_cooldown", "Connections that pause after refusals.", lambda report: report.connections.cooldown),
    ("connections_failed", "Connections refused for the region.", lambda report: report.connections.failed),
    ("symbols_wanted", "Instruments wanted.", lambda report: report.symbols.wanted),
    ("symbols_streaming", "Instruments that flow.", lambda report: report.symbols.streaming),
    ("symbols_refused", "Instruments that can't be had.", lambda report: len(report.symbols.refused)),
    ("backlog_trades", "Trades received and not acknowledged.", lambda report: report.backlog.trades),
    (
        "backlog_bytes",
        "Size in bytes of those past the gate; above 64 MiB they wait on disk.",
        lambda report: report.backlog.bytes,
    ),
    ("gaps_open", "Holes that are looked for over REST.", lambda report: report.gaps.open or 0),
    (
        "last_trade_timestamp_seconds",
        "The exchange's time of the trade that came last; 0 before the first.",
        lambda report: (report.last_trade or 0) / 1e9,
    ),
)


class ReportMetrics(Collector):
    """The report as Prometheus metrics ``metdc_…{exchange,market,shard}``; never a label per symbol."""

    def __init__(self, report: Ask) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """Yield each figure of the present report."""
        report = self._report()
        names, values = ("exchange", "market", "shard"), (report.exchange, report.market, str(report.shard))
        for name, text, value in _COUNTERS:
            counter = CounterMetricFamily(f"metdc_{name}", text, labels=names)
            counter.add_metric(values, value(report))
            yield counter
        for name, text, value in _GAUGES:
            gauge = GaugeMetricFamily(f"metdc_{name}", text, labels=names)
            gauge.add_metric(values, float(value(report)))
            yield gauge

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: the report isn't asked for before the first scrape."""
        return iter(())
