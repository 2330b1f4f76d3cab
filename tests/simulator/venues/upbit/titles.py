"""Titles of Upbit's announcements: how a listing is worded, twelve real ones, and others that list nothing in KRW.

From reference 9.5; the others are made after its patterns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CATEGORIES = {
    "notice": ("공지", "Notice"),
    "trade": ("거래", "Trade"),
    "wallet": ("입출금", "Wallet"),
    "maintenance": ("점검", "Maintenance"),
    "digital_asset": ("디지털 자산", "Digital Asset"),
    "nft": ("NFT", "NFT"),
    "service": ("서비스", "Service"),
    "event": ("이벤트", "Event"),
}
"""What a request calls a category, and what a row calls it in Korean and English."""

MARKETS = ("KRW", "BTC", "USDT")


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin of a notice and the markets it comes to."""

    base: str
    name: str
    markets: tuple[str, ...]
    english: str


@dataclass(frozen=True, slots=True)
class Titled:
    """A title of the stock: its category, and the markets of each coin that it lists."""

    title: str
    category: str = "trade"
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    english: str | None = None
    """The title on the English pages; without one they don't have the notice."""


SUFFIXES = (
    "(거래지원 개시 시점 안내)",
    "(거래지원 개시 시점 연기 안내)",
    "(거래지원 개시 시점 추가 변경 안내)",
    "(거래지원 개시 시점 및 매도 최저가 기준 가격 안내)",
)
"""What edits put behind a title, first edit first."""


def title(coins: Sequence[Coin], shape: int) -> str:
    """The Korean title of a listing in one of the reference's shapes; 1, 2, 4 and 5 tell the first coin's markets."""
    named = ", ".join(f"{coin.name}({coin.base})" for coin in coins)
    together = ", ".join(coins[0].markets)
    apart = ", ".join(f"{coin.name}({coin.base})({', '.join(coin.markets)} 마켓)" for coin in coins)
    return {
        1: f"{named} {together} 마켓 디지털 자산 추가",
        2: f"{named} 신규 거래지원 안내 ({together} 마켓)",
        3: f"{apart} 신규 거래지원 안내",
        4: f"{together} 마켓 디지털 자산 추가 ({', '.join(coin.base for coin in coins)})",
        5: f"{named} 신규 거래지원 안내 ({together} 마켓) {SUFFIXES[-1]}",
    }[shape]


def english(coins: Sequence[Coin]) -> str:
    """The English title of a listing."""
    apart = ", ".join(f"{coin.english}({coin.base}) ({', '.join(coin.markets)} Market)" for coin in coins)
    return f"Market Support for {apart}"


LISTINGS = (
    Titled("돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)", lists={"POD": MARKETS}),
    Titled("오덜리(ORDER) KRW 마켓 디지털 자산 추가", lists={"ORDER": ("KRW",)}),
    Titled("뉴메레르(NMR) KRW, USDT 마켓 디지털 자산 추가", lists={"NMR": ("KRW", "USDT")}),
    Titled("펏지펭귄(PENGU) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)", lists={"PENGU": MARKETS}),
    Titled(
        "플록(FLOCK), 포르타(FORT) 신규 거래지원 안내 (BTC, USDT 마켓)",
        lists={"FLOCK": ("BTC", "USDT"), "FORT": ("BTC", "USDT")},
    ),
    Titled(
        "셀레스티아(TIA)(KRW, BTC, USDT 마켓), 아이오넷(IO)(BTC, USDT 마켓) 신규 거래지원 안내",
        lists={"TIA": MARKETS, "IO": ("BTC", "USDT")},
    ),
    Titled(
        "라이브피어(LPT)(KRW, USDT 마켓), 포켓네트워크(POKT)(KRW 마켓) 디지털 자산 추가",
        lists={"LPT": ("KRW", "USDT"), "POKT": ("KRW",)},
    ),
    Titled("KRW, BTC 마켓 디지털 자산 추가 (ALT, PYTH)", lists={"ALT": ("KRW", "BTC"), "PYTH": ("KRW", "BTC")}),
    Titled("KRW 마켓 디지털 자산 추가 (ASTR) (거래지원 개시 시점 연기 안내)", lists={"ASTR": ("KRW",)}),
    Titled(
        "BTC, USDT 마켓 신규 거래지원 안내 (BICO, BMT, NIL, GWEI) (일부 디지털 자산 거래지원 개시 시점 추가 변경 안내)",
        lists=dict.fromkeys(("BICO", "BMT", "NIL", "GWEI"), ("BTC", "USDT")),
    ),
    Titled(
        "소폰(SOPH) 신규 거래지원 안내 (KRW, BTC, USDT 마켓) (거래지원 개시 시점 및 매도 최저가 기준 가격 안내)",
        lists={"SOPH": MARKETS},
    ),
    Titled(
        "Market Support for Dolphin(POD) (KRW, BTC, USDT Market)",
        lists={"POD": MARKETS},
        english="Market Support for Dolphin(POD) (KRW, BTC, USDT Market)",
    ),
)
"""The twelve of the reference, the English one last; two of them list nothing in KRW."""

