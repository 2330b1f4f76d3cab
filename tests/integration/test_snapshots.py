"""What a venue sends again when a client subscribes is compared with what is stored."""

import time
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import PHEMEX_SPOT, Simulator, held, judged, messages, streaming

pytestmark = pytest.mark.timeout(90)
_WINDOW = 2
_RESTARTS = 10
QUIET: dict[str, Any] = {"stream": {"duplicateWindow": f"{_WINDOW}s"}, "symbols": {"include": ["BTC"]}}
"""One symbol, and a server that forgets message ids so soon that it can't recognise any."""


def test_ten_restarts_against_a_quiet_symbol_add_nothing(exchange: Simulator, nats: NatsServer) -> None:
    market = PHEMEX_SPOT
    with streaming(exchange, market, nats.url, **QUIET) as first:
        exchange.trade(market, 30)
        exchange.sent(market, 30)
        first.until(lambda report: report["trades"]["stored"] >= 50, "twenty of the snapshot, thirty live")
        first.stop()
    before = messages(nats.url)
    eventually(lambda: time.time_ns() > before[-1].at + _WINDOW * 10**9, 10, "the server has forgotten the ids")
    for number in range(_RESTARTS):
        with streaming(exchange, market, nats.url, pod=f"restart-{number}", **QUIET) as again:
            report = again.until(
                lambda report: report["trades"]["received"] >= 50 and report["backlog"]["trades"] == 0,
                "the snapshot is dealt with",
            )
            again.stop()
        assert report["trades"]["stored"] == 0
        assert report["trades"]["duplicates"] == 0, "the server was asked, and could not have known"
    assert len(messages(nats.url)) == len(before)
    held(judged(exchange, nats.url), market, least=30)


def test_what_was_traded_between_two_collectors_comes_from_the_snapshot(exchange: Simulator, nats: NatsServer) -> None:
    with streaming(exchange, PHEMEX_SPOT, nats.url, **QUIET) as first:
        exchange.trade(PHEMEX_SPOT, 10)
        exchange.sent(PHEMEX_SPOT, 10)
        first.until(lambda report: report["trades"]["stored"] >= 30, "twenty of the snapshot, ten live")
        first.stop()
    before = messages(nats.url)
    eventually(lambda: time.time_ns() > before[-1].at + _WINDOW * 10**9, 10, "the server has forgotten the ids")
    exchange.trade(PHEMEX_SPOT, 7)
    eventually(lambda: exchange.state(PHEMEX_SPOT)["serial"] >= 37, 10, "they are traded")
    with streaming(exchange, PHEMEX_SPOT, nats.url, pod="second", **QUIET) as second:
        second.until(lambda report: report["trades"]["stored"] == 7, "the seven are stored")
        second.stop()
    assert len(messages(nats.url)) == len(before) + 7
    held(judged(exchange, nats.url), PHEMEX_SPOT, least=10)
