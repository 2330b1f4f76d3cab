"""The table of markets."""

import subprocess
import sys

import pytest

from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.registry import MARKETS, UnknownMarketError, venue

EVERY = [(exchange, market) for exchange, markets in MARKETS.items() for market in markets]


@pytest.mark.parametrize(("exchange", "market"), EVERY)
def test_every_market_has_its_adapter(exchange: str, market: str) -> None:
    adapter = venue(exchange, market)
    assert (adapter.exchange, adapter.market) == (exchange, market)


def test_an_unknown_exchange_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownMarketError, match="unknown exchange 'mtgox'; there are: binance, bybit"):
        venue("mtgox", "spot")


def test_an_unknown_market_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownMarketError, match="unknown market 'options' of binance; there are: spot, futures"):
        venue("binance", "options")


def test_one_venue_does_not_load_another() -> None:
    code = (
        "import sys; from metdc_collector.exchanges.registry import venue; venue('binance', 'spot');"
        "sys.exit(any('phemex' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(("exchange", "market"), EVERY)
def test_a_connection_is_kept_and_judged_by_the_venues_own_timers(exchange: str, market: str) -> None:
    rhythm = venue(exchange, market).rhythm
    assert rhythm.silence > 2 * (rhythm.heartbeat or 20)


@pytest.mark.parametrize(("exchange", "market"), EVERY)
def test_addresses_end_without_a_slash(exchange: str, market: str) -> None:
    adapter: Venue = venue(exchange, market)
    assert adapter.endpoints.rest.startswith("https://")
    assert adapter.endpoints.web_socket.startswith("wss://" if adapter.handshake is None else "")
    assert not (adapter.endpoints.rest + adapter.endpoints.web_socket).endswith("/")
    assert adapter.listing_request().path.startswith("/")
