"""The page says in words and numbers what the analysis found, and needs nothing but itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser

from metdc_collector.captures.analysis import analyse
from metdc_collector.captures.announcement import record
from metdc_collector.captures.completeness import Judgement, Lack, Missing
from metdc_collector.captures.report import clock, listed, page, summary
from metdc_collector.captures.ticks import Market, Series, Tick
from metdc_collector.wire.listing import Listing
from tests.unit.captures.made import AT, BINANCE, BYBIT, MS, ORDER, SECOND, UPBIT, at, calm, jump, skewed, tick, whole

JUMP = jump(1_207, "1.1")
VOID = {"meta", "input", "path"}
OPTIONAL = {"th", "html", "p"}


class Page(HTMLParser):
    """The texts of a page's table and list, and whether its elements close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.notes: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")
        elif tag == "li":
            self.notes.append("")
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID | OPTIONAL:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.rows[-1][-1] += data
        elif "li" in self.open:
            self.notes[-1] += data


def made(
    markets: Mapping[Market, Sequence[Tick]],
    lacks: Sequence[Lack] = (),
    missing: Sequence[Missing] = (),
    left_out: Mapping[str, int] | None = None,
    listing: Listing | None = None,
) -> str:
    series = {market: whole(ticks)._replace(left_out=left_out or {}) for market, ticks in markets.items()}
    judgement = Judgement(dict.fromkeys(markets, lacks), missing, "Provisional" if lacks else "Final")
    return page(analyse(ORDER, series), series, judgement, made=AT + 22_500 * MS, listing=listing)


def rows(text: str) -> list[list[str]]:
    return [row for row in Page(text).rows if row]


def test_a_page_stands_by_itself() -> None:
    text = made({BINANCE: at(jump(1_207, "1.08"))})
    parsed = Page(text)
    assert (parsed.open, parsed.addresses) == ([], [])
    assert not re.search(r"https?:|url\(|@import|<script", text)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "prefers-color-scheme:dark" in text


LISTING = Listing("upbit", "krw", "SOMI", "KRW", "KRW-SOMI", "announcements", AT + 913 * MS, announced=AT)
STATED = replace(LISTING, trade_start=AT + 7_200 * SECOND, notice="7", title="솜니아(SOMI) <b>")


def test_its_head_tells_of_the_listing_event_as_text() -> None:
    text = made({BINANCE: at(JUMP)}, listing=STATED)
    assert (
        '<p class="small">upbit KRW-SOMI: announced 2026-11-27 02:00:00 UTC, to the second, first seen +0.913 s'
        " from then (announcements); trading was to start 2026-11-27 04:00:00 UTC. Notice 7: 솜니아(SOMI) &lt;b&gt;</p>"
    ) in text
    assert '<p class="small">No listing event of that time is stored.</p>' in made({BINANCE: at(JUMP)})


def test_a_listing_without_a_notice_or_of_another_moment_is_told_as_that() -> None:
    unannounced = replace(LISTING, announced=None, source="markets")
    assert listed(record(unannounced), AT) == (
        "upbit KRW-SOMI: no notice, first seen 2026-11-27 02:00:00.913 UTC (markets)."
    )
    assert listed(record(LISTING), AT + 3 * SECOND).endswith(
        "(announcements). The moment of this capture is +3 s from the notice's."
    )


def test_its_head_says_what_when_and_how_sure() -> None:
    text = made({BINANCE: at(jump(1_207, "1.08"))})
    assert "<h1>SOMI, 2026-11-27 02:00:00 UTC</h1>" in text
    assert "binance.spot.SOMI-USDT moved first, +1.207 s from the announcement." in text
    assert '<b class="state Final">Final</b> as of 2026-11-27 02:00:22.500 UTC · window −20 s to +20 s' in text


def test_a_row_tells_what_a_market_did() -> None:
    path = jump(1_207, "1.08", end=9_000) | dict.fromkeys(range(9_000, 19_900, 100), "1.0314")
    ((*cells, remarks),) = rows(made({BINANCE: at(path)}))
    assert cells == [
        "binance.spot.SOMI-USDT", "1", "1", "+1.207 s", "+8 %", "+8 %", "+1.207 s", "4.5 %", "40 / 190",
        "40 / 190", "199.663 USDT", "100 % / 100 %", "1 USDT",
    ]  # fmt: skip
    assert remarks == "clock ± 51 ms"


def test_markets_are_in_the_order_of_their_moves_and_those_without_one_last() -> None:
    text = made({BINANCE: at(calm(end=20_000)), BYBIT: at(jump(1_907, "1.1")), UPBIT: at(jump(1_207, "1.1"))})
    assert [row[0].split(".")[0] for row in rows(text)] == ["upbit", "bybit", "binance"]
    assert rows(text)[2][1:5] == ["–", "–", "–", "–"]
    assert rows(text)[2][-1] == "did not move"


def test_ties_are_ranges_and_the_head_says_who_may_have_been_first() -> None:
    text = made({BINANCE: at(jump(1_207, "1.1")), BYBIT: at(jump(1_257, "1.1"))})
    assert [row[1] for row in rows(text)] == ["1–2", "1–2"]
    assert "moved first by its clock, +1.207 s from the announcement; within tolerance: bybit.spot.SOMI-USDT." in text


def test_a_leak_is_in_the_head_and_in_its_row() -> None:
    text = made({BINANCE: at(calm(begin=-80_000, end=-20_000) | jump(-5_000, "1.1"))})
    assert "No market moved after the announcement. Moved before the announcement: binance.spot.SOMI-USDT." in text
    assert "moved before the announcement; +10 % at −5 s" in rows(text)[0][-1]


