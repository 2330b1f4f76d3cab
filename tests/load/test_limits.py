"""Every market with its whole universe at one address, each within an eighth of every limit: no venue is provoked."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
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
# Thirteen processes start at once on two processors; Phemex's subscriptions then take eleven seconds, one a frame.
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
_ASKED = {
    ("binance", "spot"): "/api/v3/trades?symbol=BTCUSDT",
    ("binance", "futures"): "/fapi/v1/trades?symbol=BTCUSDT",
    ("bybit", "spot"): "/v5/market/recent-trade?category=spot&symbol=BTCUSDT",
    ("okx", "spot"): "/api/v5/market/trades?instId=BTC-USDT",
    ("kucoin", "spot"): "/api/v1/market/histories?symbol=BTC-USDT",
    ("kucoin", "futures"): "/api/v1/trade/history?symbol=XBTUSDTM",
    ("gate", "spot"): "/api/v4/spot/trades?currency_pair=BTC_USDT",
    ("phemex", "spot"): "/md/trade?symbol=sBTCUSDT",
    ("upbit", "spot"): "/v1/trades/ticks?market=KRW-BTC",
}
# Two requests a second are half of what Binance spot allows, 25 of 6,000 a minute each, and less elsewhere.
_EACH = 0.5


def whole(simulated: Simulator, market: Market, nats: str, pod: str) -> dict[str, Any]:
    """A collector of all that its market lists in its main quote, with the installation's share of the limits."""
    return configuration(simulated, market, nats, pod=pod, symbols={}) | {"limitShare": "1/8"}


@contextlib.contextmanager
def busy(simulated: Simulator) -> Iterator[None]:
    """Ask each venue's REST for trades all the time, from the collectors' address; none may be refused."""
    urls = [simulated.venues[exchange][market]["rest"] + path for (exchange, market), path in _ASKED.items()]
    end, refused = threading.Event(), list[str]()

    def ask() -> None:
        while not end.wait(_EACH):
            for url in urls:
                try:
                    http(url, timeout=CEILING)
                except OSError as error:
                    refused.append(str(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        end.set()
        asking.join()
    assert not refused


def until_all(running: Sequence[Collector], look: Callable[[dict[str, Any]], bool], what: str) -> None:
    """Wait until the reports of all of them are as wanted."""
    end = time.monotonic() + _READY
    for one in running:
        one.until(look, what, timeout=max(1.0, end - time.monotonic()))


def stop_all(running: Sequence[Collector]) -> None:
    """Stop them all at once; what they have received must be acknowledged."""
    for one in running:
        one.process.signal(signal.SIGTERM)
    for one in running:
        assert one.process.wait(CEILING) == 0, one.process.log


def test_whole_universes_that_start_and_are_replaced_all_at_once_break_no_limit(
    nats: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulator(symbols=None, by=1, only=_PORTS) as exchange, busy(exchange), contextlib.ExitStack() as stack:
        exchange.order("/rate", total=_RATE)

        def started(pod: str) -> list[Collector]:
            made = [whole(exchange, market, nats.url, pod) for market in _MARKETS]
            return [stack.enter_context(collector(config, by=1)) for config in made]

        old = started("old")
        until_all(old, lambda report: report["symbols"]["streaming"] > 0, "it has begun to stream")
        new = started("new")
        until_all([*old, *new], lambda report: bool(report["ready"]), "ready")
        stop_all(old)
        until_all(new, lambda report: report["trades"]["received"] > 0, "trades come")
        for report in [one.report() for one in new]:
            assert report["ready"], report["waiting"]
            assert report["symbols"]["streaming"] == report["symbols"]["wanted"] > 0
        stop_all(new)
        state = http(f"{exchange.control}/state", timeout=CEILING)
    with capsys.disabled():
        print(
            json.dumps({"processes": len(old) + len(new), "connections": state["connections_ever"]} | state["received"])
        )
    assert state["violations"] == {}
