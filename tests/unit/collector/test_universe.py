"""Which instruments are wanted, and what is said of the others."""

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal
from metdc_collector.universe import (
    STAY,
    Chosen,
    Krw,
    Selection,
    changed,
    counted,
    krw_coins,
    krw_shrunk,
    merged,
    nothing_to_collect,
    renewed,
    select,
    share,
    shrunk,
)
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND

BTC_USDC = Instrument(exchange="binance", market="spot", name="BTCUSDC", base="BTC", quote="USDC")
PEPE = Instrument(exchange="binance", market="spot", name="1000PEPEUSDT", base="PEPE", quote="USDT", unit_factor="1000")
HALTED = Instrument(exchange="binance", market="spot", name="LUNAUSDT", base="LUNA", quote="USDT", status="halted")
ALL = (BTC, ETH, BTC_USDC, PEPE, HALTED)
UNKNOWN = "no such instrument in the venue's list"


def chosen(*refused: Refusal, of: tuple[Instrument, ...] = ALL, krw: Collection[str] = (), **selection: Any) -> Chosen:
    listing = Listing({instrument.name: instrument for instrument in of}, refused)
    return select(listing, Selection(**({"quotes": ("USDT",)} | selection)), krw=krw)


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


# -- shards

MANY = tuple(replace(BTC, name=f"C{number}USDT", base=f"C{number}") for number in range(300))


@given(st.integers(1, 8), st.integers(0, 300))
def test_each_instrument_falls_to_one_shard_and_stays_in_the_lists_order(shards: int, count: int) -> None:
    whole = chosen(of=MANY[:count])
    parts = [list(share(whole, shard, shards).wanted) for shard in range(shards)]
    assert sorted(itertools.chain(*parts)) == sorted(whole.wanted)
    assert all(part == [name for name in whole.wanted if name in part] for part in parts)


@given(st.integers(1, 7))
def test_a_further_shard_takes_from_the_others_and_moves_nothing_between_them(shards: int) -> None:
    whole = chosen(of=MANY)
    for shard in range(shards):
        assert share(whole, shard, shards + 1).wanted.keys() <= share(whole, shard, shards).wanted.keys()


def test_the_shards_are_about_equal() -> None:
    assert all(80 < len(share(chosen(of=MANY), shard, 3).wanted) < 120 for shard in range(3))


def test_who_has_what_is_the_same_in_every_process_and_version() -> None:
    parts = [list(share(chosen(), shard, 3).wanted) for shard in range(3)]
    assert parts == [[], ["1000PEPEUSDT"], ["BTCUSDT", "ETHUSDT"]]


def test_what_another_shard_has_is_told_and_a_refusal_by_one_of_them_alone() -> None:
    whole = chosen(Refusal("XUSDT", "no tick"), include=["BTC", "NOPE"])
    parts = [share(whole, shard, 3) for shard in range(3)]
    assert sorted(one.name for part in parts for one in part.refused) == ["NOPE", "XUSDT"]
    (mine,) = [shard for shard, part in enumerate(parts) if part.wanted]
    for shard, part in enumerate(parts):
        assert (Refusal("BTCUSDT", f"shard {mine} of 3 collects it") in part.left) is (shard != mine)


def test_a_shard_to_which_nothing_falls_says_who_has_it_and_the_remedy() -> None:
    (empty, *_) = [part for shard in range(3) if not (part := share(chosen(include=["BTC"]), shard, 3)).wanted]
    words = nothing_to_collect(empty)
    assert words.startswith("spec.symbols selects no instrument (BTCUSDT: shard ")
    assert words.endswith("or have fewer shards")


# -- Upbit's KRW market

NOT_IN_KRW = "not listed in KRW on Upbit (upbitKRW: Include)"
IN_KRW = "listed in KRW on Upbit (upbitKRW: Exclude)"
KRW_BTC = Instrument(exchange="upbit", market="spot", name="KRW-BTC", base="BTC", quote="KRW")


