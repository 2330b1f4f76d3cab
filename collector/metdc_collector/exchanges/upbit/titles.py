"""The titles of Upbit's notices → which coins get a pair in which markets.

A listing is told in five shapes, which put tickers and markets in different places (real titles)::

    오덜리(ORDER) KRW 마켓 디지털 자산 추가
    펏지펭귄(PENGU) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)
    셀레스티아(TIA)(KRW, BTC, USDT 마켓), 아이오넷(IO)(BTC, USDT 마켓) 신규 거래지원 안내
    KRW, BTC 마켓 디지털 자산 추가 (ALT, PYTH)
    소폰(SOPH) 신규 거래지원 안내 (KRW, BTC, USDT 마켓) (거래지원 개시 시점 및 매도 최저가 기준 가격 안내)

in English ``Market Support for Dolphin(POD) (KRW, BTC, USDT Market)``. A group in parentheses that ends in ``마켓``
(market) names markets, one of tickers alone names coins, any other is a remark, such as of an edit. A ticker belongs to
the next group of markets to its right, else to the markets that stand outside parentheses.

What is no listing: titles without ``신규 거래지원`` (new support), ``디지털 자산 추가`` (asset added) or ``마켓 추가``;
those with ``거래지원 종료`` (delisting), ``거래 유의`` or ``유의 종목`` (caution); and, outside parentheses, words of
deposits, withdrawals and supply. A remark with ``거래지원 취소`` takes back what was announced.

Assumed: an event, an airdrop, staking or maintenance in a title that reads like a listing otherwise makes it doubtful,
and so does the KRW market in a title of no known sort. Whoever reads such a title has to tell a person.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_POSITIVE = re.compile(r"신규\s*거래\s*지원|디지털\s*자산\s*추가|마켓\s*추가|market\s+support\s+for", re.IGNORECASE)
_NEGATIVE = re.compile(r"거래\s*지원\s*종료|거래\s*유의|유의\s*종목")
_SOFT = re.compile(r"입출금|입금|출금|유통량|일시\s*중단|재개")
_OTHER = re.compile(r"이벤트|에어드[랍롭]|스테이킹|점검|\b(?:event|airdrop|staking|maintenance)\b", re.IGNORECASE)
_CANCELLED = re.compile(r"거래\s*지원\s*취소")
_WON = re.compile(r"원화(?=\s*마켓)")
_MARKET_LIST = re.compile(r"([A-Z]+(?:\s*[,/·&]\s*[A-Z]+)*)\s*(?:마켓|[Mm]arkets?)")
_TICKER_LIST = re.compile(r"[A-Z0-9]{1,15}(?:\s*,\s*[A-Z0-9]{1,15})*")
_TICKER = re.compile(r"[A-Z0-9]*[A-Z][A-Z0-9]*")
_MARKETS = re.compile(r"[A-Z]+")
_KRW = "KRW"
_KRW_MARKET = re.compile(r"\bKRW\b.*(?:마켓|market)", re.IGNORECASE | re.DOTALL)
# Far above any title, far below what could cost time.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a title says.

    Attributes:
        listed: the coins that get pairs, by Upbit's tickers, with their markets: ``{"TIA": ("KRW", "BTC", "USDT")}``.
        doubt: why a person should read the title; null where it is understood.
    """

    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubt: str | None = None

    @property
    def krw(self) -> tuple[str, ...]:
        """The coins that get a pair in KRW, in the title's order."""
        return tuple(ticker for ticker, markets in self.listed.items() if _KRW in markets)


class _Part(NamedTuple):
    """A piece of a title: what stands outside parentheses, or a whole group."""

    text: str
    group: bool


