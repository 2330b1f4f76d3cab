"""A rotation under lag: the old collector's publishes come late while the new one joins, in order all the same."""

import pytest

from tests.harness import NatsServer
from tests.integration.lagging import lag
from tests.integration.rig import (
    BINANCE_SPOT,
    MARKETS,
    PHEMEX_SPOT,
    Market,
    Simulator,
    delays,
    held,
    settled,
    streaming,
)

pytestmark = pytest.mark.timeout(90)


@pytest.mark.parametrize(
    ("market", "seconds"),
    [*((market, 0.05) for market in MARKETS), (BINANCE_SPOT, 0.4), (PHEMEX_SPOT, 0.4)],
    ids=lambda value: getattr(value, "key", value),
)
def test_a_collector_that_joins_does_not_overtake_one_that_lags(
    exchange: Simulator, nats: NatsServer, market: Market, seconds: float
) -> None:
    exchange.rate(market, 800)
    with lag(nats.port, seconds) as way, streaming(exchange, market, way.url, pod="old") as old:
        exchange.sent(market, 400)
        with streaming(exchange, market, nats.url, pod="new") as new:
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