def test_only_coins_of_the_krw_market_are_included() -> None:
    choice = chosen(upbit_krw="Include", krw=["BTC"])
    assert list(choice.wanted) == ["BTCUSDT"]
    assert Refusal("ETHUSDT", NOT_IN_KRW) in choice.left


def test_no_coin_of_the_krw_market_is_left_where_they_are_excluded() -> None:
    choice = chosen(upbit_krw="Exclude", krw=["BTC"])
    assert list(choice.wanted) == ["ETHUSDT", "1000PEPEUSDT"]
    assert Refusal("BTCUSDT", IN_KRW) in choice.left


@pytest.mark.parametrize(("word", "collected"), [("Ignore", True), ("Exclude", True), ("Include", False)])
def test_a_coin_that_is_about_to_be_listed_is_collected_unless_only_listed_ones_are(word: str, collected: bool) -> None:
    assert ("ETHUSDT" in chosen(upbit_krw=word, krw=["BTC"]).wanted) is collected


def test_a_coin_is_known_in_the_krw_market_by_its_common_name() -> None:
    assert list(chosen(upbit_krw="Include", krw=["PEPE"]).wanted) == ["1000PEPEUSDT"]


@pytest.mark.parametrize("name", ["ETHUSDT", "ETH-USDT", "ETH"])
@pytest.mark.parametrize(("word", "krw", "why"), [("Include", ["BTC"], NOT_IN_KRW), ("Exclude", ["ETH"], IN_KRW)])
def test_what_is_included_by_name_and_filtered_out_is_refused_by_name(
    name: str, word: str, krw: list[str], why: str
) -> None:
    choice = chosen(include=["PEPE" if word == "Exclude" else "BTC", name], upbit_krw=word, krw=krw)
    assert choice.refused == (Refusal("ETHUSDT", why),)
    assert len(choice.wanted) == 1


words = st.lists(st.sampled_from(["BTC", "ETH", "PEPE", "LUNA", "ELSE"]))


@given(words, st.lists(st.sampled_from(["USDT", "USDC"]), min_size=1), st.lists(names), st.lists(names))
def test_include_and_exclude_part_what_would_be_wanted_without_a_filter(
    krw: list[str], quotes: list[str], include: list[str], exclude: list[str]
) -> None:
    asked: dict[str, Any] = {"quotes": quotes, "include": include, "exclude": exclude}
    whole, inside, outside = (chosen(**asked, krw=krw, upbit_krw=word) for word in ("Ignore", "Include", "Exclude"))
    assert inside.wanted.keys() | outside.wanted.keys() == whole.wanted.keys()
    assert {one.base for one in inside.wanted.values()} <= set(krw)
    assert {one.base for one in outside.wanted.values()}.isdisjoint(krw)


def test_the_coins_of_a_list_are_those_with_a_pair_in_krw() -> None:
    others = replace(KRW_BTC, name="BTC-ETH", base="ETH", quote="BTC")
    assert krw_coins(Listing({one.name: one for one in (KRW_BTC, others)})) == {"BTC"}
    with pytest.raises(InvalidListing, match="holds no pair in KRW"):
        krw_coins(Listing({others.name: others}))


def test_a_krw_market_that_lost_more_than_a_fifth_has_shrunk() -> None:
    before = Krw(MOMENT, frozenset(map(str, range(10))))
    assert krw_shrunk(before, before.coins - {"0", "1"}) is None
    assert krw_shrunk(before, before.coins - {"0", "1", "2"}) == "the KRW market has shrunk from 10 coins to 7"


def market(at: int, *coins: str, **until: int) -> Krw:
    return Krw(MOMENT + at, frozenset(coins), {coin: MOMENT + end for coin, end in until.items()})


def test_the_coins_of_a_first_list_have_not_entered() -> None:
    assert renewed(None, frozenset({"BTC"}), MOMENT) == market(0, "BTC")


