"""Which trades the analysis takes."""

from decimal import Decimal

import pytest

from metdc_collector.captures.ticks import Market, series
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

SOMI = Instrument("binance", "spot", "SOMIUSDT", "SOMI", "USDT")
MARKET = Market("binance", "spot", "SOMI-USDT", "SOMIUSDT")
PLAIN = Trade(SOMI, "1", "1", "0.5", "2", "sell", 1_000, received=1_050)


def test_a_trade_is_taken_exactly() -> None:
    (tick,) = series([PLAIN])[MARKET].ticks
    assert (tick.id, tick.time, tick.received) == ("1", 1_000, 1_050)
    assert (tick.price, tick.quantity, tick.buy, tick.live) == (Decimal("0.5"), Decimal(2), False, True)


def test_what_was_back_filled_is_not_live() -> None:
    assert [tick.live for tick in series([PLAIN._replace(backfilled=True)])[MARKET].ticks] == [False]


@pytest.mark.parametrize("kind", [None, "rpi", "elp"])
def test_trades_with_the_market_are_taken(kind: str | None) -> None:
    found = series([PLAIN._replace(kind=kind)])[MARKET]
    assert (len(found.ticks), found.left_out) == (1, {})


@pytest.mark.parametrize("kind", ["insurance", "adl", "internal", "block", "a word of tomorrow"])
def test_other_kinds_are_left_out_and_counted(kind: str) -> None:
    found = series([PLAIN._replace(kind=kind), PLAIN, PLAIN._replace(kind=kind)])[MARKET]
    assert (len(found.ticks), found.left_out) == (1, {kind: 2})


def test_a_trade_without_price_or_quantity_is_left_out() -> None:
    odd = [PLAIN._replace(price="0"), PLAIN._replace(quantity=None, contracts="1")]
    assert series(odd)[MARKET].left_out == {"unpriced": 2}


def test_each_instrument_has_its_own_series() -> None:
    other = Instrument("binance", "spot", "SOMIUSDC", "SOMI", "USDC")
    found = series([PLAIN, PLAIN._replace(instrument=other), PLAIN])
    assert {market.key: len(one.ticks) for market, one in found.items()} == {
        "binance.spot.SOMI-USDT": 2,
        "binance.spot.SOMI-USDC": 1,
    }
