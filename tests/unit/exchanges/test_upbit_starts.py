"""When trading starts, as the body of a notice says it: for one coin, for several, and after a change."""

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metdc_collector.exchanges.upbit.starts import trade_start

SECOND = 1_000_000_000


def at(text: str) -> int:
    """A time in Korea, in ns since the epoch."""
    return int(datetime.fromisoformat(f"{text}+09:00").timestamp()) * SECOND


MAY = at("2025-05-30 12:15")
TABLE = """
<p>안녕하세요. 업비트입니다.</p><table>
<thead><tr><th>디지털 자산</th><th>마켓</th><th>거래지원 개시 시점</th></tr></thead>
<tbody><tr><td>라이브피어(LPT)</td><td>KRW, USDT</td><td>5월 30일 17시 예정</td></tr>
<tr><td>포켓네트워크(POKT)</td><td>KRW</td><td>5월 30일 19시 30분 예정</td></tr></tbody></table>
<p>입금은 공지 후 2시간 이내에 시작됩니다 (2025-05-30 13:00 KST).</p>
"""
MARKDOWN = """
안녕하세요.

| 디지털 자산 | 거래지원 개시 시점 |
| --- | --- |
| 라이브피어(LPT) | 2025-05-30 17:00 KST |
| 포켓네트워크(POKT) | 2025-05-30 19:30 KST |
"""


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("거래지원 개시 시점 : 2025-05-30 17:00 KST", "2025-05-30 17:00"),
        ("<p>▶ <b>거래지원 개시 시점</b>:&nbsp;2025.05.30 17:00 (KST 기준)</p>", "2025-05-30 17:00"),
        ("거래지원 개시 일시: 2025년 5월 30일 17시 (예정)", "2025-05-30 17:00"),
        ("거래지원 개시 시점 : 5월 30일(금) 17:30 예정", "2025-05-30 17:30"),
        ("거래 지원 개시 시각 5월 30일 오후 5시 5분", "2025-05-30 17:05"),
        ("거래지원 개시 시점 5월 31일 오전 9시", "2025-05-31 09:00"),
        ("거래지원 개시 시점 5월 31일 오후 12시", "2025-05-31 12:00"),
        ("거래지원 개시 시점 5월 31일 24:00", "2025-06-01 00:00"),
        ("<div>거래지원 개시 시점<br/>x</div>거래지원 개시 시점 : 2025-05-30 17:00", "2025-05-30 17:00"),
        ("거래지원 개시 시점 : 2025-05-30 17:00\n거래지원 개시 시점 : 2025-05-30 17:00", "2025-05-30 17:00"),
        ("거래지원 개시 시점 : 2025-05-30 17:00\n연기된 거래지원 개시 시점 : 2025-05-30 20:00", "2025-05-30 20:00"),
        ("기존 거래지원 개시 시점 : 5월 30일 17시 변경된 거래지원 개시 시점 : 5월 30일 20시", "2025-05-30 20:00"),
        ("거래지원 개시 시점 : 5월 30일 17시\nLPT의 거래지원 개시 시점 : 5월 30일 18시", "2025-05-30 18:00"),
        ("거래지원 개시 시점 : 5월 30일 17시\nPOKT 변경된 거래지원 개시 시점 : 5월 30일 18시", "2025-05-30 17:00"),
    ],
)
def test_a_start_that_is_stated_is_read_in_koreas_time(line: str, time: str) -> None:
    assert trade_start(line, "LPT", ["POKT"], MAY) == at(time)


@pytest.mark.parametrize("body", [TABLE, MARKDOWN], ids=["HTML", "Markdown"])
def test_in_a_table_each_coin_has_its_own(body: str) -> None:
    assert trade_start(body, "LPT", ["POKT"], MAY) == at("2025-05-30 17:00")
    assert trade_start(body, "POKT", ["LPT"], MAY) == at("2025-05-30 19:30")


def test_in_december_january_is_the_next_years() -> None:
    announced = at("2025-12-31 20:00")
    assert trade_start("거래지원 개시 시점 : 1월 1일 9시", "X", [], announced) == at("2026-01-01 09:00")
    assert trade_start("거래지원 개시 시점 : 12월 31일 21시", "X", [], announced) == at("2025-12-31 21:00")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "돌핀(LPT)의 거래지원을 시작합니다.",
        "거래지원 개시 시점은 추후 공지됩니다.",
        "입금 개시 시점 : 2025-05-30 13:00 KST",
        "기존 거래지원 개시 시점 : 2025-05-30 17:00 KST",
        "거래지원 개시 시점 : 13월 40일 17시",
        "거래지원 개시 시점 : 5월 30일 25시",
        "거래지원 개시 시점 : 5월 30일 17시 75분",
        "거래지원 개시 시점 : 2025-05-30 17:00\n거래지원 개시 시점 : 2025-05-30 19:00",
        "거래지원 개시 시점 : 0월 1일 9시",
        "POKT 거래지원 개시 시점 : 2025-05-30 17:00",
        "| 디지털 자산 | 입금 | 거래지원 개시 시점 |\n| LPT | 5월 30일 13시 | 5월 30일 17시 |",
        "| 디지털 자산 | 거래지원 개시 시점 |\n| LPT | 5월 99일 13시 |",
        "| 디지털 자산 | 거래지원 개시 시점 |\n| LPTX | 5월 30일 13시 |",
    ],
)
def test_where_none_is_stated_clearly_there_is_none(body: str) -> None:
    assert trade_start(body, "LPT", ["POKT"], MAY) is None


@given(st.text(max_size=200), st.integers(0, 4_000_000_000))
@example("거래지원 개시 시점 " * 1000, 0)
@example("<" * 100_000, 0)
@example("거래지원 개시 시점 : 2월 29일 9시", at("2024-12-31 20:00") // SECOND)
def test_any_body_is_read(body: str, announced: int) -> None:
    start = trade_start(body, "LPT", ["POKT"], announced * SECOND)
    assert start is None or start % (60 * SECOND) == 0
