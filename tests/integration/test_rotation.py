"""A rotation under lag: the old collector's publishes come late while the new one joins, in order all the same."""

from collections.abc import Iterator

import pytest

from tests.harness import NatsServer
from tests.integration.lagging import lag
from tests.integration.rig import (
    BINANCE_SPOT,
    DIVISOR,
    MARKETS,
    PHEMEX_SPOT,
    Market,
    Simulator,
    collector,
    configuration,
    delays,
    held,
    settled,
    simulator,
)

pytestmark = pytest.mark.timeout(180)


BYBIT_FUTURES = Market("bybit", "futures", "BTCUSDT")


@pytest.fixture(scope="module")
def bybit() -> Iterator[Simulator]:
    with simulator(only=("bybit",)) as running:
        yield running


@pytest.mark.parametrize(
    ("market", "seconds"),
    [*((market, 0.05) for market in MARKETS), (BINANCE_SPOT, 0.4), (PHEMEX_SPOT, 0.4)],
    ids=lambda value: getattr(value, "key", value),
)
def test_a_collector_that_joins_does_not_overtake_one_that_lags(
    exchange: Simulator, nats: NatsServer, market: Market, seconds: float
) -> None:
    assert_not_overtaken(exchange, nats, market, seconds)


def test_where_ids_do_not_count_a_collector_does_not_overtake_one_that_lags_by_more_than_a_second(
    bybit: Simulator, nats: NatsServer
) -> None:
    # Divided by 20, what is held would wait for half a second only, and acknowledgements be given up after as long.
    assert_not_overtaken(bybit, nats, BYBIT_FUTURES, 1.5, by=2)


def assert_not_overtaken(
    exchange: Simulator, nats: NatsServer, market: Market, seconds: float, *, by: float = DIVISOR
) -> None:
    """Let a collector join another whose publishes come ``seconds`` late, and judge the order of what is stored."""
    exchange.rate(market, 800)
    with lag(nats.port, seconds) as way, collector(configuration(exchange, market, way.url, pod="old"), by=by) as old:
        old.until_ready()
        exchange.sent(market, 400)
        with collector(configuration(exchange, market, nats.url, pod="new"), by=by) as new:
            new.until_ready()
            joined = exchange.state(market)["sent"]
            new.until(lambda report: report["trades"]["stored"] > 400, "its trades are stored")
            lagging = old.until(lambda report: report["trades"]["duplicates"] > 400, "the old one's come too late")
            old.stop()
            exchange.sent(market, joined + 1200)
            verdict = settled(exchange, nats.url, new)
            new.stop()
    held(verdict, market, least=1200)
    assert lagging["trades"]["stored"] > 0
    assert min(delays(nats.url)[:50]) > seconds - 0.01, "the way to the server was not slow at all"
