"""Seventy connections in one process are as good as one: all stream, they cost little, and a rotation loses nothing."""

from typing import Any

import pytest

from tests.harness import NatsServer, http, python
from tests.integration.rig import BINANCE_SPOT, CEILING, Collector, collector, configuration, held, settled, simulator

pytestmark = pytest.mark.timeout(90)
MIB = 2**20
SYMBOLS = 6
"""Instruments of a connection."""
_NARROW = python("tests.narrow", str(SYMBOLS))
_RATE = 500
_HURRY = 4
"""By what waits are divided: for a predecessor above all, whose trades may still be under way for ten seconds."""
# With one connection it takes as much: most of it is for reading the list, once.
_MOST = 80 * MIB


def test_seventy_connections_in_one_process_stream_and_are_replaced_without_loss(nats: NatsServer) -> None:
    market = BINANCE_SPOT
    with simulator(symbols=None, by=_HURRY, only=("binance.spot",)) as exchange:

        def config(pod: str) -> dict[str, Any]:
            return configuration(exchange, market, nats.url, pod=pod, symbols={}) | {"limitShare": "1/2"}

        def until_streaming(running: Collector) -> int:
            running.until_ready()
            report = running.report()
            assert report["symbols"]["streaming"] == report["symbols"]["wanted"] > 70 * (SYMBOLS - 1)
            assert {state for state, count in report["connections"].items() if count} == {"active"}
            return int(report["connections"]["active"])

        with collector(config("old"), by=_HURRY, command=_NARROW) as old:
            connections = until_streaming(old)
            exchange.rate(market, _RATE)
            exchange.sent(market, _RATE)
            with collector(config("new"), by=_HURRY, command=_NARROW) as new:
                assert until_streaming(new) == connections >= 70
                assert exchange.connections() == (2 * connections, 2 * connections)
                new.until(lambda report: report["trades"]["received"] > _RATE, "trades come")
                old.stop()
                exchange.sent(market, exchange.state(market)["sent"] + _RATE)
                verdict = settled(exchange, nats.url, new)
                assert exchange.connections() == (2 * connections, connections)
                assert new.resident() < _MOST
                new.stop()
        assert http(f"{exchange.control}/state", timeout=CEILING)["violations"] == {}
        assert exchange.unheard(market) == 0, "for a time nobody listened"
    held(verdict, market, least=3 * _RATE)
