"""The market list of Upbit: pairs by quote and base, with Korean and English names (reference 9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.simulator.core.model import Instrument, trimmed
from tests.simulator.venues.names import COINS, Worth, given, scaled, worth

KRW, BTC, USDT = 289, 328, 238
"""Pairs of each quote on 2026-09-23."""
DIGITS = 8
"""Decimals that prices and sizes are counted in; the wire's text leaves trailing zeros out."""
_WON = given("1370")
_STABLE = ("USDT", "USDC")
_BUDGET = {"KRW": 60_000 * 10**DIGITS, "BTC": 50_000, "USDT": 40 * 10**DIGITS}
"""What a common trade is worth, in 10^-8 of the quote coin."""
_KOREAN = {
    "BTC": "비트코인",
    "ETH": "이더리움",
    "XRP": "엑스알피",
    "SOL": "솔라나",
    "DOGE": "도지코인",
    "ADA": "에이다",
    "TRX": "트론",
    "USDT": "테더",
    "USDC": "유에스디코인",
}
_ENGLISH = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "DOGE": "Dogecoin", "ADA": "Ada", "USDT": "Tether"}
_LETTERS = """
에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 엑스 와이 제트
영 일 이 삼 사 오 육 칠 팔 구
"""
_SPELLED = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", _LETTERS.split(), strict=True))
_CAUTIONS = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)


def number_text(value: int) -> str:
    """A JSON number of `value` / 10^8 as the venue writes it: with a point always, now and then with an exponent.

    Which of the large (from 10^7) and small (below 10^-3) numbers have an exponent follows from the value alone, about
    one in five, so that ledger, WebSocket and REST have one text for one number.
    """
    digits = str(value)
    middling = 10 ** (DIGITS - 3) <= value < 10 ** (DIGITS + 7)
    if value and not middling and sum(map(int, digits)) % 5 == 0:
        mantissa = digits.rstrip("0")
        return f"{mantissa[0]}.{mantissa[1:] or '0'}E{len(digits) - 1 - DIGITS}"
    text = trimmed(value, DIGITS)
    return text if "." in text else f"{text}.0"


@dataclass(slots=True, eq=False)
class Pair(Instrument):
    """An instrument whose prices and sizes are JSON numbers."""

    def price_text(self, value: int) -> str:
        return number_text(value)

    def size_text(self, value: int) -> str:
        return number_text(value)


def _event(base: str) -> dict[str, Any]:
    """Cautions of some pairs; such a pair trades like any other."""
    marked = sum(base.encode())
    caution = {name: marked % (11 + 2 * index) == 0 for index, name in enumerate(_CAUTIONS)}
    return {"warning": marked % 29 == 0, "caution": caution}


def pair(base: str, quote: str, price: Worth) -> Pair:
    """One row of the list with `market_event`, and the pair's trading."""
    row = {
        "market": f"{quote}-{base}",
        "korean_name": _KOREAN.get(base) or "".join(_SPELLED.get(letter, letter) for letter in base),
        "english_name": _ENGLISH.get(base, base.title()),
        "market_event": _event(base),
    }
    tick = scaled(1, max(0, price.exponent - (2 if base == "BTC" else 0) + DIGITS))
    paid = max(tick, price.units(DIGITS) // tick * tick)
    typical = max(1, min(10**16, _BUDGET.get(quote, _BUDGET["USDT"]) * 10**DIGITS // paid))
    return Pair(f"{quote}-{base}", base, quote, row, paid, tick, DIGITS, 1, DIGITS, typical)


class UpbitLister:
    """855 pairs; what the list has no row of does not trade, there is no status."""

    def universe(self, seed: int) -> list[Instrument]:
        pairs = [(base, "KRW") for base in [*COINS[:3], *_STABLE, *COINS[3:]][:KRW]]
        pairs += [(base, "USDT") for base in COINS[:USDT]]
        pairs += [(base, "BTC") for base in COINS[1 : BTC + 1]]
        return [pair(base, quote, _WON if base in _STABLE else worth(base, quote, seed)) for base, quote in pairs]

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        listed = bool(instrument.row)
        return listed, listed and instrument.quote == "KRW"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        """A new pair has no trades from before its listing."""
        made = pair(base, quote, given(price))
        made.begun = True
        return made

    def retire(self, instrument: Instrument) -> None:
        """A delisted pair vanishes from the list: its row is empty."""
        instrument.row.clear()
