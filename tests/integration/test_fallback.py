"""Binance futures' raw trades are undocumented: where they are acknowledged and silent, aggregates take their place."""

import json

import pytest

from tests.harness import NatsServer
from tests.integration.rig import BINANCE_FUTURES, Simulator, collector, configuration, held, messages, settled

pytestmark = pytest.mark.timeout(60)


def test_a_feed_that_is_acknowledged_and_silent_is_visibly_replaced_by_aggregates(
    exchange: Simulator, nats: NatsServer
) -> None:
    exchange.fault("silent_ack", BINANCE_FUTURES, channel="trade", seconds=600)
    exchange.rate(BINANCE_FUTURES, 300)
    with collector(configuration(exchange, BINANCE_FUTURES, nats.url)) as running:
        before = running.until(lambda report: report["symbols"]["streaming"] == 10, "all is acknowledged")
        after = running.until(lambda report: report["trades"]["received"] > 300, "trades come, beside those of REST")
        running.logged("the feed trade acknowledges and sends nothing: using its fallback", 1)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    assert before["channel"] == "trade"
    assert after["channel"] == "aggTrade"
    held(verdict, BINANCE_FUTURES, least=300)
    stored = [json.loads(message.data) for message in messages(nats.url)]
    assert all(trade["id"] == f"agg:{trade['seq']}" and "aggregate" in trade for trade in stored)
