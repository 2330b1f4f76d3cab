"""The instrument lists of KuCoin: `symbols` of spot and `contracts/active` of futures (reference 6.1, 6.2)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, trimmed
from tests.simulator.venues.names import COINS, Worth, given, invented, typical_lots, worth

SPOT_USDT = 900
CONTRACTS = 673
"""USDT perpetuals in September 2026."""
RENAMED = {"BSV": "BCHSV", "WAXP": "WAX", "REV": "R", "GALA": "GALAX"}
"""Coins whose `symbol` still has the name before (behind the colon): the first three were so in 2021."""
_QUOTES = (
    ("USDC", 130),
    ("BTC", 110),
    ("ETH", 45),
    ("KCS", 30),
    ("EUR", 20),
    ("USD1", 12),
    ("TRX", 6),
    ("BRL", 6),
    ("DAI", 3),
    ("DOGE", 2),
)
_STOPPED = 40
_AUCTIONS = 3
AUCTION_END = 1_798_761_600_000
_FIRST_OPEN = 1_585_555_200_000
_THEMES = {
    "UNI": "DeFi",
    "AAVE": "DeFi",
    "SNX": "DeFi",
    "ENJ": "NFT",
    "SAND": "NFT",
    "DOT": "Polkadot",
    "KSM": "Polkadot",
}


def _market(base: str, quote: str) -> str:
    """The trading zone: that of the quote coin, or of a theme."""
    if base in _THEMES:
        return _THEMES[base]
    if quote in {"BTC", "KCS"}:
        return quote
    return "ALTS" if quote in {"ETH", "TRX", "DOGE"} else "USDS"


def _scale(price: Worth, base: str, most: int) -> tuple[int, int]:
    """Decimals of the price text and the tick in units of the last: four significant digits and one more, BTC two."""
    fine = price.exponent - (2 if base in {"BTC", "XBT"} else 1)
    digits = min(most, max(0, -fine))
    return digits, 10 ** max(0, fine + digits)


def spot_row(base: str, quote: str, price: Worth, *, first_id: int = 1, **fields: Any) -> Instrument:
    """One row of the spot list; all sizes and prices are text without trailing zeros."""
    digits, tick = _scale(price, base, 14)
    size_digits = min(8, max(0, price.exponent + 7))
    name = f"{RENAMED.get(base, base)}-{quote}"
    row = {
        "symbol": name,
        "name": f"{base}-{quote}",
        "baseCurrency": base,
        "quoteCurrency": quote,
        "feeCurrency": quote,
        "market": _market(base, quote),
        "baseMinSize": trimmed(10 ** min(3, size_digits), size_digits),
        "quoteMinSize": "0.1",
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": trimmed(1, size_digits),
        "quoteIncrement": "0.000001",
        "priceIncrement": trimmed(tick, digits),
        "priceLimitRate": "0.1",
        "minFunds": "0.1",
        "isMarginEnabled": base in COINS[:150],
        "enableTrading": True,
        "st": False,
        "callauctionIsEnabled": False,
        "tradingStartTime": None,
        **fields,
    }
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(price, size_digits)
    made = Instrument(name, base, quote, row, paid, tick, digits, 1, size_digits, typical, next_id=first_id)
    made.trim = True
    return made


class SpotLister:
    """About 1,300 rows in all quotes; some are stopped, a few wait for the end of their call auction."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:kucoin.spot")
        new = (name for name in invented(seed) if name not in RENAMED)
        coins = [*COINS[:8], "KCS", *COINS[8:], "BSV", "WAXP", "REV"]
        coins += islice(new, SPOT_USDT - len(coins))
        pairs: list[tuple[str, str, dict[str, Any]]] = [(base, "USDT", {}) for base in coins]
        for quote, count in _QUOTES:
            since = 0 if _market("", quote) == "USDS" else 12
            pairs += [(base, quote, {}) for base in [*coins[since : since + count], "BSV"]]
        pairs += [(base, "USDT", {"enableTrading": False, "st": True}) for base in islice(new, _STOPPED)]
        auction = {"callauctionIsEnabled": True, "tradingStartTime": AUCTION_END}
        pairs += [(base, "USDT", auction) for base in islice(new, _AUCTIONS)]
        rows = [
            spot_row(base, quote, worth(base, quote, seed), first_id=rng.randrange(10**12, 2 * 10**16), **fields)
            for base, quote, fields in pairs
        ]
        rows[0].next_id = 11_067_996_711_960_577
        return rows

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        """A renamed coin keeps the pair's symbol: the ledger takes the base from the row."""
        row = instrument.row
        instrument.base = row["baseCurrency"]
        trades = row["enableTrading"] and not row["callauctionIsEnabled"]
        return trades, trades and row["quoteCurrency"] == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return spot_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["enableTrading"] = False