def test_a_reference_that_is_old_or_thin_is_remarked() -> None:
    text = made({BINANCE: at({-200_000: "1", 4_007: "1.1", 5_507: "1.1"}), BYBIT: at({-5_000: "1", 100: "1"})})
    assert rows(text)[0][-1] == "reference 200 s old; clock ± 51 ms"
    assert rows(text)[1][-1] == "did not move; reference of 1 trade"


def test_bad_prints_and_kinds_that_are_left_out_are_remarked() -> None:
    text = made({BINANCE: [*at(calm(end=20_000)), tick(3_001, "1.9")]})
    assert rows(text)[0][-1].endswith("; 1 price that no other trade confirms")
    prints = [tick(3_001, "1.9"), tick(9_001, "1.9")]
    text = made({BINANCE: [*at(calm(end=20_000)), *prints]}, left_out={"insurance": 2, "adl": 1})
    assert rows(text)[0][-1] == (
        "only prices that no other trade confirms; 2 prices that no other trade confirms; left out: 1 adl, 2 insurance"
    )


def test_without_a_reference_there_are_dashes() -> None:
    (row,) = rows(made({BINANCE: at({4_000: "1.1", 5_500: "1.12"})}))
    assert row[3:8] == ["–"] * 5
    assert row[-2:] == ["–", "no reference price"]


def test_what_is_missing_is_listed() -> None:
    lack = Lack("gap", AT + SECOND, AT + 3 * SECOND, "4 trades may be missing (disconnected): open", open=True)
    missing = [Missing("okx", "spot", "not_listed", "SOMI was not listed there at that time")]
    text = made({BINANCE: at(jump(1_207, "1.08"))}, [lack], missing)
    assert Page(text).notes == [
        "binance.spot.SOMI-USDT, +1 s to +3 s: 4 trades may be missing (disconnected): open",
        "okx.spot: SOMI was not listed there at that time",
    ]
    assert 'class="state Provisional"' in text


def test_clocks_that_disagree_are_listed() -> None:
    text = made({BINANCE: at(jump(1_207, "1.1")), BYBIT: skewed(at(jump(1_307, "1.1")), -300)})
    told = f"The clocks disagree: {BYBIT.key} leads {BINANCE.key} by 200 ms, and was received 100 ms later"
    assert Page(text).notes == [f"{told}; one of the two is within tolerance"]


def test_a_disagreement_beyond_all_tolerance_says_no_more() -> None:
    stuck = range(AT, AT + 3 * SECOND)
    slow = [each._replace(received=max(each.received, stuck.stop)) if each.time in stuck else each for each in at(JUMP)]
    text = made({BINANCE: slow, BYBIT: at(jump(2_207, "1.1"))})
    assert Page(text).notes == [
        f"The clocks disagree: {BINANCE.key} leads {BYBIT.key} by 1000 ms, and was received 743 ms later",
    ]


def test_names_are_never_markup() -> None:
    odd = Market("binance", "spot", '<b>&"-USDT', "<i>")
    text = made({odd: at(jump(1_207, "1.08"))})
    assert "<b>&" not in text
    assert rows(text)[0][0] == 'binance.spot.<b>&"-USDT'


def test_a_window_with_nothing_to_draw_says_so() -> None:
    assert "Nothing that could be drawn was traded." in made({BINANCE: []})
    assert rows(made({BINANCE: []}))[0][-1] == "no trades"


def test_large_volumes_are_shown_short() -> None:
    text = made({BINANCE: [tick(0, "2000", quantity="1234567.891")]})
    assert '<div class="most"><span>1.2 M</span></div>' in text
    assert rows(text)[0][9:11] == ["0 / 1,234,568", "2,469,135,782 USDT"]
    assert "<span>1.5 k</span>" in made({BINANCE: [tick(0, "1", quantity="1500")]})
    assert "<span>3.0 G</span>" in made({BINANCE: [tick(0, "1", quantity="3000000000")]})
    assert "<span>0.25</span>" in made({BINANCE: [tick(0, "1", quantity="0.25")]})


def test_of_two_quotes_of_a_market_the_livelier_is_drawn_whole() -> None:
    other = BINANCE._replace(symbol="SOMI-USDC", instrument="SOMIUSDC")
    text = made({other: at(calm(step=2_000)), BINANCE: at(jump(1_207, "1.08"))})
    assert re.search(r"\.m0\{[^}]*--d:none\}\.m1\{[^}]*--d:1 5\}", text)
    legend = re.findall(r'id="(m\d)" checked>.*?</svg>([^<]+)', text)
    assert legend == [("m1", "binance spot USDC"), ("m0", "binance spot USDT")]


def test_each_market_can_be_hidden() -> None:
    text = made({BINANCE: at(jump(1_207, "1.08"))})
    assert "body:has(#m0:not(:checked)) svg .m0{display:none}" in text
    assert '<input type="checkbox" id="m0" checked>' in text


def test_the_summary_is_a_sentence_without_markup() -> None:
    series: Mapping[Market, Series] = {BINANCE: whole(at(calm()))}
    assert summary(analyse(ORDER, series)) == "No market moved after the announcement."


def test_a_time_has_its_fraction_where_it_has_one() -> None:
    assert (clock(AT), clock(AT + 250 * MS)) == ("2026-11-27 02:00:00", "2026-11-27 02:00:00.250")
