"""Which coins count as listed in Upbit's KRW market while its list changes, fails, or lies."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import pytest

from metdc_collector.catalogue import Catalogue, CatalogueFailed
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Venue
from metdc_collector.exchanges.upbit import SPOT
from metdc_collector.krw import KrwMarket, KrwUnknown, krw_market
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.settings import read
from metdc_collector.universe import STAY, Krw
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import MOMENT, SECOND, HandClock

HOUR = 3600 * SECOND
MINUTE = 60 * SECOND
TEN = tuple(f"C{number}" for number in range(10))
FAILED = RestError("https://api.upbit.com/v1/market/all: HTTP 500: error: oops")
Answer = tuple[str, ...] | RestError | InvalidListing


@dataclass
class Lists(Rest):
    """Upbit's lists, one after the other, the last one for ever."""

    answers: list[Answer]
    asked: int = 0

    async def listing(self, venue: Venue, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        assert venue is SPOT
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        made = (Instrument(exchange="upbit", market="spot", name=f"KRW-{c}", base=c, quote="KRW") for c in answer)
        return Listing({one.name: one for one in made})


@dataclass
class Shelf:
    """The bucket, shared by several processes."""

    kept: Krw | None = None
    fails: bool = False
    puts: int = 0

    async def load_krw(self) -> Krw | None:
        if self.fails:
            raise CatalogueFailed("no such bucket")
        return self.kept

    async def keep_krw(self, krw: Krw) -> None:
        if self.fails:
            raise CatalogueFailed("no such bucket")
        self.kept = krw
        self.puts += 1


@dataclass
class Rig:
    """One process's view; the clock may be shared with another one's."""

    answers: list[Answer]
    shelf: Shelf = field(default_factory=Shelf)
    hand: HandClock = field(default_factory=HandClock)
    usable: bool = True

    def __post_init__(self) -> None:
        self.lists = Lists(self.answers)
        self.market = KrwMarket(
            upbit=SPOT,
            rest=self.lists,
            catalogue=cast("Catalogue", self.shelf),
            clock=Clock(wall=lambda: MOMENT + self.hand.time, monotonic=self.hand),
            timers=Timers(),
            usable=lambda: self.usable,
        )

    async def after(self, span: int) -> None:
        """Refresh so many ns later."""
        self.hand.time += span
        await self.market.refresh()

    @property
    def included(self) -> set[str]:
        return set(self.market.counted("Include") or ())

    @property
    def excluded(self) -> set[str]:
        return set(self.market.counted("Exclude") or ())


async def test_before_the_first_list_nothing_is_known() -> None:
    made = Rig([("BTC",)])
    assert made.market.counted("Include") is None
    await made.after(0)
    assert made.included == made.excluded == {"BTC"}


async def test_a_coin_that_enters_counts_at_once_where_it_is_included_and_a_day_later_where_it_is_excluded() -> None:
    made = Rig([("BTC",), ("BTC", "ETH")])
    await made.after(0)
    await made.after(MINUTE)
    assert (made.included, made.excluded) == ({"BTC", "ETH"}, {"BTC"})
    await made.after(STAY - 1)
    assert made.excluded == {"BTC"}
    await made.after(1)
    assert made.excluded == {"BTC", "ETH"}


async def test_a_coin_that_leaves_stays_where_it_is_included_and_comes_where_it_is_excluded() -> None:
    made = Rig([TEN, TEN[1:]])
    await made.after(0)
    await made.after(MINUTE)
    assert (made.included, made.excluded) == (set(TEN), set(TEN[1:]))


async def test_a_stay_lasts_over_a_rotation_and_ends_when_it_began() -> None:
    shelf, hand = Shelf(), HandClock()
    old = Rig([("BTC",), ("BTC", "ETH")], shelf, hand)
    await old.after(0)
    await old.after(MINUTE)
    new = Rig([("BTC", "ETH")], shelf, hand)
    await new.after(MINUTE)
    assert new.excluded == {"BTC"}
    await new.after(STAY - MINUTE)
    assert new.excluded == {"BTC", "ETH"}


async def test_what_a_rotated_process_had_seen_is_not_what_the_next_one_has_seen() -> None:
    shelf = Shelf(Krw(MOMENT - MINUTE, frozenset(TEN)))
    new = Rig([TEN[1:]], shelf)
    await new.after(0)
    assert new.included == set(TEN[1:])


async def test_a_process_that_reaches_nats_late_learns_of_the_stays() -> None:
    made = Rig([("BTC", "ETH")], Shelf(Krw(MOMENT - MINUTE, frozenset({"BTC"}))), usable=False)
    await made.after(0)
    assert made.excluded == {"BTC", "ETH"}
    made.usable = True
    await made.after(MINUTE)
    assert made.excluded == {"BTC"}
    assert made.shelf.kept is not None
    assert made.shelf.kept.until == {"ETH": MOMENT + STAY}


# -- lists that cannot be had


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (FAILED, "https://api.upbit.com/v1/market/all: HTTP 500: error: oops"),
        (InvalidListing("the instrument list is empty"), "the instrument list is empty"),
        ((), "the instrument list holds no pair in KRW"),
        (TEN[:7], "the KRW market has shrunk from 10 coins to 7: it is not believed for an hour"),
    ],
    ids=["fails", "empty", "none in KRW", "shrunk"],
)
async def test_a_bad_list_changes_nothing_and_is_told_once(
    caplog: pytest.LogCaptureFixture, bad: Answer, why: str
) -> None:
    made = Rig([TEN, bad])
    await made.after(0)
    for _ in range(3):
        await made.after(MINUTE)
    assert made.included == made.excluded == set(TEN)
    assert caplog.messages == [f"Upbit's KRW market: {why}; the list of 60 s ago holds"]