def contract_row(
    base: str, quote: str, price: Worth, *, code: int = 9001, name: str = "", first_id: int = 1, **fields: Any
) -> Instrument:
    """One contract; a lot is the power of ten of coins that is worth somewhere between 10 and 100 units of the quote.

    `multiplier`, `lotSize` and `tickSize` are JSON numbers, so `Decimal` here. The first contracts opened first.
    """
    digits, tick = _scale(price, base, 12)
    power = min(4, max(-3, -2 - price.exponent))
    multiplier = fields.get("multiplier", Decimal(1).scaleb(power) if power < 0 else Decimal(10**power))
    lot = 10 if code % 40 == 39 else 1
    row = {
        "symbol": name or f"{base}{quote}M",
        "rootSymbol": quote,
        "type": "FFWCSX",
        "firstOpenDate": _FIRST_OPEN + min(code, 750) * 75 * 3_600_000,
        "expireDate": None,
        "settleDate": None,
        "baseCurrency": base,
        "quoteCurrency": quote,
        "settleCurrency": quote,
        "maxOrderQty": 1_000_000,
        "maxPrice": Decimal("1000000.0"),
        "lotSize": lot,
        "tickSize": Decimal(trimmed(tick, digits)),
        "indexPriceTickSize": Decimal(trimmed(tick, digits)) / 10,
        "multiplier": multiplier,
        "isInverse": False,
        "isQuanto": False,
        "status": "Open",
        "marketStage": "NORMAL",
        "fundingRateGranularity": 28_800_000,
        "nextFundingRateTime": 25_481_884,  # ms from now; a dated contract has none
        **fields,
    }
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(price, -power)
    made = Instrument(row["symbol"], base, quote, row, paid, tick, digits, lot, 0, max(1, 5 * typical // lot))
    made.trim, made.group, made.next_id = True, code, first_id
    return made


class ContractLister:
    """673 USDT perpetuals, and contracts in USDC, inverse, dated, before their market opens, paused and settling."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:kucoin.futures")
        rows = []
        for code, (base, quote, fields) in enumerate(_contracts(invented(seed)), 1):
            price = worth("BTC" if base == "XBT" else base, quote, seed)
            made = contract_row(base, quote, price, code=code, first_id=rng.randrange(10**12, 2 * 10**12), **fields)
            if made.row["marketStage"] is None:  # some rows have no such field
                del made.row["marketStage"]
            rows.append(made)
        rows[0].next_id = 1_794_100_537_695
        return rows

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        """A re-denominated contract has another multiplier: the ledger takes it from the row."""
        row = instrument.row
        instrument.multiplier = f"{Decimal(str(row['multiplier'])):f}"
        trades = row["status"] == "Open"
        linear = row["type"] == "FFWCSX" and not row["isInverse"] and row["settleCurrency"] == "USDT"
        return trades, trades and linear and row.get("marketStage", "NORMAL") == "NORMAL"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return contract_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["status"] = "BeingSettled"


def _contracts(new: Iterator[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Base, quote and what differs from a plain USDT perpetual; two names have a unit factor beside the multiplier."""
    coins = ["XBT", *(coin for coin in COINS[1:] if coin != "BONK"), "BSV"]
    coins[40:40] = ["1000BONK", "10000SATS"]
    coins += islice(new, CONTRACTS - len(coins))
    wanted: list[tuple[str, str, dict[str, Any]]] = []
    for number, base in enumerate(coins):
        wanted.append((base, "USDT", {"marketStage": None} if number % 30 == 29 else {}))
    wanted += [(base, "USDC", {}) for base in coins[:12]]
    for base in ("XBT", "ETH", "XRP", "DOT", "SOL"):
        inverse = {"name": f"{base}USDM", "settleCurrency": base, "isInverse": True, "multiplier": -1}
        wanted.append((base, "USD", inverse))
    wanted += [("XBT", "USD", _dated("XBTMZ26", "XBT")), ("XBT", "USD", _dated("XBTMH27", "XBT"))]
    wanted.append(("ETH", "USDT", _dated("ETHUSDTMZ26", "USDT")))
    wanted += [(base, "USDT", {"marketStage": "PRE_MARKET"}) for base in islice(new, 3)]
    for status in ("Paused", "Paused", "BeingSettled", "CancelOnly"):
        wanted.append((next(new), "USDT", {"status": status}))
    return wanted


def _dated(name: str, settle: str) -> dict[str, Any]:
    """What a dated contract has instead; those in coins are inverse."""
    expires = 1_798_185_600_000 if name.endswith("Z26") else 1_806_048_000_000
    fields: dict[str, Any] = {"name": name, "type": "FFICSX", "settleCurrency": settle}
    fields |= {"expireDate": expires, "settleDate": expires + 86_400_000, "fundingRateGranularity": None}
    fields |= {"nextFundingRateTime": None}
    return fields if settle == "USDT" else fields | {"isInverse": True, "multiplier": -1}
