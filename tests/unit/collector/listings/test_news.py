"""Which coins are told, and that each is told once: over edits, re-orderings, several sources and restarts."""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from metdc_collector.exchanges.upbit.notices import Notice, Page
from metdc_collector.listings.memory import Memory, decode, encode
from metdc_collector.listings.news import PATIENCE, Found, News
from tests.unit.collector.listings.made import DOUBTFUL, POD, TWO, notice, page
from tests.unit.collector.made import MOMENT, SECOND

NOW = MOMENT + 100 * SECOND


def coins(found: list[Found]) -> list[str]:
    return [one.listing.base for one in found]


@dataclass
class Rig:
    """A watcher's state, past its first look at a page with one notice, numbered 10."""

    news: News = field(default_factory=lambda: News(Memory()))

    def __post_init__(self) -> None:
        if self.news.memory.floor is None:
            assert self.read(notice(10)) == []

    def read(self, *notices: Notice, asked: int = NOW, now: int = NOW) -> list[Found]:
        return self.news.read(page(*notices), now) + self.news.unannounced(asked)

    def restarted(self, told: set[str] | None = None) -> "Rig":
        """The next process, which knows from the stream what was told."""
        memory = decode(encode(self.news.kept()))
        return Rig(News(memory, told=self.news.told if told is None else told))


# -- notices


def test_at_the_very_first_look_everything_is_known() -> None:
    news = News(Memory())
    assert news.read(page(notice(10, POD), notice(9, DOUBTFUL), pinned=[notice(3, TWO)]), NOW) == []
    assert (news.memory.unread, news.changed) == ([], True)


def test_a_page_with_damaged_rows_is_no_first_look_for_these_would_be_news_afterwards() -> None:
    news = News(Memory())
    assert news.read(page(notice(9), damaged=["10"]), NOW) == []
    assert (news.memory.floor, news.changed) == (None, False)
    assert news.read(page(notice(10, POD), notice(9)), NOW) == []
    assert coins(news.read(page(notice(11, TWO), notice(10, POD)), NOW)) == ["ALT", "PYTH"]


def test_where_no_page_is_whole_the_third_is_the_first_look() -> None:
    news = News(Memory())
    for number in (9, 10, 11):
        assert news.read(page(notice(number), damaged=["a row"]), NOW) == []
    assert coins(news.read(page(notice(12, POD), damaged=["a row"]), NOW)) == ["POD"]
    assert news.memory.not_understood == 1


def test_where_the_very_first_look_finds_nothing_the_first_notice_is_new() -> None:
    news = News(Memory())
    assert news.read(page(), NOW) == []
    assert coins(news.read(page(notice(1, POD)), NOW)) == ["POD"]


def test_a_new_notice_is_told_with_all_that_it_says() -> None:
    (found,) = Rig().read(notice(11, POD, at=90), notice(10))
    assert found.notice == notice(11, POD, at=90)
    event = found.listing
    assert event.subject == "listings.upbit.krw.POD"
    assert (event.instrument, event.quote, event.source) == ("KRW-POD", "KRW", "announcements")
    assert (event.announced, event.first_seen) == (MOMENT + 90 * SECOND, NOW)
    assert (event.notice, event.title) == ("11", POD)
    assert event.url == "https://upbit.com/service_center/notice?id=11"


def test_a_coin_goes_by_its_common_name() -> None:
    (found,) = Rig().read(notice(11, POD.replace("POD", "BEAMX")))
    assert (found.listing.base, found.listing.instrument) == ("BEAM", "KRW-BEAMX")


def test_each_coin_of_a_notice_is_told_with_the_others_by_its_side() -> None:
    found = Rig().read(notice(11, TWO))
    assert [(one.listing.base, one.others) for one in found] == [("ALT", ("PYTH",)), ("PYTH", ("ALT",))]


def test_two_notices_between_two_looks_are_both_told_wherever_they_stand() -> None:
    assert coins(Rig().read(notice(10, edited=50), notice(11, TWO), notice(12, POD))) == ["ALT", "PYTH", "POD"]


