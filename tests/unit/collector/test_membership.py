"""Which instruments are streamed while a market's list changes, fails, or lies."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from metdc_collector import membership as module
from metdc_collector.catalogue import Catalogue, CatalogueFailed, Kept
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal, Venue
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.krw import KrwMarket, KrwUnknown
from metdc_collector.membership import Membership
from metdc_collector.rest import Rest, RestError
from metdc_collector.universe import Selection, UpbitKRW
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, HandClock

HOUR = 3600 * SECOND
NEW = replace(BTC, name="NEWUSDT", base="NEW")
COINS = [replace(BTC, name=f"C{number}USDT", base=f"C{number}") for number in range(10)]
FAILED = RestError("https://api.example.com/list: HTTP 500: error: oops")


def listed(*instruments: Instrument, refused: Iterable[Refusal] = ()) -> Listing:
    return Listing({one.name: one for one in instruments}, tuple(refused))


@dataclass
class Lists(Rest):
    """The venue's lists, one after the other, the last one for ever."""

    answers: list[Listing | RestError | InvalidListing]
    known: list[Mapping[str, Instrument]] = field(default_factory=list)

    async def listing(self, venue: Venue, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        answer = self.answers[min(len(self.known), len(self.answers) - 1)]
        self.known.append(known)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Kepts:
    """A bucket with one list, and the stream of records."""

    kept: Kept | CatalogueFailed | None = None
    told: list[Instrument] = field(default_factory=list)
    problem: CatalogueFailed | None = None

    async def load(self) -> Kept | None:
        if isinstance(self.kept, CatalogueFailed):
            raise self.kept
        return self.kept

    async def keep(self, kept: Kept) -> None:
        self.kept = kept

    async def announce(self, instruments: Iterable[Instrument]) -> None:
        if self.problem is not None:
            raise self.problem
        self.told += instruments


@dataclass
class Markets:
    """Upbit's KRW market at each refresh, the last one for ever; what was kept, when it is loaded."""

    answers: list[frozenset[str] | KrwUnknown]
    now: frozenset[str] | None = None
    kept: frozenset[str] | None = None

    async def load(self) -> None:
        self.now = self.kept

    async def refresh(self) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, KrwUnknown):
            raise answer
        self.now = answer

    def counted(self, upbit_krw: UpbitKRW) -> frozenset[str] | None:
        return self.now


class Rig:
    def __init__(self, *answers: Listing | RestError | InvalidListing, kept: Kepts | None = None) -> None:
        self.hand = HandClock()
        self.lists = Lists(list(answers))
        self.catalogue = kept or Kepts()
        self.usable = True
        self.pauses: list[float] = []
        self.taken: list[list[str]] = []
        self.members = Membership(
            venue=SPOT,
            selection=Selection(("USDT",)),
            rest=self.lists,
            catalogue=cast("Catalogue", self.catalogue),
            clock=Clock(wall=lambda: MOMENT, monotonic=self.hand),
            timers=Timers(),
            usable=lambda: self.usable,
        )

    def filtered(self, word: UpbitKRW, *answers: set[str] | KrwUnknown, kept: set[str] | None = None) -> None:
        """Choose by Upbit's KRW market."""
        markets = Markets([one if isinstance(one, KrwUnknown) else frozenset(one) for one in answers])
        markets.kept = None if kept is None else frozenset(kept)
        self.members.selection = Selection(("USDT",), upbit_krw=word)
        self.members.krw = cast("KrwMarket", markets)

    async def sleep(self, seconds: float) -> None:
        """Pass at once; after many pauses, never."""
        self.pauses.append(seconds)
        await self.hand.sleep(seconds)
        if len(self.pauses) > 400:
            await asyncio.get_running_loop().create_future()
        await _turn()

    async def chosen(self) -> list[str]:
        async with asyncio.timeout(10):
            return list((await self.members.choose()).wanted)

    @contextlib.asynccontextmanager
    async def refreshing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.members.refresh(lambda wanted: self.taken.append(list(wanted))))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def refreshed(self, rounds: int) -> list[list[str]]:
        """Read the list so many times; return what was handed over."""
        last = len(self.lists.known) + rounds
        async with self.refreshing(), asyncio.timeout(10):
            while len(self.lists.known) < last:
                await _turn()
            await _turn()
        return self.taken


_turn_once = asyncio.sleep


async def _turn() -> None:
    for _ in range(5):
        await _turn_once(0)


