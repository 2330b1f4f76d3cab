"""What a collector says of itself, to probes, to its operator, and to whoever reads the bucket of reports."""

import json
import signal
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_SPOT,
    MARKETS,
    PHEMEX_FUTURES,
    Market,
    Simulator,
    collector,
    configuration,
    jetstream,
    streaming,
)

pytestmark = pytest.mark.timeout(60)


def reported(nats: NatsServer, key: str) -> dict[str, Any]:
    """Return the report that the bucket holds under a key."""

    async def get(js: Any) -> bytes:
        bucket = await js.key_value("metdc_health")
        return (await bucket.get(key)).value or b""

    return dict(json.loads(jetstream(nats.url, get)))


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.key)
def test_ready_means_that_every_subscription_is_acknowledged(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    exchange.fault("slow_ack", market, by=600, seconds=600)
    with collector(configuration(exchange, market, nats.url)) as running:
        eventually(lambda: exchange.connections() == (1, 1), 20, "it has connected")
        running.until(lambda report: report["nats"]["acknowledged"], "NATS has acknowledged a message")
        running.until(lambda report: len(report["waiting"]) == 1, "it has seen that there is no other pod")
        early = running.report()
        answer = running.get("/readyz")
        exchange.clear()
        exchange.fault("reset", market)
        running.until_ready()
        ready = running.report()
        running.stop()
    assert answer == (503, "waiting for: each subscription to be acknowledged\n")
    assert (early["ready"], early["symbols"]["streaming"], early["score"]) == (False, 0, 0)
    assert ready["symbols"]["streaming"] == ready["symbols"]["wanted"] == 10


def test_a_collector_lives_while_nats_and_the_exchange_are_both_away(exchange: Simulator, nats: NatsServer) -> None:
    with streaming(exchange, BINANCE_SPOT, nats.url) as running:
        nats.process.signal(signal.SIGSTOP)
        try:
            exchange.order("/shutdown")
            running.until(
                lambda report: report["connections"]["active"] == 0, "it has noticed that the exchange is away"
            )
            running.until(lambda report: not report["nats"]["connected"], "and that NATS is")
            for _ in range(5):
                assert running.get("/livez") == (200, "ok\n")
            assert running.get("/readyz")[0] == 503
            status, metrics = running.get("/metrics")
        finally:
            nats.process.signal(signal.SIGCONT)
        eventually(lambda: running.report()["nats"]["connected"], 20, "NATS is back")
        running.stop()
    assert status == 200
    assert 'metdc_nats_connected{exchange="binance",market="spot",shard="0"} 0.0' in metrics


def test_how_full_the_stream_is_is_told_anew_while_it_fills(exchange: Simulator, nats: NatsServer) -> None:
    with streaming(exchange, BINANCE_SPOT, nats.url) as running:
        before = running.report()["nats"]["stream_bytes"]
        exchange.trade(BINANCE_SPOT, 3)
        running.until(lambda report: report["nats"]["stream_bytes"] > before, "it has looked again")
        running.stop()


def test_reports_lie_in_the_bucket_under_the_pods_own_key_until_its_farewell(
    exchange: Simulator, nats: NatsServer
) -> None:
    key = "default.phemex.futures.0.pod-7"
    with streaming(exchange, PHEMEX_FUTURES, nats.url, pod="pod-7") as running:
        exchange.trade(PHEMEX_FUTURES, 3)
        running.until(lambda report: report["trades"]["received"] >= 3 and report["backlog"]["trades"] == 0, "stored")
        present = eventually(
            lambda: found if (found := reported(nats, key))["trades"]["received"] >= 3 else None, 20, "it is reported"
        )
        last = running.report()
        running.stop()
    farewell = reported(nats, key)
    assert present["state"] == "streaming"
    assert present["ready"] is True
    assert farewell["state"] == "stopped"
    assert farewell["ready"] is False
    assert farewell["backlog"]["trades"] == 0
    assert farewell["last_ids"] == last["last_ids"]
    assert farewell["last_ids"]["BTCUSDT"]
    assert farewell["trades"]["received"] == farewell["trades"]["stored"] + farewell["trades"]["duplicates"]


def test_a_page_that_does_not_exist_names_those_that_do(exchange: Simulator, nats: NatsServer) -> None:
    with streaming(exchange, BINANCE_SPOT, nats.url) as running:
        assert running.get("/health") == (404, "there are /livez /readyz /report /metrics\n")
        running.stop()