async def test_a_failure_that_comes_again_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    made = Rig([TEN, FAILED, TEN, FAILED])
    for _ in range(4):
        await made.after(MINUTE)
    assert len(caplog.messages) == 2


async def test_a_market_that_stays_small_for_an_hour_is_believed() -> None:
    made = Rig([TEN, TEN[:7]])
    await made.after(0)
    await made.after(HOUR - 1)
    assert made.excluded == set(TEN)
    await made.after(1)
    assert made.excluded == set(TEN[:7])


async def test_while_upbit_is_away_the_kept_list_serves(caplog: pytest.LogCaptureFixture) -> None:
    kept = Krw(MOMENT - HOUR, frozenset({"BTC", "ETH"}), {"ETH": MOMENT + HOUR})
    made = Rig([FAILED], Shelf(kept))
    await made.after(0)
    assert (made.included, made.excluded) == ({"BTC", "ETH"}, {"BTC"})
    assert caplog.messages == [
        "Upbit's KRW market: https://api.upbit.com/v1/market/all: HTTP 500: error: oops; the list of 3600 s ago holds"
    ]


async def test_without_any_list_nothing_can_be_decided_which_names_upbit() -> None:
    made = Rig([FAILED])
    with pytest.raises(KrwUnknown, match=r"Upbit's KRW market: .* without it upbitKRW decides nothing") as unknown:
        await made.after(0)
    assert unknown.value.wait == 0


async def test_a_refused_region_names_the_variable_that_helps() -> None:
    made = Rig([RestError("451: set spec.endpoints to a gateway elsewhere", region=True)])
    with pytest.raises(KrwUnknown, match="451: set METDC_UPBIT_REST to a gateway elsewhere") as unknown:
        await made.after(0)
    assert unknown.value.wait == 600


async def test_an_upbit_that_asks_to_wait_is_given_the_time() -> None:
    made = Rig([TEN, RestError("429", retry_after=150), TEN])
    await made.after(0)
    for asked in (2, 2, 2, 3):
        await made.after(MINUTE)
        assert made.lists.asked == asked


# -- what is kept


async def test_an_unchanged_list_is_kept_every_ten_minutes() -> None:
    made = Rig([TEN])
    for _ in range(25):
        await made.after(MINUTE)
    assert made.shelf.puts == 3


async def test_a_bucket_that_fails_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = Rig([TEN], Shelf(fails=True))
    await made.after(0)
    await made.after(MINUTE)
    assert made.included == set(TEN)
    assert caplog.messages == [
        "the list of Upbit's KRW market is not kept: no such bucket; the attempts go on",
    ]
    made.shelf.fails = False
    await made.after(MINUTE)
    assert made.shelf.puts == 1


# -- how it is made


def made_for(exchange: str, **symbols: Any) -> tuple[KrwMarket | None, Rest]:
    spec = {"exchange": exchange, "symbols": symbols, "nats": {"urls": ["nats://a"]}}
    config = PodConfig(
        namespace="n", name="a", uid="u", market="spot", slot="s", limit_share=Fraction(1, 8), spec=spec, pod="p"
    )
    settings = read(config, credentials=None, upbit_rest="http://gateway")
    own = Rest(settings.endpoints.rest, venue=SPOT, weight=Budget(SPOT.limits.rest_weight, monotonic=lambda: 0.0))
    clock, shelf = Clock(), cast("Catalogue", Shelf())
    return krw_market(settings, own, shelf, clock=clock, timers=Timers(), usable=lambda: True, tls=None), own


def test_without_a_filter_there_is_no_market() -> None:
    assert made_for("gate")[0] is None


def test_another_exchange_asks_upbit_within_its_share_and_upbit_takes_its_own_client() -> None:
    market, own = made_for("gate", upbitKRW="Include")
    assert market is not None
    assert market.rest is not own
    market, own = made_for("upbit", upbitKRW="Include")
    assert market is not None
    assert market.rest is own
