"""Probes, report and metrics, over real HTTP."""

import contextlib
import http.client
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metdc_collector.health import Server, Turning, report_pages
from metdc_collector.wire import report as reports
from metdc_collector.wire.report import Backlog, Connections, Frames, Nats, Refused, Report, Symbols, Trades
from tests.unit.collector.made import MOMENT, HandClock

REPORT = Report(
    namespace="default",
    collector="binance",
    exchange="binance",
    market="spot",
    shard=2,
    shards=3,
    pod="binance-spot-2-x",
    uid="1",
    slot="2026-11-23T10:00:00Z",
    started=MOMENT,
    at=MOMENT,
    ready=True,
    nats=Nats(connected=True, stream_in_sync=True, stream_bytes=7000, stream_max_bytes=8000),
    connections=Connections(active=4, reconnecting=3, cooldown=2, failed=1),
    symbols=Symbols(wanted=9, streaming=8, refused=(Refused("BADUSDT", "no such instrument"),)),
    trades=Trades(received=70, stored=60, duplicates=50, late=40, expired=30),
    frames=Frames(malformed=20, out_of_scope=10),
    backlog=Backlog(trades=5, bytes=600),
    last_trade=MOMENT,
    score=0.75,
)


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.kind = response.headers["Content-Type"]
        self.body = response.read()


@dataclass
class Probes:
    """A server of probes, its report, and the clock by which the loop is seen to turn."""

    server: Server
    turning: Turning
    clock: HandClock

    def get(self, path: str) -> Reply:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)) as connection:
            connection.request("GET", path)
            return Reply(connection.getresponse())


@contextlib.contextmanager
def serving(ask: Callable[[], Report]) -> Iterator[Probes]:
    clock = HandClock()
    turning = Turning(monotonic=lambda: clock.seconds)
    server = Server(report_pages(ask, turning), host="127.0.0.1", port=0)
    try:
        yield Probes(server, turning, clock)
    finally:
        server.close()


def get(path: str, report: Report = REPORT) -> Reply:
    with serving(lambda: report) as probes:
        return probes.get(path)


def silent() -> Report:
    raise TimeoutError


def test_it_lives_while_the_loop_turns() -> None:
    with serving(silent) as probes:
        probes.clock.time += 29 * 10**9
        first = probes.get("/livez")
        probes.turning.mark()
        probes.clock.time += 29 * 10**9
        assert (first.status, probes.get("/livez").status) == (200, 200)


def test_it_lives_no_more_when_the_loop_stands_still() -> None:
    with serving(lambda: REPORT) as probes:
        probes.clock.time += 30 * 10**9
        reply = probes.get("/livez")
    assert (reply.status, reply.body) == (503, b"the event loop stands still\n")


def test_by_default_the_loop_is_timed_by_the_monotonic_clock() -> None:
    assert Turning().alive


def test_it_is_ready_when_the_report_says_so() -> None:
    reply = get("/readyz")
    assert (reply.status, reply.body) == (200, b"ok\n")


def test_readiness_names_what_it_waits_for() -> None:
    reply = get("/readyz", replace(REPORT, ready=False, waiting=("NATS to acknowledge", "each subscription")))
    assert (reply.status, reply.body) == (503, b"waiting for: NATS to acknowledge; each subscription\n")


def test_the_report_comes_as_json_that_is_a_report() -> None:
    reply = get("/report")
    assert (reply.status, reply.kind) == (200, "application/json")
    assert reports.decode(reply.body) == REPORT


def test_a_question_after_the_path_changes_nothing() -> None:
    assert get("/livez?verbose=1").status == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics/", "/../livez"])
def test_an_unknown_path_is_told_which_there_are(path: str) -> None:
    reply = get(path)
    assert (reply.status, reply.body) == (404, b"there are /livez /readyz /report /metrics\n")


@pytest.mark.parametrize("path", ["/readyz", "/report", "/metrics"])
def test_what_needs_the_loop_fails_while_it_does_not_answer(path: str) -> None:
    with serving(silent) as probes:
        reply = probes.get(path)
    assert (reply.status, reply.body) == (503, b"the event loop does not answer\n")


def metrics(report: Report = REPORT) -> dict[str, tuple[str, dict[str, str], float]]:
    """Type, labels and value by the sample's name, as prometheus reads them."""
    families = text_string_to_metric_families(get("/metrics", report).body.decode())
    return {sample.name: (family.type, sample.labels, sample.value) for family in families for sample in family.samples}


def test_metrics_are_labelled_by_exchange_market_and_shard_alone() -> None:
    labels = [labels for _, labels, _ in metrics().values()]
    assert labels == [{"exchange": "binance", "market": "spot", "shard": "2"}] * len(labels)


def test_counters_and_gauges_hold_what_the_report_says() -> None:
    found = {name: value for name, (_, _, value) in metrics().items()}
    assert found == {
        "metdc_trades_received_total": 70,
        "metdc_trades_stored_total": 60,
        "metdc_trades_duplicate_total": 50,
        "metdc_trades_late_total": 40,
        "metdc_trades_expired_total": 30,
        "metdc_gaps_open": 0,
        "metdc_gaps_filled_total": 0,
        "metdc_gaps_unfillable_total": 0,
        "metdc_sampled_trades_total": 0,
        "metdc_sampled_missing_trades_total": 0,
        "metdc_frames_malformed_total": 20,
        "metdc_rows_out_of_scope_total": 10,
        "metdc_health_score": 0.75,
        "metdc_ready": 1,
        "metdc_nats_connected": 1,
        "metdc_stream_in_sync": 1,
        "metdc_stream_bytes": 7000,
        "metdc_stream_max_bytes": 8000,
        "metdc_connections_active": 4,
        "metdc_connections_reconnecting": 3,
        "metdc_connections_cooldown": 2,
        "metdc_connections_failed": 1,
        "metdc_symbols_wanted": 9,
        "metdc_symbols_streaming": 8,
        "metdc_symbols_refused": 1,
        "metdc_backlog_trades": 5,
        "metdc_backlog_bytes": 600,
        "metdc_last_trade_timestamp_seconds": MOMENT / 1e9,
    }


def test_what_only_rises_is_a_counter() -> None:
    kinds = {(name.endswith("_total"), kind) for name, (kind, _, _) in metrics().items()}
    assert kinds == {(True, "counter"), (False, "gauge")}


def test_what_is_not_known_yet_is_nothing() -> None:
    found = metrics(replace(REPORT, nats=Nats(), last_trade=None))
    assert found["metdc_stream_in_sync"][2] == 0
    assert found["metdc_stream_bytes"][2] == found["metdc_stream_max_bytes"][2] == 0
    assert found["metdc_last_trade_timestamp_seconds"][2] == 0


def test_a_port_that_is_taken_cannot_be_had_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Server({}, host="127.0.0.1", port=taken.getsockname()[1])


def test_a_fault_in_the_report_is_logged_and_the_next_probe_answered(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Report:
        raise ValueError("it broke")

    with serving(broken) as probes:
        with pytest.raises(http.client.BadStatusLine):
            probes.get("/report")
        assert probes.get("/livez").status == 200
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_probe_that_gave_up_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    asked, gone = threading.Event(), threading.Event()

    def slow() -> Report:
        asked.set()
        gone.wait(10)
        raise ConnectionResetError

    with serving(slow) as probes:
        with socket.create_connection(("127.0.0.1", probes.server.port), timeout=10) as probe:
            probe.sendall(b"GET /report HTTP/1.1\r\nHost: a\r\n\r\n")
            assert asked.wait(10)
        gone.set()
        assert probes.get("/livez").status == 200
    assert caplog.records == []
