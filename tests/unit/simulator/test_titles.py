"""The stock of titles says of each what a reader finds who follows the reference's rules (9.5)."""

import re
from collections import Counter

import pytest

from tests.simulator.venues.upbit.titles import CATEGORIES, LISTINGS, MARKETS, OTHERS, Coin, Titled, english, title

POSITIVE = re.compile(r"신규\s*거래\s*지원|디지털\s*자산\s*추가|마켓\s*추가|Market Support for")
NEGATIVE = re.compile(r"거래\s*지원\s*종료|거래\s*유의|유의\s*종목")
SOFT = re.compile(r"입출금|유통량|일시\s*중단")
GROUP = re.compile(r"\(([^()]*)\)")
TICKERS = re.compile(r"[A-Z0-9]{1,15}(,\s*[A-Z0-9]{1,15})*")
LIST = re.compile(r"((?:KRW|BTC|USDT)(?:,\s*(?:KRW|BTC|USDT))*)\s*(?:마켓|Market)$")


def read(text: str) -> dict[str, tuple[str, ...]]:
    """What a title lists, by rules 1 to 4: a second reading beside that of the product."""
    outside = GROUP.sub(" ", text)
    if not POSITIVE.search(text) or NEGATIVE.search(text) or SOFT.search(outside):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[str] = []
    for group in GROUP.findall(text):
        if listed := LIST.fullmatch(group.strip()):
            found |= dict.fromkeys(waiting, tuple(re.split(r",\s*", listed[1])))
            waiting = []
        elif TICKERS.fullmatch(group):
            waiting += re.split(r",\s*", group)
    before = LIST.search(outside[: outside.find("마켓") + 2])
    if waiting and before:
        found |= dict.fromkeys(waiting, tuple(re.split(r",\s*", before[1])))
    return found


@pytest.mark.parametrize("of", [*LISTINGS, *OTHERS], ids=lambda of: of.title)
def test_a_title_lists_what_the_stock_says(of: Titled) -> None:
    assert read(of.title) == dict(of.lists)


def test_there_are_twelve_listings_and_no_title_twice() -> None:
    assert len(LISTINGS) == 12
    assert len({of.title for of in (*LISTINGS, *OTHERS)}) == len(LISTINGS) + len(OTHERS)
    assert sum("KRW" in markets for of in LISTINGS for markets in list(of.lists.values())[:1]) == 10


def test_there_are_more_than_thirty_others_of_all_categories_and_none_lists_in_won() -> None:
    assert len(OTHERS) > 30
    assert not [of.title for of in OTHERS for markets in of.lists.values() if "KRW" in markets]
    assert set(Counter(of.category for of in OTHERS)) == set(CATEGORIES)
    assert sum("KRW" in of.title and of.category == "trade" for of in OTHERS) > 10


@pytest.mark.parametrize("shape", [1, 2, 4, 5])
def test_a_made_title_lists_its_coins_in_each_shape(shape: int) -> None:
    coins = [Coin("1INCH", "1인치 네트워크", ("KRW", "USDT"), "1inch"), Coin("W", "웜홀", ("KRW", "USDT"), "Wormhole")]
    assert read(title(coins, shape)) == {"1INCH": ("KRW", "USDT"), "W": ("KRW", "USDT")}


def test_a_made_title_can_have_other_markets_for_each_coin() -> None:
    coins = [Coin("TIA", "셀레스티아", MARKETS, "Celestia"), Coin("IO", "아이오넷", ("BTC",), "io.net")]
    expected = {"TIA": MARKETS, "IO": ("BTC",)}
    assert read(title(coins, 3)) == read(english(coins)) == expected
