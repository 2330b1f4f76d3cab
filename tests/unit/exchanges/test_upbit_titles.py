"""Titles of Upbit's notices: which are a listing in KRW, of which coins, and which a person should read."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metdc_collector.exchanges.upbit.titles import Verdict, read_title

ALL = ("KRW", "BTC", "USDT")
# Titles as Upbit wrote them, but for the English one, whose coin is made up.
LISTINGS: list[tuple[str, dict[str, tuple[str, ...]]]] = [
    ("오덜리(ORDER) KRW 마켓 디지털 자산 추가", {"ORDER": ("KRW",)}),
    ("딥북(DEEP) KRW 마켓 디지털 자산 추가", {"DEEP": ("KRW",)}),
    ("뉴메레르(NMR) KRW, USDT 마켓 디지털 자산 추가", {"NMR": ("KRW", "USDT")}),
    ("바이프로스트(BFC) KRW, USDT 마켓 디지털 자산 추가", {"BFC": ("KRW", "USDT")}),
    ("펏지펭귄(PENGU) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)", {"PENGU": ALL}),
    ("돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)", {"POD": ALL}),
    (
        "셀레스티아(TIA)(KRW, BTC, USDT 마켓), 아이오넷(IO)(BTC, USDT 마켓) 신규 거래지원 안내",
        {"TIA": ALL, "IO": ("BTC", "USDT")},
    ),
    (
        "라이브피어(LPT)(KRW, USDT 마켓), 포켓네트워크(POKT)(KRW 마켓) 디지털 자산 추가",
        {"LPT": ("KRW", "USDT"), "POKT": ("KRW",)},
    ),
    ("KRW, BTC 마켓 디지털 자산 추가 (ALT, PYTH)", {"ALT": ("KRW", "BTC"), "PYTH": ("KRW", "BTC")}),
    ("KRW 마켓 디지털 자산 추가 (ASTR) (거래지원 개시 시점 연기 안내)", {"ASTR": ("KRW",)}),
    ("[거래] KRW 마켓 디지털 자산 추가 (BLUR)", {"BLUR": ("KRW",)}),
    ("[거래] KRW, BTC 마켓 디지털 자산 추가 (SUI) (매도 주문 제한 기준 가격 안내)", {"SUI": ("KRW", "BTC")}),
    (
        "소폰(SOPH) 신규 거래지원 안내 (KRW, BTC, USDT 마켓) (거래지원 개시 시점 및 매도 최저가 기준 가격 안내)",
        {"SOPH": ALL},
    ),
    ("너보스(CKB) 신규 거래지원 안내 (KRW, BTC, USDT 마켓) (거래지원 개시 시점 연기 안내)", {"CKB": ALL}),
    (
        (
            "페이팔유에스디(PYUSD), 제이피와이코인(JPYC) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)"
            " (JPYC 거래지원 개시 시점 추가 변경 안내)"
        ),
        {"PYUSD": ALL, "JPYC": ALL},
    ),
    (
        "스카이프로토콜(SKY), 유에스디에스(USDS) KRW, USDT 마켓 디지털 자산 추가 (USDS 거래지원 개시 시점 변경 안내)",
        {"SKY": ("KRW", "USDT"), "USDS": ("KRW", "USDT")},
    ),
    ("Market Support for Dolphin(POD) (KRW, BTC, USDT Market)", {"POD": ALL}),
]
# Spellings that the rules allow for, though no notice was seen with them.
VARIANTS: list[tuple[str, dict[str, tuple[str, ...]]]] = [
    ("[거래] 신규 거래 지원 안내 돌핀(POD) (KRW 마켓)", {"POD": ("KRW",)}),
    ("원인치네트워크(1INCH) 신규거래지원 안내 (KRW 마켓)", {"1INCH": ("KRW",)}),
    ("더 오픈 네트워크 2.0(W) 신규 거래지원 안내 (KRW 마켓)", {"W": ("KRW",)}),
    ("돌핀（POD） 신규 거래지원 안내 （KRW， BTC 마켓）", {"POD": ("KRW", "BTC")}),
    ("테더(USDT), 비트코인(BTC) 신규 거래지원 안내 (KRW 마켓)", {"USDT": ("KRW",), "BTC": ("KRW",)}),
    ("돌핀(POD) 원화 마켓 추가", {"POD": ("KRW",)}),
    ("돌핀(POD) KRW 마켓 추가 안내 (입출금 일시 중단 안내)", {"POD": ("KRW",)}),
    ("돌핀(POD) 신규 거래지원 안내 (KRW 마켓 ) (2026)", {"POD": ("KRW",)}),
    ("돌핀(POD) 신규 거래지원 안내 (KRW 마켓", {"POD": ("KRW",)}),
    ("돌핀(POD) 신규 거래지원 안내 (KRW 마켓) (입출금 일시 중단", {"POD": ("KRW",)}),
    ("돌핀(POD)KRW 마켓 디지털 자산 추가", {"POD": ("KRW",)}),
    ("돌핀) (POD) 신규 거래지원 안내 (KRW 마켓) (POD)", {"POD": ("KRW",)}),
    ("가(AAA) KRW 마켓, 나(BBB) BTC 마켓 디지털 자산 추가", {"AAA": ("KRW",), "BBB": ("BTC",)}),
    ("돌핀(POD)(BTC 마켓), 돌핀(POD)(KRW, BTC 마켓) 디지털 자산 추가", {"POD": ("BTC", "KRW")}),
    ("헤미(HEMI), 돌핀(POD) 신규 거래지원 안내 (KRW 마켓) (헤미(HEMI) 거래지원 취소 안내)", {"POD": ("KRW",)}),
]
OTHERS = [
    # listings in other markets
    "플록(FLOCK), 포르타(FORT) 신규 거래지원 안내 (BTC, USDT 마켓)",
    "BTC, USDT 마켓 신규 거래지원 안내 (BICO, BMT, NIL, GWEI) (BMT 거래지원 개시 시점 추가 변경 안내)",
    "렌조(REZ) 신규 거래지원 안내 (USDT 마켓) (거래지원 개시 시점 추가 변경 안내)",
    "넥소(NEXO) 신규 거래지원 안내 (USDT 마켓) (거래지원 개시 시점 변경 안내)",
    "[거래] BTC 마켓 디지털 자산 추가 (MINA)",
    "BTC 마켓 디지털 자산 추가 (ASTR) (거래지원 개시 시점 연기 안내)",
    "Market Support for Flock(FLOCK) (BTC, USDT Market)",
    "BTC, USDT 마켓 신규 거래지원 안내",
    # delistings
    "아이콘(ICX) 거래지원 종료 안내 (10/19 15:00)",
    "스트라이크(STRIKE) 거래지원 종료 안내 (KRW, BTC, USDT 마켓) (7/3 15:00)",
    "썬더코어(TT) 거래지원 종료 결정 철회 안내",
    "가스(GAS) KRW 마켓 거래 지원 종료 안내",
    "신규 거래지원 코인의 거래지원 종료 기준 안내 (KRW 마켓)",
    # caution
    "소폰(SOPH) 거래 유의 종목 지정 안내",
    "무비블록(MBL) 거래유의 종목 지정 기간 연장 안내 (KRW 마켓)",
    "픽셀(PIXEL) 유의 종목 지정 해제 안내",
    # supply
    "웨이브(WAVES) 유통량 계획표 변경 안내",
    "에이피엠코인(APM) 유통량 관련 안내 (KRW 마켓 디지털 자산 추가 이후)",
    # deposits and withdrawals
    "유에스디코인(USDC) 입출금 가능 네트워크 추가 안내 (Arc 네트워크)",
    "솔라나(SOL) 네트워크 디지털 자산 입출금 일시 중단 안내",
    "이더리움(ETH) 계열 디지털 자산 입출금 재개 안내",
    "돌핀(POD) KRW 마켓 추가 이후 출금 안내",
    "신규 거래지원 디지털 자산 입금 안내 (POD) (KRW 마켓)",
    "원화 입출금 일시 중단 안내 (은행 점검)",
    # other things, and other categories
    "서버 점검 안내 (11/28 02:00 ~ 06:00)",
    "KRW 마켓 호가 단위 변경에 따른 점검 안내",
    "돌핀(POD) 에어드랍 지원 안내",
    "업비트 스테이킹 이더리움(ETH) 보상 지급 안내",
    "KRW 마켓 신규 상장 기념 이벤트 안내",
    "코인 모으기 신규 거래지원 기념 이벤트 당첨자 안내",
    "디지털 자산 8월 4주차 GAS, VTHO 지급 안내",
    "비트토렌트(BTT) 리브랜딩에 따른 티커 변경 안내",
    "디지털 자산 거래 수수료 안내",
    "이용약관 개정 안내",
    "가" * 1000,
    "헤미(HEMI) 신규 거래지원 안내 (KRW 마켓) (거래지원 취소 안내)",
    "헤미(HEMI) 신규 거래지원 안내 (KRW 마켓) (헤미(HEMI) 거래지원 취소 안내)",
    "Notice on termination of trading support for Icon(ICX) (KRW Market maintenance)",
    "",
]
DOUBTS = [
    ("KRW 마켓 호가 단위 변경 안내", "it names the KRW market in no phrase that is known"),
    ("Dolphin(POD) is coming to the KRW market", "it names the KRW market in no phrase that is known"),
    ("돌핀 신규 거래지원 안내 (KRW 마켓)", "no ticker can be told"),
    ("돌핀(pod) 신규 거래지원 안내 (KRW 마켓)", "no ticker can be told"),
    ("신규 거래지원 안내", "no ticker can be told"),
    ("돌핀(POD) 신규 거래지원 안내", "no markets can be told for POD"),
    ("돌핀(POD) 신규 거래지원 안내 (KRW, BTC)", "no markets can be told for POD, BTC"),
    ("돌핀(POD) 신규 거래지원 기념 이벤트 안내 (KRW 마켓)", "it reads like a listing, and like something else"),
    ("가" * 1001, "the title is longer than 1000 characters"),
]


@pytest.mark.parametrize(("title", "listed"), LISTINGS + VARIANTS)
def test_a_listing_is_read_with_its_coins_and_their_markets(title: str, listed: dict[str, tuple[str, ...]]) -> None:
    assert read_title(title) == Verdict(listed)
    assert read_title(title).krw == tuple(coin for coin, markets in listed.items() if "KRW" in markets)


@pytest.mark.parametrize("title", OTHERS)
def test_what_is_no_listing_in_krw_is_silent(title: str) -> None:
    verdict = read_title(title)
    assert (verdict.krw, verdict.doubt) == ((), None)


@pytest.mark.parametrize(("title", "doubt"), DOUBTS)
def test_what_is_not_understood_is_left_to_a_person(title: str, doubt: str) -> None:
    verdict = read_title(title)
    assert (verdict.krw, verdict.doubt) == ((), doubt)


def test_what_is_clear_of_a_doubtful_title_is_read() -> None:
    verdict = read_title("가(AAA)(KRW 마켓) 신규 거래지원 안내 (BBB)")
    assert (verdict.krw, verdict.doubt) == (("AAA",), "no markets can be told for BBB")


def test_there_are_titles_enough() -> None:
    assert len(LISTINGS) >= 12
    assert len(OTHERS) >= 30
    assert len({title for title, _ in LISTINGS + VARIANTS} | set(OTHERS)) == len(LISTINGS + VARIANTS) + len(OTHERS)


WORDS = [
    "신규 거래지원",
    "디지털 자산 추가",
    "마켓 추가",
    "KRW",
    "BTC",
    "마켓",
    "Market",
    "거래지원 취소",
    "이벤트",
    "입출금",
]
titles = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from([*WORDS, "POD", "원화", "(", ")", "((", ", ", " ", "가나", "1", "\u200b", "（"]), max_size=25
    ).map("".join),
)


@given(titles)
@example("(" * 999)
@example(")" * 999)
@example("(KRW 마켓)" * 99)
def test_any_text_is_read_into_tickers_and_markets(title: str) -> None:
    for ticker, markets in read_title(title).listed.items():
        assert re.fullmatch(r"[A-Z0-9]{1,15}", ticker)
        assert ticker != "KRW"
        assert markets
        assert len(set(markets)) == len(markets)


coins = st.from_regex(r"[A-Z][A-Z0-9]{0,9}", fullmatch=True).filter(lambda name: name != "KRW")
some_markets = st.lists(st.sampled_from(ALL), min_size=1, unique=True).map(tuple)
remarks = st.sampled_from(["", " (거래지원 개시 시점 연기 안내)", " (입출금 일시 중단 안내)", " (7/3 15:00)"])


@settings(max_examples=200)
@given(st.dictionaries(coins, some_markets, min_size=1, max_size=4), remarks, st.data())
def test_whatever_the_shape_each_coin_has_its_markets(
    listed: dict[str, tuple[str, ...]], remark: str, data: Any
) -> None:
    own = ", ".join(f"가 나 1.0({coin})({', '.join(each)} 마켓)" for coin, each in listed.items())
    assert read_title(f"{own} 신규 거래지원 안내{remark}").listed == listed
    shared = data.draw(some_markets)
    together = ", ".join(f"가나({coin})" for coin in listed)
    words = ", ".join(shared)
    for title in (
        f"{together} 신규 거래지원 안내 ({words} 마켓){remark}",
        f"{together} {words} 마켓 디지털 자산 추가{remark}",
        f"{words} 마켓 디지털 자산 추가 ({', '.join(listed)}){remark}",
    ):
        assert read_title(title).listed == dict.fromkeys(listed, shared)