def read_title(title: str) -> Verdict:
    """Return what a title says; never raises."""
    if len(title) > _LONGEST:
        return Verdict(doubt=f"the title is longer than {_LONGEST} characters")
    parts = _parts(_WON.sub(_KRW, unicodedata.normalize("NFKC", title)))
    whole = " ".join(part.text for part in parts)
    outside = " ".join(part.text for part in parts if not part.group)
    if _NEGATIVE.search(whole) or _SOFT.search(outside):
        return Verdict()
    if not _POSITIVE.search(whole):
        doubtful = _KRW_MARKET.search(whole) and not (_SOFT.search(whole) or _OTHER.search(whole))
        return Verdict(doubt="it names the KRW market in no phrase that is known") if doubtful else Verdict()
    listed, unbound = _bound(parts)
    listed = {ticker: markets for ticker, markets in listed.items() if ticker not in _taken_back(parts, listed)}
    verdict = Verdict(listed, _doubt(listed, unbound, whole))
    if _OTHER.search(outside):
        return Verdict(doubt="it reads like a listing, and like something else") if verdict.krw else Verdict()
    return verdict


def _doubt(listed: Mapping[str, tuple[str, ...]], unbound: list[str], whole: str) -> str | None:
    if unbound:
        return f"no markets can be told for {', '.join(unbound)}"
    if listed or _CANCELLED.search(whole):
        return None
    # Of the other markets alone it would be no listing in KRW, whatever the coin.
    return "no ticker can be told" if _KRW in whole or not _MARKET_LIST.search(whole) else None


def _parts(title: str) -> list[_Part]:
    """Split a title at its outer parentheses; what is never closed is a group to its end."""
    parts: list[_Part] = []
    depth, start = 0, 0
    for place, letter in enumerate(title):
        if letter == "(":
            if depth == 0:
                parts.append(_Part(title[start:place], group=False))
                start = place + 1
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
            if depth == 0:
                parts.append(_Part(title[start:place].strip(), group=True))
                start = place + 1
    return [*parts, _Part(title[start:], group=depth > 0)]


def _bound(parts: list[_Part]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return each ticker with its markets, and the tickers for which no markets stand anywhere."""
    found: dict[str, tuple[str, ...]] = {}
    unbound: list[str] = []
    for place, part in enumerate(parts):
        for ticker in _tickers(part):
            markets = _markets_for(parts, place)
            if markets:
                found[ticker] = (*found.get(ticker, ()), *(m for m in markets if m not in found.get(ticker, ())))
            else:
                unbound.append(ticker)
    return found, [ticker for ticker in unbound if ticker not in found]


def _markets_for(parts: list[_Part], place: int) -> tuple[str, ...]:
    """The markets of a ticker at a place: the next group of them, else the next outside, else the last before."""
    for part in parts[place:]:
        if part.group and (markets := _market_group(part.text)):
            return markets
    after = list(_market_words(parts[place:]))
    before = list(_market_words(parts[:place]))
    return after[0] if after else before[-1] if before else ()


def _market_group(text: str) -> tuple[str, ...]:
    found = _MARKET_LIST.fullmatch(text)
    return () if found is None else _names(found[1])


def _market_words(parts: list[_Part]) -> Iterator[tuple[str, ...]]:
    for part in parts:
        if not part.group:
            yield from (_names(found) for found in _MARKET_LIST.findall(part.text))


def _names(markets: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_MARKETS.findall(markets)))


def _tickers(part: _Part) -> list[str]:
    """The coins of a group of tickers alone; KRW is money, and digits alone are a year or a count."""
    if not part.group or _TICKER_LIST.fullmatch(part.text) is None:
        return []
    names = [name.strip() for name in part.text.split(",")]
    return [name for name in names if name != _KRW and _TICKER.fullmatch(name)]


def _taken_back(parts: list[_Part], listed: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The coins whose listing remarks cancel: those that a remark names, else all."""
    gone: set[str] = set()
    for part in parts:
        if part.group and _CANCELLED.search(part.text):
            named = set(_TICKER.findall(part.text)) & listed.keys()
            gone |= named or set(listed)
    return gone
