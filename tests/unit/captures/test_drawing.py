"""The drawing shows every market on one axis, and nothing that a bad print could stretch."""

import re
from collections.abc import Sequence
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.captures.analysis import examine
from metdc_collector.captures.completeness import Lack
from metdc_collector.captures.drawing import HEIGHT, WIDTH, Drawing, Path, draw, percent, styles
from metdc_collector.captures.moves import between
from metdc_collector.captures.order import Order
from metdc_collector.captures.ticks import Market, Tick
from tests.unit.captures.made import AT, BINANCE, BYBIT, MS, ORDER, SECOND, UPBIT, at, calm, jump, tick, whole

LACK = Lack("gap", AT + SECOND, AT + 3 * SECOND, "trades may be missing <&>", open=True)


def path(market: Market, ticks: Sequence[Tick], *lacks: Lack, order: Order = ORDER) -> Path:
    found = examine(order, market, whole(ticks))
    return Path(market, "m0", found, between(whole(ticks).ticks, order.start, order.end), lacks)


def drawn(*paths: Path, order: Order = ORDER) -> Drawing:
    return draw(order, paths)


def shapes(svg: str, name: str) -> list[str]:
    """The outlines of one class."""
    tree = ET.fromstring(svg)
    return [
        each.attrib["d"] for each in tree.iter() if name in each.attrib.get("class", "").split() and each.tag == "path"
    ]


def test_a_price_path_goes_in_steps_from_its_first_trade_to_the_end() -> None:
    (line,) = shapes(drawn(path(BINANCE, at({-10_000: "1", 0: "1.1", 100: "1.1"}))).prices, "line")
    assert re.fullmatch(r"M1000 (\d+)H2000V(\d+)H2008V\2H4000", line)


def test_other_quotes_share_the_axis_by_their_returns() -> None:
    one = path(BINANCE, at(jump(1_207, "1.1")))
    other = path(UPBIT, at({ms: str(Decimal(price) / 1_000) for ms, price in jump(1_207, "1.1").items()}))
    first, second = shapes(drawn(one, other).prices, "line")
    assert first == second


def test_a_bad_print_stretches_nothing_and_stands_at_the_edge() -> None:
    plain = drawn(path(BINANCE, at(jump(1_207, "1.1"))))
    marred = drawn(path(BINANCE, [*at(jump(1_207, "1.1")), tick(5_001, "9"), tick(-5_001, "0.01")]))
    assert marred.returns == plain.returns
    assert shapes(marred.prices, "line") == shapes(plain.prices, "line")
    assert shapes(marred.prices, "doubtful") == [f"M1499 {HEIGHT}h0", "M2500 0h0"]


def test_a_market_that_goes_much_further_than_the_others_leaves_the_picture() -> None:
    others = [path(market, at(jump(1_207, "1.1"))) for market in (BINANCE, BYBIT)]
    far = path(UPBIT, at(jump(1_207, "4")))
    labels = [label.text for label in drawn(*others, far).returns]
    assert labels == ["0 %", "+10 %", "+20 %", "+30 %"]
    assert shapes(drawn(*others, far).prices, "line")[2].endswith("V0H4000")


def test_a_market_with_nothing_but_doubtful_prices_is_drawn_all_the_same() -> None:
    lonely = path(BINANCE, at({-200_000: "1", 4_000: "1.1"}))
    assert len(shapes(drawn(lonely).prices, "line")) == 1


def test_first_moves_are_marked_and_those_before_the_announcement_too() -> None:
    leak = path(BINANCE, at(calm(begin=-80_000, end=-20_000) | jump(-1_207, "1.1")))
    assert [shape.split()[0] for shape in shapes(drawn(leak).prices, "first")] == ["M1879", "M1999"]


