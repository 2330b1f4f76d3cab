"""All markets at once, universes of real size: each trade once, in order, exact."""

import contextlib

import pytest

from tests.harness import NatsServer
from tests.integration.rig import MARKETS, collector, configuration, held, settled, simulator

pytestmark = pytest.mark.timeout(120)
_RATE = 3000
_SECONDS = 10


def test_3000_trades_a_second_in_four_markets_are_stored_once_and_in_order(nats: NatsServer) -> None:
    with simulator(symbols=None, history=100) as exchange, contextlib.ExitStack() as stack:
        collectors = [
            stack.enter_context(collector(configuration(exchange, market, nats.url, symbols={}))) for market in MARKETS
        ]
        for running in collectors:
            running.until_ready()
        exchange.order("/mark")
        exchange.order("/rate", total=_RATE)
        for market in MARKETS:
            exchange.sent(market, 1000)
        while sum(exchange.state(market)["sent"] for market in MARKETS) < _RATE * _SECONDS:
            assert all(running.get("/livez")[0] == 200 for running in collectors)
        verdict = settled(exchange, nats.url, *collectors)
        refused = [entry for running in collectors for entry in running.report()["symbols"]["refused"]]
        for running in collectors:
            running.stop()
    held(verdict, *MARKETS, least=1000)
    sent = sum(tally.sent for tally in verdict.tallies.values())
    assert sent >= 0.99 * _RATE * _SECONDS, "but for Binance's ids without a trade"
    assert refused == []
