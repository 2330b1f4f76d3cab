"""What the watcher's tests are about: notices and pages of them."""

from collections.abc import Sequence

from metdc_collector.exchanges.upbit.notices import Notice, Page
from tests.unit.collector.made import MOMENT, SECOND

POD = "돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)"
TWO = "KRW, BTC 마켓 디지털 자산 추가 (ALT, PYTH)"
OTHER = "소폰(SOPH) 거래 유의 종목 지정 안내"
DOUBTFUL = "돌핀 신규 거래지원 안내 (KRW 마켓)"


def notice(number: int, title: str = OTHER, *, at: int = 0, edited: int = 0, body: str | None = None) -> Notice:
    """A notice that was published so many seconds after :data:`MOMENT`, and edited so many seconds after that."""
    announced = MOMENT + at * SECOND
    return Notice(number, title, announced, announced + edited * SECOND, body)


def page(*notices: Notice, pinned: Sequence[Notice] = (), damaged: Sequence[str] = ()) -> Page:
    """A page of the list."""
    return Page(notices, pinned, damaged)