def test_of_a_busy_market_no_more_is_drawn_than_can_be_seen() -> None:
    busy = [
        tick(0, "1")._replace(time=AT + number * MS // 10, price=Decimal(1 + number % 7)) for number in range(80_000)
    ]
    (line,) = shapes(drawn(path(BINANCE, busy)).prices, "line")
    assert line.count("V") <= 4 * WIDTH // 8


def test_gaps_are_shaded_and_say_what_is_missing() -> None:
    svg = drawn(path(BINANCE, at(calm()), LACK, LACK._replace(end=LACK.start + 1))).prices
    assert shapes(svg, "gap") == [f"M2100 0H2300V{HEIGHT}H2100Z", f"M2100 0H2108V{HEIGHT}H2100Z"]
    title = next(each for each in ET.fromstring(svg).iter() if each.tag == "title")
    assert title.text == "binance.spot.SOMI-USDT: trades may be missing <&>"


def test_the_second_of_an_announcement_is_shaded_where_no_more_is_known() -> None:
    assert shapes(drawn(path(BINANCE, at(calm()))).prices, "second") == [f"M2000 0H2100V{HEIGHT}H2000Z"]
    exact = Order("SOMI", AT + MS)
    assert shapes(drawn(path(BINANCE, at(calm()), order=exact), order=exact).prices, "second") == []


def test_bars_are_the_coins_bought_and_sold_on_all_markets() -> None:
    one = path(BINANCE, [tick(0, "1", quantity="3"), tick(1_500, "1", quantity="1", buy=False)])
    other = path(BYBIT, [tick(999, "1", quantity="1", buy=False)])
    made = drawn(one, other)
    assert made.most == 4
    assert shapes(made.bars, "buy") == ["M2006 200V50H2094V200Z", "M2106 200V200H2194V200Z"]
    assert shapes(made.bars, "sell") == ["M2006 50V0H2094V50Z", "M2106 200V150H2194V200Z"]


def test_trades_of_no_coins_make_no_bars() -> None:
    made = drawn(path(BINANCE, [tick(0, "1", quantity="0")]))
    assert (made.most, shapes(made.bars, "buy")) == (Decimal(0), [])


@pytest.mark.parametrize(
    ("before", "after", "texts"),
    [
        (20, 20, ["−20", "−15", "−10", "−5", "0 s", "+5", "+10", "+15", "+20"]),
        (3, 4, ["−3", "−2", "−1", "0 s", "+1", "+2", "+3", "+4"]),
        (600, 600, ["−600", "−300", "0 s", "+300", "+600"]),
    ],
)
def test_times_are_labelled_in_whole_seconds(before: int, after: int, texts: list[str]) -> None:
    order = Order("SOMI", AT, before * SECOND, after * SECOND)
    labels = drawn(path(BINANCE, at({0: "1"}), order=order), order=order).times
    assert [label.text for label in labels] == texts
    assert (labels[0].place, labels[-1].place) == (0, 1_000)


def test_returns_are_labelled_in_round_numbers() -> None:
    labels = drawn(path(BINANCE, at(jump(1_207, "1.1")))).returns
    assert [label.text for label in labels] == ["0 %", "+2 %", "+4 %", "+6 %", "+8 %", "+10 %"]
    assert [label.place for label in labels] == sorted((label.place for label in labels), reverse=True)


@given(low=st.decimals("-0.99", "0", places=6), high=st.decimals("0", "100000", places=6))
def test_however_far_prices_went_the_labels_are_few_and_in_sight(low: Decimal, high: Decimal) -> None:
    ticks = at({-9_000: "1", -8_000: "1", -7_000: "1"})
    ticks += at({ms: str(1 + gain) for gain, span in ((low, (1_000, 1_100)), (high, (9_000, 9_100))) for ms in span})
    labels = drawn(path(BINANCE, ticks)).returns
    assert 1 <= len(labels) <= 7
    assert all(0 <= label.place <= 1_000 for label in labels)


@pytest.mark.parametrize(
    ("share", "shown"), [("0.08", "+8 %"), ("-0.0125", "−1.25 %"), ("0", "0 %"), ("-0.0000001", "0 %"), ("1", "+100 %")]
)
def test_a_return_is_shown_in_percent(share: str, shown: str) -> None:
    assert percent(Decimal(share)) == shown


def test_an_exchange_has_a_colour_futures_dashes_and_a_further_quote_dots() -> None:
    markets = [
        Market("binance", "spot", "SOMI-USDT", "a"), Market("binance", "futures", "SOMI-USDT", "a"),
        Market("binance", "spot", "SOMI-USDC", "b"), Market("okx", "spot", "SOMI-USDT", "c"),
    ]  # fmt: skip
    looks = styles(markets)
    names = [looks[market][0] for market in markets]
    hues = [re.search(r"\.15 (\d+)\)", looks[market][1])[1] for market in markets]  # type: ignore[index] # each has one
    dashes = [looks[market][1].partition("--d:")[2] for market in markets]
    assert len(set(names)) == 4
    assert (len(set(hues)), hues[0], hues[0]) == (2, hues[1], hues[2])
    assert dashes == ["none}", "7 4}", "1 5}", "none}"]
