"""Sockets that die in every way come back, with their subscriptions, and nothing is stored twice."""

from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    COINS,
    PHEMEX_SPOT,
    Collector,
    Market,
    Simulator,
    collector,
    configuration,
    held,
    settled,
    simulator,
    streaming,
    until_quiet,
)

pytestmark = pytest.mark.timeout(90)
_HURRY = 40
"""What a cooldown of three minutes is divided by."""
BOTH = pytest.mark.parametrize("market", [BINANCE_SPOT, PHEMEX_SPOT], ids=lambda market: market.key)


def flows_again(running: Collector, exchange: Simulator, market: Market) -> None:
    """Wait until it is ready with every instrument, and trades arrive."""
    running.until(lambda report: report["ready"] and report["symbols"]["streaming"] == len(COINS), "all streams again")
    assert exchange.state(market)["subscriptions"] == len(COINS)
    received = running.report()["trades"]["received"]
    exchange.order("/resume")
    running.until(lambda report: report["trades"]["received"] > received + 200, "trades flow again")


def is_away(report: dict[str, Any]) -> bool:
    """Whether a report tells that the one connection is lost."""
    lost = report["connections"]["reconnecting"] == 1 and report["connections"]["active"] == 0
    return lost and not report["ready"] and report["symbols"]["streaming"] == 0


@BOTH
def test_a_connection_that_is_reset_comes_back(exchange: Simulator, nats: NatsServer, market: Market) -> None:
    with streaming(exchange, market, nats.url) as running:
        exchange.rate(market, 500)
        exchange.sent(market, 500)
        exchange.order("/pause")  # a reset destroys what is on its way: that would be a hole, not this test's matter
        until_quiet(running)
        exchange.fault("refuse_connect", market, status=503, seconds=600)
        exchange.fault("reset", market)
        away = running.until(is_away, "it says that it reconnects")
        exchange.clear()
        flows_again(running, exchange, market)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    assert away["score"] == 0
    assert len(running.lines("reconnecting: ")) == 1, "a state is logged once, not each attempt"
    assert len(running.lines(": active")) == 2
    held(verdict, market, least=700)


@BOTH
def test_a_connection_that_the_venue_closes_comes_back(exchange: Simulator, nats: NatsServer, market: Market) -> None:
    with streaming(exchange, market, nats.url) as running:
        exchange.rate(market, 500)
        exchange.sent(market, 500)
        exchange.fault("refuse_connect", market, status=503, seconds=600)
        exchange.fault("close_code", market, code=1001, reason="going away")
        running.until(is_away, "it says that it reconnects")
        exchange.clear()
        flows_again(running, exchange, market)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    assert len(running.lines("reconnecting: closed by the venue: 1001 going away")) == 1
    held(verdict, market, least=700)


@BOTH
def test_a_connection_that_is_half_open_is_found_and_replaced(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with streaming(exchange, market, nats.url) as running:
        exchange.rate(market, 500)
        exchange.sent(market, 500)
        exchange.fault("half_open", market)
        running.logged("reconnecting: no sign of life for", 20)
        flows_again(running, exchange, market)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, market, least=700)


@pytest.mark.parametrize("market", [BINANCE_SPOT, BINANCE_FUTURES], ids=lambda market: market.key)
def test_an_announced_end_loses_nothing_while_trades_flow(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with streaming(exchange, market, nats.url) as running:
        exchange.rate(market, 1000)
        exchange.sent(market, 1000)
        exchange.fault("planned_end", market, lead=20.0)
        seen: list[dict[str, Any]] = []

        def replaced() -> bool:
            seen.append(running.report())
            return exchange.connections() == (2, 1)

        eventually(replaced, 20, "a second connection, and the first one gone")
        exchange.sent(market, exchange.state(market)["sent"] + 500)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    assert all(report["ready"] and report["connections"]["active"] == 1 for report in seen)
    assert not running.lines("reconnecting")
    assert exchange.unheard(market) == 0, "for a time nobody listened"
    held(verdict, market, least=1500)


def test_three_refusals_in_a_row_earn_a_cooldown_and_then_it_streams_again(nats: NatsServer) -> None:
    with (
        simulator(by=_HURRY) as exchange,
        collector(configuration(exchange, BINANCE_SPOT, nats.url), by=_HURRY) as running,
    ):
        running.until_ready()
        exchange.fault("refuse_connect", BINANCE_SPOT, status=429, retry_after=1, count=3)
        exchange.fault("close_code", BINANCE_SPOT, code=1001)
        cooling = running.until(lambda report: report["connections"]["cooldown"] == 1, "it cools down")
        assert not cooling["ready"]
        assert running.lines("cooldown: ")
        running.until(lambda report: report["ready"], "it streams again")
        exchange.trade(BINANCE_SPOT, 5)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, BINANCE_SPOT, least=5)
