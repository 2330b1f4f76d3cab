"""A new collector says by itself how it took over, and what proves of each instrument that nothing was lost."""

import json
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_SPOT,
    CEILING,
    COINS,
    PHEMEX_SPOT,
    Collector,
    Market,
    Simulator,
    held,
    settled,
    streaming,
)

pytestmark = pytest.mark.timeout(120)
KINDS = ("by_id", "by_rows", "by_subscription", "by_rest", "backfilled", "unfilled", "open")
EACH = pytest.mark.parametrize("market", [BINANCE_SPOT, PHEMEX_SPOT], ids=lambda market: market.key)


def final(running: Collector) -> dict[str, Any]:
    """Wait until the hand-over is told for good; return its record."""
    report = running.until(lambda report: (report["handover"] or {}).get("final"), "its hand-over is final", 60)
    record = dict(report["handover"])
    assert sum(record[kind] for kind in KINDS) == record["symbols"] == len(COINS)
    assert (record["unfilled"], record["lost"]) == (0, 0)
    assert record["predecessor"] == "old"
    return record


def began(exchange: Simulator, market: Market, old: Collector) -> None:
    before = old.report()["trades"]["stored"]  # Phemex shows each symbol's past
    exchange.trade(market, 50)
    old.until(lambda report: report["trades"]["stored"] >= before + 50, "its trades are stored")


def seen_by_both(old: Collector, new: Collector, count: int) -> None:
    """Wait until so many trades were published by both."""

    def seen() -> bool:
        return sum(int(each.report()["trades"]["duplicates"]) for each in (old, new)) >= count

    eventually(seen, CEILING, "both have published the same trades")


@EACH
def test_a_rotation_is_proven_by_trades_and_by_subscriptions(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with streaming(exchange, market, nats.url, pod="old") as old:
        began(exchange, market, old)
        assert old.report()["handover"] is None
        with streaming(exchange, market, nats.url, pod="new") as new:
            exchange.trade(market, 100)
            seen_by_both(old, new, 100)
            new.until(lambda report: report["handover"] and not report["handover"]["final"], "it is not final yet")
            old.stop()
            record = final(new)
            verdict = settled(exchange, nats.url, new)
            assert new.report()["handover"] == record
    held(verdict, market, least=150)
    assert record["farewell"]
    assert record["overlap"] == record["finished"] - record["started"] > 0
    # Nine of ten are quiet; Phemex sends of each what came before.
    proven = {BINANCE_SPOT: ("by_id", 1, 9), PHEMEX_SPOT: ("by_rows", 10, 0)}[market]
    assert (record[proven[0]], record["by_subscription"]) == proven[1:]
    assert record["duplicates"] >= 100
    assert len(json.dumps(record)) < 500


@EACH
def test_a_collector_that_dies_in_a_rotation_leaves_no_farewell_and_no_hole(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with streaming(exchange, market, nats.url, pod="old") as old:
        began(exchange, market, old)
        with streaming(exchange, market, nats.url, pod="new") as new:
            exchange.trade(market, 100)
            seen_by_both(old, new, 100)
            new.until(lambda report: report["handover"], "it knows whom it takes over from")
            old.process.kill()
            exchange.trade(market, 20)
            record = final(new)
            verdict = settled(exchange, nats.url, new)
    held(verdict, market, least=170)
    assert not record["farewell"]
    assert record["overlap"] == max(0, record["finished"] - record["started"])
    assert record["backfilled"] == 0


@EACH
def test_what_nobody_heard_after_a_death_is_back_filled_and_counted(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with streaming(exchange, market, nats.url, pod="old") as old:
        began(exchange, market, old)
        old.process.kill()
        exchange.trade(market, 30)
        with streaming(exchange, market, nats.url, pod="new") as new:
            exchange.trade(market, 20)
            record = final(new)
            verdict = settled(exchange, nats.url, new)
            report = new.report()
    held(verdict, market, least=70)
    assert not record["farewell"]
    assert record["overlap"] == 0
    assert record["backfilled"] == report["gaps"]["filled"]
    if market == BINANCE_SPOT:  # Phemex's snapshots can show all of it before REST is asked
        assert record["backfilled"] >= 1
    assert record["started"] > record["finished"]
