"""Which trades the analysis takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.captures.ticks import Market, series
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Trade

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


JOINED = PLAIN._replace(id="agg:7", seq="7", quantity="10.1", aggregate=Aggregate("11", "13"))


def fill(number: int, **other: str) -> Trade:
    return PLAIN._replace(id=str(number), seq=str(number), **other)  # type: ignore[arg-type] # texts alone


def test_an_aggregate_alone_is_a_trade() -> None:
    (tick,) = series([JOINED, fill(10), fill(14)])[MARKET].ticks[:1]
    assert (tick.id, tick.quantity) == ("agg:7", Decimal("10.1"))


def test_an_aggregate_counts_with_what_fills_beside_it_do_not_tell_whatever_their_order() -> None:
    found = series([fill(11), JOINED, fill(13, quantity="3")])[MARKET]
    assert [(tick.id, tick.quantity) for tick in found.ticks] == [
        ("11", Decimal(2)),
        ("agg:7", Decimal("5.1")),
        ("13", Decimal(3)),
    ]
    assert found.left_out == {}


def test_an_aggregate_all_of_whose_fills_are_there_is_left_out() -> None:
    found = series([fill(11), fill(12, quantity="4.1"), JOINED, fill(13, quantity="4")])[MARKET]
    assert [tick.id for tick in found.ticks] == ["11", "12", "13"]
    assert found.left_out == {"joined": 1}


@pytest.mark.parametrize("other", [{"kind": "adl"}, {"side": "buy"}, {"price": "0.6"}])
def test_trades_within_its_range_that_it_cannot_join_take_nothing_of_it(other: dict[str, str]) -> None:
    found = series([fill(12, **other), JOINED])[MARKET]
    assert found.ticks[-1].quantity == Decimal("10.1")


def test_fills_of_another_instrument_or_without_a_quantity_take_nothing_of_it() -> None:
    other = Instrument("binance", "spot", "SOMIUSDC", "SOMI", "USDC")
    unsized = PLAIN._replace(id="12", quantity=None, contracts="1")
    found = series([JOINED, fill(12)._replace(instrument=other), unsized])
    assert found[MARKET].ticks[0].quantity == Decimal("10.1")


def test_an_aggregate_of_no_numbers_joins_nothing() -> None:
    found = series([fill(12)._replace(id="x"), JOINED._replace(aggregate=Aggregate("x", "y"))])
    assert found[MARKET].ticks[1].quantity == Decimal("10.1")


def test_an_aggregate_whose_range_ends_before_it_begins_joins_nothing() -> None:
    found = series([fill(12), JOINED._replace(aggregate=Aggregate("13", "11"))])
    assert found[MARKET].ticks[1].quantity == Decimal("10.1")


# Few numbers, so that most fills lie in a range: some come twice, and what is no number is there, too.
fills = st.builds(
    PLAIN._replace,
    id=st.one_of(st.integers(0, 9).map(str), st.just("x")),
    price=st.sampled_from(["0.5", "0.5", "0.6"]),
    quantity=st.sampled_from(["1", "0.3", None]),
    kind=st.sampled_from([None, "rpi", "adl"]),
)
edges = st.one_of(st.integers(0, 9).map(str), st.just("x"))
aggregates = st.builds(JOINED._replace, quantity=st.just("4"), aggregate=st.builds(Aggregate, edges, edges))


def left_of(trade: Trade, trades: list[Trade]) -> Decimal:
    """What a trade counts with, by its plain definition: of each number the last fill is looked at."""
    left = Decimal(trade.quantity or 0)
    if trade.aggregate is None or "x" in trade.aggregate:
        return left
    first, last = map(int, trade.aggregate)
    for one in {each.id: each for each in trades if each.aggregate is None and each.id != "x"}.values():
        joined = (one.side, one.price) == (trade.side, trade.price) and one.kind in {None, "rpi"}
        if first <= int(one.id) <= last and joined:
            left -= Decimal(one.quantity or 0)
    return left


@given(trades=st.lists(st.one_of(fills, aggregates), max_size=20))
def test_each_trade_counts_with_what_the_fills_in_its_range_do_not_tell(trades: list[Trade]) -> None:
    taken = [(each.id, left_of(each, trades)) for each in trades if each.kind != "adl" and each.quantity is not None]
    ticks = series(trades)[MARKET].ticks if trades else []
    assert [(tick.id, tick.quantity) for tick in ticks] == [pair for pair in taken if pair[1] > 0]


def test_an_aggregate_without_price_is_left_out_as_that() -> None:
    assert series([JOINED._replace(price="0")])[MARKET].left_out == {"unpriced": 1}
