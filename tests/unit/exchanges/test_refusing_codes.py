"""Which close codes mean that a connection at once would be refused too, by venue."""

import pytest

from metdc_collector.exchanges import binance, bybit, gate, kucoin, okx, phemex, upbit
from metdc_collector.exchanges.base import Venue

ALL = (
    *(binance.SPOT, binance.FUTURES, bybit.SPOT, bybit.FUTURES, okx.SPOT, okx.FUTURES),
    *(kucoin.SPOT, kucoin.FUTURES, gate.SPOT, gate.FUTURES, phemex.SPOT, phemex.FUTURES, upbit.SPOT),
)


def named(venue: Venue) -> str:
    return f"{venue.exchange}.{venue.market}"


@pytest.mark.parametrize("venue", ALL, ids=named)
def test_a_broken_rule_refuses_on_each_venue(venue: Venue) -> None:
    assert 1008 in venue.limits.refusing


@pytest.mark.parametrize("venue", ALL, ids=named)
@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 4004, 4005, 4006])
def test_an_idle_cut_a_slow_reader_and_a_restart_refuse_on_none(venue: Venue, code: int) -> None:
    assert code not in venue.limits.refusing


@pytest.mark.parametrize("code", [1009, 4003, 4008, 4009])
@pytest.mark.parametrize("venue", [okx.SPOT, okx.FUTURES], ids=named)
def test_okx_closes_with_codes_of_its_own_for_a_frame_too_long_and_too_many_channels(venue: Venue, code: int) -> None:
    assert code in venue.limits.refusing
