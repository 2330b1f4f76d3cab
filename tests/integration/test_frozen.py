"""A process that stood still finds trades in its socket that others have stored long ago."""

import signal
import time
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import BINANCE_SPOT, PHEMEX_SPOT, Market, Simulator, held, judged, settled, streaming

pytestmark = pytest.mark.timeout(120)
WINDOW = 1
FROZEN = 2.5
"""Seconds; longer than the server remembers message ids, shorter than the exchange waits for a sign of life."""
FORGETFUL: dict[str, Any] = {"stream": {"duplicateWindow": f"{WINDOW}s"}}


@pytest.mark.parametrize("market", [BINANCE_SPOT, PHEMEX_SPOT], ids=lambda market: market.key)
def test_a_collector_that_was_frozen_stores_nothing_twice_and_nothing_out_of_order(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    exchange.rate(market, 200)
    with (
        streaming(exchange, market, nats.url, pod="frozen", **FORGETFUL) as frozen,
        streaming(exchange, market, nats.url, pod="awake", **FORGETFUL) as awake,
    ):
        stored = awake.report()["trades"]["received"]
        frozen.process.signal(signal.SIGSTOP)
        thawing = time.monotonic() + FROZEN
        awake.until(lambda report: report["trades"]["received"] >= stored + 200 * WINDOW, "the other goes on")
        eventually(lambda: time.monotonic() >= thawing, 10, "the server has forgotten the ids")
        frozen.process.signal(signal.SIGCONT)
        received = frozen.report()["trades"]["received"]
        frozen.until(lambda report: report["trades"]["received"] >= received + 200, "it reads again")
        exchange.rate(market, 0)
        settled(exchange, nats.url, frozen, awake)
        frozen.stop()
        awake.stop()
    held(judged(exchange, nats.url), market, least=200)