def test_a_pinned_notice_is_read_too_and_told_once() -> None:
    rig = Rig()
    pod = notice(11, POD)
    assert coins(rig.news.read(page(notice(10), pod, pinned=[pod]), NOW)) == ["POD"]


def test_a_notice_is_told_once_however_often_it_is_seen_edited_and_moved() -> None:
    rig = Rig()
    assert coins(rig.read(notice(11, POD), notice(10))) == ["POD"]
    assert rig.read(notice(10), notice(11, POD)) == []
    assert rig.read(notice(11, POD + " (거래지원 개시 시점 연기 안내)", edited=60), notice(10)) == []
    assert rig.read(notice(11, POD + " (거래지원 개시 시점 변경 안내)", edited=120), notice(10)) == []
    assert rig.read(notice(12, POD)) == []


def test_a_coin_that_an_edit_adds_is_told() -> None:
    rig = Rig()
    first = "가(AAA)(KRW 마켓), 나(BBB)(BTC 마켓) 신규 거래지원 안내"
    assert coins(rig.read(notice(11, first))) == ["AAA"]
    assert coins(rig.read(notice(11, first.replace("BTC", "KRW, BTC"), edited=60))) == ["BBB"]


def test_an_edit_makes_an_old_notice_no_news_but_for_what_it_adds() -> None:
    news = News(Memory())
    news.read(page(notice(10, POD)), NOW)
    assert news.read(page(notice(10, POD + " (거래지원 개시 시점 연기 안내)", edited=60)), NOW) == []
    assert coins(news.read(page(notice(10, TWO, edited=90)), NOW)) == ["ALT", "PYTH"]


def test_a_notice_that_was_old_before_the_first_look_is_old_when_an_edit_brings_it_to_the_top() -> None:
    rig = Rig()
    assert rig.read(notice(7, POD, at=-500, edited=550), notice(10)) == []
    assert rig.read(notice(7, POD, at=-500, edited=600), notice(10)) == []


def test_a_number_that_was_given_long_before_it_was_published_is_new() -> None:
    assert coins(Rig().read(notice(9, POD, at=5), notice(10))) == ["POD"]


def test_a_notice_without_news_is_silent() -> None:
    rig = Rig()
    assert rig.read(notice(11), notice(12, "플록(FLOCK) 신규 거래지원 안내 (BTC, USDT 마켓)"), notice(10)) == []
    assert rig.news.memory.not_understood == 0


def test_what_is_forgotten_is_old() -> None:
    rig = Rig()
    rig.read(*(notice(number, at=number) for number in range(20, 400)))
    assert len(rig.news.memory.seen) == 300
    assert rig.read(notice(50, POD, at=50, edited=900)) == []
    assert coins(rig.read(notice(400, POD, at=400))) == ["POD"]


# -- pages


def test_the_next_page_is_asked_for_where_no_row_of_this_one_is_known() -> None:
    rig = Rig()
    assert rig.news.goes_on(page(notice(12), notice(11)))
    assert not rig.news.goes_on(page(notice(11), notice(10)))
    assert not rig.news.goes_on(page(notice(11), notice(3, at=-10)))
    assert rig.news.goes_on(page(notice(11), notice(10, edited=5)))
    assert not rig.news.goes_on(page())


# -- the socket


def test_a_notice_is_told_by_whichever_way_brings_it_first() -> None:
    rig = Rig()
    (found,) = rig.news.hear(notice(562593104, POD), NOW)
    assert (found.listing.source, found.listing.notice) == ("socket", "562593104")
    assert rig.read(notice(11, POD)) == []
    assert coins(rig.read(notice(12, TWO))) == ["ALT", "PYTH"]
    assert rig.news.hear(notice(12, TWO), NOW) == []


# -- the market list


def test_the_coins_of_the_first_list_are_no_news() -> None:
    rig = Rig()
    rig.news.enter({"BTC", "ETH"}, NOW)
    assert (rig.news.waiting, rig.read(notice(10))) == ({}, [])