OTHERS = (
    # Listings on other markets, one with a remark that speaks of won
    Titled("바운드리스(ZKC) 신규 거래지원 안내 (BTC, USDT 마켓)", lists={"ZKC": ("BTC", "USDT")}),
    Titled("보라(BORA) BTC 마켓 디지털 자산 추가", lists={"BORA": ("BTC",)}),
    Titled(
        "USDT 마켓 디지털 자산 추가 (SAHARA, HOME)",
        lists={"SAHARA": ("USDT",), "HOME": ("USDT",)},
    ),
    Titled(
        "아이오넷(IO)(BTC, USDT 마켓), 리스타다오(LISTA)(BTC 마켓) 신규 거래지원 안내",
        lists={"IO": ("BTC", "USDT"), "LISTA": ("BTC",)},
    ),
    Titled("BTC 마켓 신규 거래지원 안내 (OM) (KRW 입출금 지원 일정 안내)", lists={"OM": ("BTC",)}),
    Titled(
        "1인치네트워크(1INCH) 신규 거래지원 안내 (USDT 마켓) (거래지원 개시 시점 연기 안내)",
        lists={"1INCH": ("USDT",)},
    ),
    Titled(
        "Market Support for Sahara AI(SAHARA) (BTC, USDT Market)",
        lists={"SAHARA": ("BTC", "USDT")},
        english="Market Support for Sahara AI(SAHARA) (BTC, USDT Market)",
    ),
    # The end of a listing, and warnings of one
    Titled("세럼(SRM) 거래지원 종료 안내 (7/3 15:00)", english="Termination of Market Support for Serum(SRM)"),
    Titled("오덜리(ORDER) KRW 마켓 거래지원 종료 안내 (8/18 15:00)"),
    Titled("디센트럴랜드(MANA) 거래 지원 종료 안내 (KRW, BTC 마켓)"),
    Titled("스텝(STPT) 거래지원 종료 결정 철회 안내"),
    Titled("KRW, BTC 마켓 거래지원 종료 안내 (NPXS, LAMB)"),
    Titled("스텝(STPT) 거래 유의 종목 지정 안내"),
    Titled("썸씽(SSX) 유의 종목 지정 기간 연장 안내"),
    Titled("갤럭시아(GXA) 거래 유의 종목 지정 해제 안내 (KRW, BTC 마켓)"),
    Titled("보라(BORA) 거래유의 종목 지정 안내 (KRW 마켓)"),
    # Trade on markets that are there already
    Titled("셀레스티아(TIA) 거래지원 개시 시점 연기 안내"),
    Titled("KRW 마켓 호가 단위 변경 안내"),
    Titled("KRW 마켓 최소 주문 가능 금액 변경 안내"),
    Titled("KRW 마켓 주문 유형 추가 안내 (예약-지정가)"),
    Titled("비트코인캐시(BCH) 거래 일시 중단 안내 (KRW, BTC, USDT 마켓)"),
    Titled("비트코인캐시(BCH) 거래 재개 안내 (KRW, BTC, USDT 마켓)"),
    Titled("USDT 마켓 거래 수수료 변경 안내"),
    # Deposits and withdrawals
    Titled("아발란체(AVAX) 네트워크 업그레이드로 인한 입출금 일시 중단 안내 (11/19 10:00 ~)", "wallet"),
    Titled("솔라나(SOL) 입출금 재개 안내", "wallet", english="Resumption of Deposits and Withdrawals for Solana(SOL)"),
    Titled("KRW 입출금 일시 중단 안내 (케이뱅크 점검)", "wallet"),
    Titled("이더리움(ETH) 계열 디지털 자산 입출금 일시 중단 안내 (KRW 마켓 포함)", "wallet"),
    Titled("엑스알피(XRP) 최소 출금 수량 변경 안내", "wallet"),
    # Supply, names, networks
    Titled("앱토스(APT) 유통량 계획 변경 안내", "digital_asset"),
    Titled("수이(SUI) 유통량 관련 안내", "digital_asset"),
    Titled("폴리곤(MATIC) 디지털 자산명 및 티커 변경 안내 (MATIC → POL)", "digital_asset"),
    Titled("세이프(SAFE) 컨트랙트 교체 지원 안내", "digital_asset"),
    Titled("플레어(FLR) 에어드랍 지원 안내", "digital_asset"),
    Titled("이더리움(ETH) 하드포크 지원 안내 (KRW, BTC, USDT 마켓)", "digital_asset"),
    # The house itself
    Titled("신규 거래지원 심사 절차 안내", "notice"),
    Titled("거래지원을 빙자한 사칭 및 사기 주의 안내", "notice"),
    Titled("이용약관 개정 안내", "notice", english="Amendment of Terms of Use"),
    Titled("추석 연휴 고객센터 운영 안내 (9/24 ~ 9/27)", "notice"),
    Titled(
        "서버 점검 안내 (11/20 02:00 ~ 06:00)", "maintenance", english="Scheduled Maintenance (11/20 02:00 ~ 06:00)"
    ),
    Titled("긴급 서버 점검 완료 안내 (KRW 마켓 거래 재개)", "maintenance"),
    Titled("코인 모으기 KRW 마켓 디지털 자산 지원 안내 (BTC, ETH)", "service"),
    Titled("스테이킹 서비스 코스모스(ATOM) 지원 안내", "service"),
    Titled("Open API 변경 사항 안내 (KRW-BTC 호가 모아보기)", "service"),
    Titled("NFT 드롭스 종료 안내", "nft"),
    Titled("펏지펭귄(PENGU) 신규 거래지원 기념 이벤트 안내", "event"),
    Titled("에어드랍 이벤트 당첨자 안내 (KRW 10,000원 상당 BTC)", "event"),
)
"""None of them lists a coin in KRW."""