def rig(
    monkeypatch: pytest.MonkeyPatch, *answers: Listing | RestError | InvalidListing, kept: Kepts | None = None
) -> Rig:
    made = Rig(*answers, kept=kept)

    class Sleeping:
        sleep = staticmethod(made.sleep)

    monkeypatch.setattr(module, "asyncio", Sleeping)
    return made


# -- the first list


async def test_what_the_first_list_holds_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(BTC, ETH, refused=[Refusal("XUSDT", "damaged")]))
    assert await made.chosen() == ["BTCUSDT", "ETHUSDT"]
    assert (made.members.problem, made.members.listed_at) == (None, MOMENT)
    assert list(made.members.refused) == [Refusal("XUSDT", "damaged")]


async def test_a_list_that_fails_is_asked_for_again_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = rig(monkeypatch, FAILED, FAILED, InvalidListing("the instrument list is empty"), listed(BTC))
    assert await made.chosen() == ["BTCUSDT"]
    assert made.pauses == [10, 10, 10]
    assert caplog.messages == [
        "https://api.example.com/list: HTTP 500: error: oops; the attempts go on",
        "instrument list: the instrument list is empty; the attempts go on",
    ]


async def test_a_venue_that_asks_to_wait_is_given_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, RestError("429", retry_after=77), RestError("451", region=True), listed(BTC))
    await made.chosen()
    assert made.pauses == [77, 600]


async def test_a_selection_that_fits_nothing_is_a_problem_until_the_list_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = rig(monkeypatch, listed(replace(BTC, quote="EUR", name="BTCEUR")), listed(BTC))
    assert await made.chosen() == ["BTCUSDT"]
    assert made.pauses == [10]


# -- what was kept


async def test_names_that_were_published_are_known_to_whoever_reads_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kepts(Kept(MOMENT - HOUR, {"BTCUSDT": BTC}))
    made = rig(monkeypatch, listed(BTC, ETH), kept=kept)
    await made.chosen()
    assert made.lists.known == [{"BTCUSDT": BTC}]


async def test_while_rest_is_down_the_kept_list_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    made = rig(monkeypatch, FAILED, kept=Kepts(Kept(MOMENT - 7 * SECOND, {"BTCUSDT": BTC})))
    assert await made.chosen() == ["BTCUSDT"]
    assert made.members.listed_at == MOMENT - 7 * SECOND
    assert caplog.messages[-1] == "streaming by the instrument list of 7 s ago, until the venue gives another"


async def test_a_kept_list_that_fits_nothing_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    euros = replace(BTC, quote="EUR", name="BTCEUR")
    made = rig(monkeypatch, FAILED, listed(ETH), kept=Kepts(Kept(MOMENT - HOUR, {"BTCEUR": euros})))
    assert await made.chosen() == ["ETHUSDT"]


async def test_a_bucket_that_cannot_be_read_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(BTC), kept=Kepts(CatalogueFailed("no such bucket")))
    assert await made.chosen() == ["BTCUSDT"]


async def test_nats_is_waited_for_a_little_and_then_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(BTC), kept=Kepts(Kept(MOMENT, {"BTCUSDT": BTC})))
    made.usable = False
    assert await made.chosen() == ["BTCUSDT"]
    assert made.lists.known == [{}]
    assert 4.9 < sum(made.pauses) < 5.1


# -- while it runs


async def test_what_comes_and_goes_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(*COINS), listed(*COINS[1:], NEW))
    await made.chosen()
    assert (await made.refreshed(1))[0] == [*(coin.name for coin in COINS[1:]), "NEWUSDT"]
    assert made.pauses[-1] == 60


@pytest.mark.parametrize(
    "bad",
    [FAILED, InvalidListing("the instrument list is empty"), listed(*COINS[:7]), listed(replace(BTC, quote="EUR"))],
)
async def test_a_bad_list_changes_nothing_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, bad: Listing | RestError | InvalidListing
) -> None:
    made = rig(monkeypatch, listed(*COINS), bad)
    await made.chosen()
    assert await made.refreshed(3) == []
    assert made.members.problem is None
    (told,) = caplog.messages
    assert told.endswith("; what is streamed stays as it is")


async def test_a_list_that_nobody_foresaw_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = rig(monkeypatch, listed(*COINS), cast("InvalidListing", KeyError("symbol")))
    await made.chosen()
    assert await made.refreshed(3) == []
    assert caplog.messages == [
        "instrument list: unexpected KeyError('symbol'); what is streamed stays as it is",
    ]


