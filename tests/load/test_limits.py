"""Every market with its whole universe at one address, each within an eighth of every limit: no venue is provoked."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.harness import NatsServer, http
from tests.integration.rig import (
    CEILING,
    Collector,
    Market,
    Simulator,
    collector,
    configuration,
    simulator,
)

pytestmark = pytest.mark.timeout(300)
# An eighth of KuCoin's connects is three a minute, and its spot market needs four connections.
_READY = 120.0
_RATE = 100
_MARKETS = (
    *(
        Market(exchange, name, "")
        for exchange in ("binance", "bybit", "okx", "kucoin", "gate", "phemex")
        for name in ("spot", "futures")
    ),
    Market("upbit", "spot", ""),
)
_PORTS = (
    *("binance.spot", "binance.futures", "bybit", "okx"),
    *("kucoin.spot", "kucoin.futures", "gate", "phemex", "upbit"),
)


def whole(simulated: Simulator, market: Market, nats: str, pod: str) -> dict[str, Any]:
    """A collector of all that its market lists in its main quote, with the installation's share of the limits."""
    return configuration(simulated, market, nats, pod=pod, symbols={}) | {"limitShare": "1/8"}


def until_all(running: Sequence[Collector], look: Callable[[dict[str, Any]], bool], what: str) -> None:
    """Wait until the reports of all of them are as wanted."""
    end = time.monotonic() + _READY
    for one in running:
        one.until(look, what, timeout=max(1.0, end - time.monotonic()))


def test_whole_universes_that_start_and_are_replaced_all_at_once_break_no_limit(nats: NatsServer) -> None:
    with simulator(symbols=None, by=1, only=_PORTS) as exchange, contextlib.ExitStack() as stack:
        exchange.order("/rate", total=_RATE)

        def started(pod: str) -> list[Collector]:
            made = [whole(exchange, market, nats.url, pod) for market in _MARKETS]
            return [stack.enter_context(collector(config, by=1)) for config in made]

        old = started("old")
        until_all(old, lambda report: report["symbols"]["streaming"] > 0, "it has begun to stream")
        new = started("new")
        until_all([*old, *new], lambda report: bool(report["ready"]), "ready")
        for one in old:
            one.stop()
        for one in new:
            one.until(lambda report: report["trades"]["received"] > 0, "trades come")
            report = one.report()
            assert report["ready"], report["waiting"]
            assert report["symbols"]["streaming"] == report["symbols"]["wanted"] > 0
            one.stop()
        assert http(f"{exchange.control}/state", timeout=CEILING)["violations"] == {}
