"""Each further venue from its socket to the stream, with noise on the line, over a replacement of the process."""

import pytest

from tests.harness import NatsServer
from tests.integration.rig import Market, collector, configuration, held, settled, simulator, streaming

pytestmark = pytest.mark.timeout(120)
_RATE = 200
_TRADES = 300


@pytest.mark.parametrize(
    ("market", "played"),
    [
        (Market("bybit", "spot", "BTCUSDT"), "bybit"),
        (Market("bybit", "futures", "BTCUSDT"), "bybit"),
        (Market("okx", "spot", "BTC-USDT"), "okx"),
        (Market("okx", "futures", "BTC-USDT-SWAP"), "okx"),
        (Market("kucoin", "spot", "BTC-USDT"), "kucoin.spot"),
        (Market("kucoin", "futures", "XBTUSDTM"), "kucoin.futures"),
        (Market("gate", "spot", "BTC_USDT"), "gate"),
        (Market("gate", "futures", "BTC_USDT"), "gate"),
        (Market("upbit", "spot", "KRW-BTC"), "upbit"),
    ],
    ids=lambda value: value.key if isinstance(value, Market) else "",
)
def test_trades_are_stored_once_and_exact_through_noise_and_a_replacement(
    nats: NatsServer, market: Market, played: str
) -> None:
    with (
        simulator(only=(played,)) as exchange,
        streaming(exchange, market, nats.url) as first,
    ):
        exchange.rate(market, _RATE)
        exchange.fault("duplicate_trades", market, seconds=60)
        exchange.fault("malformed", market, seconds=60, share=0.05, beside=True)
        exchange.sent(market, _TRADES)
        with collector(configuration(exchange, market, nats.url, pod="pod-b")) as second:
            second.until_ready()
            ever, _ = exchange.connections()
            exchange.trade(market, 20)
            first.stop()
            exchange.clear()
            exchange.sent(market, 2 * _TRADES)
            exchange.fault("reset", market)
            second.until(
                lambda report: exchange.connections()[0] > ever and report["ready"], "it has come back after a reset"
            )
            exchange.sent(market, 3 * _TRADES)
            verdict = settled(exchange, nats.url, second)
            report = second.report()
            second.stop()
    held(verdict, market, least=_TRADES)
    assert report["symbols"]["refused"] == []