async def test_a_bucket_that_fails_in_a_way_nobody_foresaw_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kepts(problem=cast("CatalogueFailed", AttributeError("client")))
    made = rig(monkeypatch, listed(BTC), listed(BTC, ETH), kept=kept)
    await made.chosen()
    assert (await made.refreshed(2))[0] == ["BTCUSDT", "ETHUSDT"]


async def test_a_list_that_stays_short_for_an_hour_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(*COINS), listed(*COINS[:7]))
    await made.chosen()
    assert await made.refreshed(50) == []
    assert (await made.refreshed(12))[0] == [coin.name for coin in COINS[:7]]


async def test_a_venue_that_asks_to_wait_is_not_asked_at_the_next_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(BTC), RestError("429", retry_after=300), listed(BTC))
    await made.chosen()
    await made.refreshed(2)
    assert made.pauses[:2] == [60, 300]


# -- records


async def test_at_the_very_first_start_each_wanted_instrument_is_told_and_the_list_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = replace(ETH, status="delisted")
    made = rig(monkeypatch, listed(BTC, gone))
    await made.chosen()
    await made.refreshed(1)
    assert made.catalogue.told == [BTC]
    assert made.catalogue.kept == Kept(MOMENT, {"BTCUSDT": BTC})


async def test_later_only_changes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kepts(Kept(MOMENT - SECOND, {one.name: one for one in COINS}))
    dearer = replace(COINS[3], multiplier="0.1")
    made = rig(monkeypatch, listed(*COINS), listed(*COINS[:3], dearer, *COINS[4:9], NEW), kept=kept)
    await made.chosen()
    await made.refreshed(3)
    assert kept.told == [dearer, replace(COINS[9], status="delisted"), NEW]


async def test_one_that_was_delisted_between_two_processes_is_told_by_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Kepts(Kept(MOMENT - SECOND, {one.name: one for one in COINS}))
    made = rig(monkeypatch, listed(*COINS[:9]), kept=kept)
    await made.chosen()
    await made.refreshed(2)
    assert kept.told == [replace(COINS[9], status="delisted")]


async def test_a_list_whose_records_were_not_taken_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kepts(problem=CatalogueFailed("no stream takes it"))
    made = rig(monkeypatch, listed(BTC), kept=kept)
    await made.chosen()
    await made.refreshed(1)
    assert (kept.told, kept.kept) == ([], None)
    kept.problem = None
    await made.refreshed(1)
    assert kept.told == [BTC]


async def test_the_age_of_an_unchanged_list_is_kept_every_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, listed(BTC))
    await made.chosen()
    await made.refreshed(25)
    assert isinstance(made.catalogue.kept, Kept)
    assert made.catalogue.kept.at - MOMENT in (1200 * SECOND, 1260 * SECOND)
    assert made.catalogue.told == [BTC]


# -- Upbit's KRW market


async def test_only_coins_of_the_krw_market_are_chosen_and_newcomers_as_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = rig(monkeypatch, listed(BTC, ETH))
    made.filtered("Include", {"BTC"}, {"BTC"}, {"BTC", "ETH"})
    assert await made.chosen() == ["BTCUSDT"]
    assert (await made.refreshed(2))[:2] == [["BTCUSDT"], ["BTCUSDT", "ETHUSDT"]]


async def test_while_the_krw_market_is_unknown_nothing_is_chosen_and_that_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = rig(monkeypatch, listed(BTC, ETH), kept=Kepts(Kept(MOMENT - SECOND, {"BTCUSDT": BTC})))
    away = KrwUnknown("Upbit's KRW market: HTTP 500", wait=77)
    made.filtered("Exclude", KrwUnknown("Upbit's KRW market: HTTP 500", wait=0), away, {"BTC"})
    assert await made.chosen() == ["ETHUSDT"]
    assert made.pauses == [10, 77]
    assert caplog.messages == ["Upbit's KRW market: HTTP 500; the attempts go on"]


async def test_while_rest_is_down_the_kept_list_is_filtered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rig(monkeypatch, FAILED, kept=Kepts(Kept(MOMENT - SECOND, {"BTCUSDT": BTC, "ETHUSDT": ETH})))
    made.filtered("Include", {"ETH"})
    assert await made.chosen() == ["ETHUSDT"]


async def test_of_what_vanished_only_what_the_kept_market_let_through_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Kepts(Kept(MOMENT - SECOND, {one.name: one for one in COINS}))
    made = rig(monkeypatch, listed(*COINS[2:]), kept=kept)
    made.filtered("Include", {"C1", "C2"}, kept={"C1", "C2"})
    await made.chosen()
    await made.refreshed(2)
    assert kept.told == [replace(COINS[1], status="delisted")]
