"""Which instruments are wanted, and what is said of the others."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Listing, Refusal
from metdc_collector.universe import Chosen, Selection, changed, nothing_to_collect, select, shrunk
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH

BTC_USDC = Instrument(exchange="binance", market="spot", name="BTCUSDC", base="BTC", quote="USDC")
PEPE = Instrument(exchange="binance", market="spot", name="1000PEPEUSDT", base="PEPE", quote="USDT", unit_factor="1000")
HALTED = Instrument(exchange="binance", market="spot", name="LUNAUSDT", base="LUNA", quote="USDT", status="halted")
ALL = (BTC, ETH, BTC_USDC, PEPE, HALTED)
UNKNOWN = "no such instrument in the venue's list"


def chosen(*refused: Refusal, of: tuple[Instrument, ...] = ALL, **selection: Any) -> Chosen:
    listing = Listing({instrument.name: instrument for instrument in of}, refused)
    return select(listing, Selection(**({"quotes": ("USDT",)} | selection)))


def test_by_default_all_that_trade_in_usdt_are_wanted_in_the_order_of_the_list() -> None:
    assert list(chosen().wanted) == ["BTCUSDT", "ETHUSDT", "1000PEPEUSDT"]
    assert chosen().refused == ()
    assert chosen().left == (
        Refusal("BTCUSDC", "quote USDC is not wanted"),
        Refusal("LUNAUSDT", "not trading: halted"),
    )


def test_other_quotes_replace_the_usual_one() -> None:
    assert list(chosen(quotes=["USDC"]).wanted) == ["BTCUSDC"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("BTCUSDT", ["BTCUSDT"]),
        ("BTC-USDT", ["BTCUSDT"]),
        ("BTC", ["BTCUSDT"]),
        ("PEPE-USDT", ["1000PEPEUSDT"]),
        ("PEPE", ["1000PEPEUSDT"]),
    ],
)
def test_a_native_name_a_symbol_and_a_coin_include_an_instrument(name: str, wanted: list[str]) -> None:
    assert list(chosen(include=[name]).wanted) == wanted
    assert chosen(include=[name]).refused == ()


@pytest.mark.parametrize("name", ["BTCUSDC", "BTC-USDC"])
def test_a_name_of_its_own_includes_an_instrument_whatever_its_quote(name: str) -> None:
    assert list(chosen(include=[name]).wanted) == ["BTCUSDC"]


@pytest.mark.parametrize("name", ["BTCUSDT", "BTC-USDT", "BTC"])
def test_what_is_named_in_either_way_is_excluded(name: str) -> None:
    choice = chosen(exclude=[name])
    assert list(choice.wanted) == ["ETHUSDT", "1000PEPEUSDT"]
    assert Refusal("BTCUSDT", "excluded by name") in choice.left


def test_what_is_not_included_is_left() -> None:
    assert Refusal("ETHUSDT", "not included by name") in chosen(include=["BTC"]).left


def test_an_unknown_name_is_refused_by_name_and_the_rest_run() -> None:
    choice = chosen(include=["BTC", "NOPE-USDT", "NOPE-USDT"])
    assert choice.refused == (Refusal("NOPE-USDT", UNKNOWN),)
    assert list(choice.wanted) == ["BTCUSDT"]


@pytest.mark.parametrize("name", ["LUNAUSDT", "LUNA-USDT", "LUNA"])
def test_an_instrument_that_does_not_trade_is_refused_however_it_was_asked_for(name: str) -> None:
    choice = chosen(include=["BTC", name])
    assert choice.refused == (Refusal("LUNAUSDT", "not trading: halted"),)
    assert "LUNAUSDT" not in {refusal.name for refusal in choice.left}


def test_a_coin_that_trades_in_unwanted_quotes_alone_is_refused() -> None:
    assert chosen(include=["BTC"], of=(BTC_USDC,)).refused == (Refusal("BTCUSDC", "quote USDC is not wanted"),)


def test_a_coin_that_is_had_in_one_quote_is_not_refused_for_another() -> None:
    choice = chosen(include=["BTC"])
    assert choice.refused == ()
    assert Refusal("BTCUSDC", "quote USDC is not wanted") in choice.left


def test_what_is_included_and_excluded_is_refused() -> None:
    assert chosen(include=["BTC-USDT"], exclude=["BTCUSDT"]).refused == (Refusal("BTCUSDT", "excluded by name"),)


def test_a_damaged_row_is_refused_and_not_called_unknown() -> None:
    damaged = Refusal("BADUSDT", "price scale is no integer")
    assert chosen(damaged, include=["BADUSDT", "BTC"]).refused == (damaged,)


def test_of_an_empty_list_nothing_is_selected() -> None:
    assert chosen(of=()) == Chosen(wanted={}, refused=(), left=())


def test_a_selection_that_fits_nothing_says_why_of_each() -> None:
    choice = chosen(quotes=["EUR"])
    assert choice.wanted == {}
    assert [refusal.name for refusal in choice.left] == [instrument.name for instrument in ALL]


names = st.sampled_from([name for each in ALL for name in (each.name, each.symbol, each.base)] + ["NOPE"])
statuses = st.sampled_from(["trading", "pending", "halted", "delisted"])


@given(
    st.lists(statuses, min_size=5, max_size=5),
    st.lists(st.sampled_from(["USDT", "USDC", "EUR"]), min_size=1),
    st.lists(names),
    st.lists(names),
)
def test_each_instrument_is_wanted_refused_or_left_and_each_asked_name_is_answered(
    states: list[Any], quotes: list[str], include: list[str], exclude: list[str]
) -> None:
    listed = tuple(replace(instrument, status=state) for instrument, state in zip(ALL, states, strict=True))
    choice = chosen(of=listed, quotes=quotes, include=include, exclude=exclude)
    told = [*choice.wanted, *(refusal.name for refusal in (*choice.refused, *choice.left))]
    assert sorted(name for name in told if name != "NOPE") == sorted(instrument.name for instrument in listed)
    answered = {refusal.name for refusal in choice.refused} | choice.wanted.keys()
    for name in include:
        assert answered & ({name} | {each.name for each in listed if name in (each.name, each.symbol, each.base)})


# -- while it runs


def test_what_is_announced_is_wanted_where_the_venue_lets_it_be_subscribed_to_ahead() -> None:
    announced = replace(BTC, name="NEWUSDT", base="NEW", status="pending")
    listing = Listing({"NEWUSDT": announced, "LUNAUSDT": HALTED})
    assert list(select(listing, Selection(("USDT",)), ahead=True).wanted) == ["NEWUSDT"]
    assert select(listing, Selection(("USDT",))).left[0] == Refusal("NEWUSDT", "not trading: pending")


@pytest.mark.parametrize(
    ("had", "has", "told"),
    [(10, 8, None), (10, 7, "it has shrunk from 10 trading instruments to 7"), (0, 0, None), (3, 30, None)],
)
def test_a_list_that_lost_more_than_a_fifth_has_shrunk(had: int, has: int, told: str | None) -> None:
    assert shrunk([BTC] * had + [HALTED] * 50, [BTC] * has) == told


def test_what_is_new_or_differs_has_changed_and_what_has_vanished_is_delisted() -> None:
    before = {one.name: one for one in (BTC, ETH, PEPE, HALTED)}
    tick = replace(ETH, tick="0.1")
    now = {one.name: one for one in (BTC, tick, BTC_USDC)}
    names = ["LUNAUSDT", "BTCUSDC", "BTCUSDT", "ETHUSDT", "NEVERUSDT"]
    assert changed(before, now, names) == [BTC_USDC, tick, replace(HALTED, status="delisted")]


def test_what_was_delisted_before_is_not_told_again() -> None:
    gone = replace(HALTED, status="delisted")
    assert changed({"LUNAUSDT": gone}, {}, ["LUNAUSDT"]) == []
    assert changed({"LUNAUSDT": gone}, {"LUNAUSDT": gone}, ["LUNAUSDT"]) == []


def test_an_empty_choice_is_explained_by_examples_and_the_remedy() -> None:
    empty = chosen(quotes=["EUR"])
    assert nothing_to_collect(empty).startswith(
        "spec.symbols selects no instrument (BTCUSDT: quote USDT is not wanted; ETHUSDT: "
    )
    assert nothing_to_collect(chosen(include=["NOPE"])).startswith(
        "spec.symbols selects no instrument (NOPE: no such instrument in the venue's list)"
    )
    assert "the list is empty" in nothing_to_collect(chosen(of=()))