def test_a_coin_that_enters_the_market_is_told_once_a_later_look_finds_no_notice() -> None:
    rig = Rig()
    rig.news.enter({"BTC"}, NOW)
    rig.news.enter({"BTC", "POD"}, NOW + 5)
    assert rig.news.unannounced(NOW + 4) == []
    (found,) = rig.read(notice(10), asked=NOW + 6, now=NOW + 7)
    assert (found.listing.source, found.listing.first_seen, found.notice) == ("markets", NOW + 5, None)
    assert (found.listing.announced, found.listing.notice, found.listing.title) == (None, None, None)
    assert rig.news.unannounced(NOW + 99) == []
    assert rig.news.overdue(NOW + 2 * PATIENCE) == []


def test_a_coin_that_enters_the_market_has_the_notice_that_the_next_look_finds() -> None:
    rig = Rig()
    rig.news.enter({"BTC"}, NOW)
    rig.news.enter({"BTC", "POD"}, NOW + 5)
    (found,) = rig.read(notice(11, POD), notice(10), asked=NOW + 6, now=NOW + 7)
    assert (found.listing.source, found.listing.first_seen, found.listing.notice) == ("markets", NOW + 5, "11")


def test_while_the_notices_are_out_of_reach_a_coin_waits_a_minute() -> None:
    rig = Rig()
    rig.news.enter({"BTC"}, NOW)
    rig.news.enter({"BTC", "POD"}, NOW)
    assert rig.news.overdue(NOW + PATIENCE - 1) == []
    assert coins(rig.news.overdue(NOW + PATIENCE)) == ["POD"]
    assert rig.read(notice(11, POD), notice(10)) == []


def test_a_coin_whose_notice_was_there_before_the_first_look_is_told_by_the_market_with_its_time() -> None:
    news = News(Memory())
    news.read(page(notice(9, POD, at=-90), notice(10, POD, at=-50)), NOW)
    news.enter({"BTC"}, NOW)
    news.enter({"BTC", "POD"}, NOW)
    (found,) = news.unannounced(NOW)
    assert (found.listing.announced, found.listing.notice) == (MOMENT - 50 * SECOND, "10")
    assert (found.listing.title, found.notice) == (None, None)


def test_a_coin_that_was_told_is_no_news_when_it_enters_the_market() -> None:
    rig = Rig()
    rig.news.enter({"BTC"}, NOW)
    rig.read(notice(11, POD))
    rig.news.enter({"BTC", "POD"}, NOW)
    assert rig.news.waiting == {}


def test_a_coin_that_is_missing_from_one_list_does_not_enter_again() -> None:
    rig = Rig()
    for listed in ({"BTC", "ETH"}, {"ETH"}, {"BTC", "ETH"}):
        rig.news.enter(listed, NOW)
    assert rig.news.waiting == {}


# -- restarts


def test_a_process_that_follows_tells_what_was_published_meanwhile_and_nothing_else() -> None:
    first = Rig()
    assert coins(first.read(notice(11, POD), notice(10))) == ["POD"]
    second = first.restarted()
    assert coins(second.read(notice(12, TWO), notice(11, POD, edited=9), notice(10))) == ["ALT", "PYTH"]


def test_of_a_notice_that_was_told_by_half_the_next_process_tells_the_other_half() -> None:
    first = Rig()
    before = encode(first.news.kept())
    assert coins(first.read(notice(11, TWO), notice(10))) == ["ALT", "PYTH"]
    second = Rig(News(decode(before), told={"ALT"}))
    assert coins(second.read(notice(11, TWO), notice(10))) == ["PYTH"]


def test_a_coin_that_still_waits_enters_again_in_the_next_process() -> None:
    first = Rig()
    first.news.enter({"BTC"}, NOW)
    first.news.enter({"BTC", "POD"}, NOW)
    second = first.restarted()
    second.news.enter({"BTC", "POD"}, NOW + 9)
    assert coins(second.news.unannounced(NOW + 9)) == ["POD"]
    third = second.restarted(told=set())
    third.news.enter({"BTC", "POD"}, NOW + 20)
    assert third.news.waiting == {}


# -- what is not understood


