"""A collector that is told to stop delivers what it has received, and says goodbye."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import NatsServer
from tests.integration.rig import BINANCE_FUTURES, BINANCE_SPOT, Simulator, held, judged, messages, streaming

pytestmark = pytest.mark.timeout(90)


def up_to(ledger: Path, identity: str, instrument: str) -> Path:
    """Return a ledger that ends with the trade of that id: what the venue sent later was received by nobody."""
    kept: list[str] = []
    with ledger.open() as lines:
        for line in lines:
            kept.append(line)
            record = json.loads(line)
            if record["type"] == "trade" and (record["id"], record["instrument"]) == (identity, instrument):
                break
        else:
            raise AssertionError(f"{identity} of {instrument} is not in the ledger")
    part = ledger.with_name("part.jsonl")
    part.write_text("".join(kept))
    return part


@pytest.mark.parametrize(
    ("number", "count"), [(signal.SIGTERM, 15_000), (signal.SIGINT, 5000)], ids=["SIGTERM", "SIGINT"]
)
def test_every_trade_received_before_a_stop_at_5000_a_second_is_stored(
    exchange: Simulator, nats: NatsServer, number: signal.Signals, count: int
) -> None:
    with streaming(exchange, BINANCE_SPOT, nats.url) as running:
        exchange.rate(BINANCE_SPOT, 5000)
        exchange.sent(BINANCE_SPOT, count)
        before = running.report()["trades"]
        began = time.monotonic()
        running.process.signal(number)
        assert running.process.wait(10) == 0
        took = time.monotonic() - began
        exchange.order("/pause")
        exchange.order("/mark")
    stored = messages(nats.url)
    assert before["received"] <= len(stored), "the last report counted more than the stream has"
    assert running.lines("stopped: every accepted trade is acknowledged")
    assert took < 10
    # One connection carries the whole market in the venue's order: the last trade stored is the last one received.
    last = json.loads(stored[-1].data)
    received = replace(exchange, ledger=up_to(exchange.ledger, last["id"], last["instrument"]))
    held(judged(received, nats.url), BINANCE_SPOT, least=count)


def test_what_a_joining_connection_still_holds_back_is_stored_when_it_is_stopped(
    exchange: Simulator, nats: NatsServer
) -> None:
    with streaming(exchange, BINANCE_FUTURES, nats.url) as running:
        exchange.trade(BINANCE_FUTURES, 3)
        running.until(lambda report: report["trades"]["received"] >= 3, "three trades received")
        running.stop()
    exchange.order("/mark")
    held(judged(exchange, nats.url), BINANCE_FUTURES, least=3)
