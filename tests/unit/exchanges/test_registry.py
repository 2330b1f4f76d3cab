"""The table of markets."""

import subprocess
import sys

import pytest

from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.history import Span
from metdc_collector.exchanges.registry import MARKETS, UnknownMarketError, venue
from metdc_collector.wire.instrument import Instrument

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


@pytest.mark.parametrize(("exchange", "market"), EVERY)
def test_past_trades_are_asked_for_by_an_escaped_name(exchange: str, market: str) -> None:
    coin = Instrument(exchange=exchange, market=market, name="币&USDT", base="币", quote="USDT")
    for source in venue(exchange, market).sources:
        request = source.request(Span(coin, None, None, 0, 1))
        assert request is not None
        assert "=%E5%B8%81%26USDT" in request.path


@pytest.mark.parametrize(("exchange", "market"), EVERY)
def test_the_newest_trades_come_first_among_the_sources_and_without_a_key(exchange: str, market: str) -> None:
    newest = venue(exchange, market).sources[0]
    assert (newest.depth, newest.aggregates, newest.keyed) == (None, False, False)