def test_a_title_that_is_not_understood_is_kept_and_counted_once() -> None:
    rig = Rig()
    rig.news.changed = False
    for edited in (0, 60):
        assert rig.read(notice(11, DOUBTFUL, edited=edited)) == []
    (unread,) = rig.news.memory.unread
    assert (unread.at, unread.notice, unread.title, unread.reason) == (NOW, "11", DOUBTFUL, "no ticker can be told")
    assert (rig.news.memory.not_understood, rig.news.changed) == (1, True)


def test_a_damaged_row_is_kept_and_counted_once() -> None:
    rig = Rig()
    damaged = page(notice(10), damaged=["its number is none: None, in {}"])
    for _ in range(2):
        assert rig.news.read(damaged, NOW) == []
    (unread,) = rig.news.memory.unread
    assert (unread.notice, unread.reason) == (None, "the row is damaged")
    assert rig.news.memory.not_understood == 1


def test_the_last_fifty_are_kept_and_all_are_counted() -> None:
    rig = Rig()
    rig.read(*(notice(number, DOUBTFUL) for number in range(11, 71)))
    assert [int(one.notice or 0) for one in rig.news.memory.unread] == list(range(21, 71))
    assert rig.news.memory.not_understood == 60


def test_what_changes_nothing_need_not_be_kept() -> None:
    rig = Rig()
    rig.read(notice(10))
    rig.news.enter({"BTC"}, NOW)
    rig.news.changed = False
    rig.read(notice(10))
    rig.news.enter(set(), NOW)
    assert not rig.news.changed


# -- whatever happens


class Watched(RuleBasedStateMachine):
    """Notices are published, edited and re-ordered, coins enter the market, processes end; each coin is told once."""

    @initialize()
    def start(self) -> None:
        self.notices: dict[int, tuple[Notice, tuple[str, ...]]] = {}
        self.market: set[str] = {"BTC"}
        self.events: list[str] = []
        self.new: set[str] = set()
        self.number = 10
        self.time = NOW
        self.news = News(Memory())
        self.look(reverse=False)
        self.list()

    def take(self, found: list[Found]) -> None:
        self.events += [one.listing.base for one in found]

    @rule(names=st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=3, unique=True))
    def publish(self, names: list[str]) -> None:
        self.number += 1
        self.time += SECOND
        title = f"{', '.join(f'가({name})' for name in names)} 신규 거래지원 안내 (KRW 마켓)"
        self.notices[self.number] = (Notice(self.number, title, self.time, self.time), tuple(names))
        self.new |= set(names)

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        if self.notices:
            number = data.draw(st.sampled_from(sorted(self.notices)))
            self.time += SECOND
            one, names = self.notices[number]
            edited = replace(one, title=one.title + " (거래지원 개시 시점 연기 안내)", listed=self.time)
            self.notices[number] = (edited, names)

    @rule(reverse=st.booleans())
    def look(self, reverse: bool) -> None:
        self.time += SECOND
        rows = sorted((one for one, _ in self.notices.values()), key=lambda one: one.listed, reverse=reverse)
        self.take(self.news.read(Page(rows, ()), self.time))
        self.take(self.news.unannounced(self.time))

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        if self.notices:
            one, _ = self.notices[data.draw(st.sampled_from(sorted(self.notices)))]
            self.take(self.news.hear(one, self.time))

    @rule(name=st.sampled_from("FGHIJ"))
    def trade(self, name: str) -> None:
        self.market.add(name)
        self.new.add(name)

    @rule()
    def list(self) -> None:
        self.time += SECOND
        self.news.enter(self.market, self.time)

    @rule()
    def wait(self) -> None:
        self.time += PATIENCE
        self.take(self.news.overdue(self.time))

    @rule()
    def restart(self) -> None:
        """The next process knows from the stream what was told."""
        self.news = News(decode(encode(self.news.kept())), told=set(self.events))

    @invariant()
    def each_is_told_once_and_none_that_is_not_new(self) -> None:
        assert len(self.events) == len(set(self.events))
        assert set(self.events) <= self.new

    def teardown(self) -> None:
        if hasattr(self, "news"):
            self.list()
            self.look(reverse=True)
            assert set(self.events) == self.new


TestWatched = Watched.TestCase
TestWatched.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