def test_a_coin_that_enters_has_24_hours() -> None:
    later = renewed(market(0, "BTC"), frozenset({"BTC", "ETH"}), MOMENT + 60 * SECOND)
    assert later == market(60 * SECOND, "BTC", "ETH", ETH=60 * SECOND + STAY)


def test_a_stay_ends_with_its_time_and_with_the_coin_s_leaving() -> None:
    before = market(0, "BTC", "ETH", "SOL", BTC=5, ETH=6, SOL=7)
    assert renewed(before, frozenset({"BTC", "ETH"}), MOMENT + 5) == market(5, "BTC", "ETH", ETH=6)


def test_what_is_new_since_a_list_older_than_a_stay_may_have_entered_long_ago() -> None:
    assert renewed(market(0, "BTC"), frozenset({"ETH"}), MOMENT + STAY - 1).until == {"ETH": MOMENT + 2 * STAY - 1}
    assert renewed(market(0, "BTC"), frozenset({"ETH"}), MOMENT + STAY).until == {}


def test_two_processes_know_the_newer_list_and_the_earlier_end_of_each_stay() -> None:
    one = market(0, "BTC", "ETH", ETH=STAY)
    two = market(60, "BTC", "ETH", "SOL", ETH=STAY + 60, SOL=STAY + 60)
    assert merged(one, two) == merged(two, one) == market(60, "BTC", "ETH", "SOL", ETH=STAY, SOL=STAY + 60)
    assert merged(one, None) == merged(None, one) == one
    assert merged(None, None) is None


def test_a_process_that_learns_late_of_an_older_list_gives_the_newcomer_its_stay() -> None:
    assert merged(market(60, "BTC", "ETH"), market(0, "BTC")) == market(60, "BTC", "ETH", ETH=60 + STAY)


coins = st.frozensets(st.sampled_from("ABCDEF"), min_size=1)
lists = st.lists(st.tuples(coins, st.integers(1, 2 * STAY)), min_size=1, max_size=8)


def told(given: list[tuple[frozenset[str], int]]) -> list[Krw]:
    """The market after each of these lists, so many ns after the one before."""
    known: list[Krw] = []
    at = MOMENT
    for listed, pause in given:
        at += pause
        known.append(renewed(known[-1] if known else None, listed, at))
    return known


@given(lists)
def test_whatever_comes_and_goes_an_excluded_coin_counts_at_once_or_after_its_stay(
    given_lists: list[tuple[frozenset[str], int]],
) -> None:
    for before, after in itertools.pairwise(told(given_lists)):
        counts = counted(after, "Exclude", frozenset(), after.at)
        assert counts <= after.coins
        assert counted(after, "Exclude", frozenset(), after.at + STAY) == after.coins
        if after.at - before.at < STAY:
            assert counts.isdisjoint(after.coins - before.coins)
        assert counts >= counted(before, "Exclude", frozenset(), after.at) & after.coins


@given(lists)
def test_whatever_comes_and_goes_an_included_coin_that_was_seen_stays(
    given_lists: list[tuple[frozenset[str], int]],
) -> None:
    seen: frozenset[str] = frozenset()
    for krw in told(given_lists):
        counts = counted(krw, "Include", seen, krw.at)
        assert counts == seen | krw.coins
        seen |= krw.coins


@given(lists, lists)
def test_what_two_processes_know_together_does_not_depend_on_who_asks(
    one: list[tuple[frozenset[str], int]], other: list[tuple[frozenset[str], int]]
) -> None:
    mine, kept = told(one)[-1], told(other)[-1]
    assume(mine.at != kept.at)
    both = merged(mine, kept)
    assert both == merged(kept, mine)
    assert both is not None
    assert both.coins == max(mine, kept, key=lambda krw: krw.at).coins
    assert both.until.keys() <= both.coins
