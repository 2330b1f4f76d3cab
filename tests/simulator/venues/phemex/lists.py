"""The instrument lists of Phemex: one body with all product families (reference 8.1)."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, fixed, trimmed
from tests.simulator.venues.names import COINS, Worth, given, invented, lot_digits, typical_lots, worth

SPOT_LISTED = 177
PERPETUALS = 116
DELISTED = 765
FAMILY = 8
"""Instruments that share a `sequence` counter are taken to be those of one of this many groups."""
_ODD = ("u1000PEPE", "u1000SHIB", "1000BONK", "1000FLOKI", "10000SATS", "1000000MOG")
_IN_ODD = {"PEPE", "SHIB", "BONK", "FLOKI"}
_SCALES = {
    "USD": 4,
    "BTC": 8,
    "USDT": 8,
    "USDC": 8,
    "ETH": 8,
    "SHIB": 2,
    "PEPE": 2,
    "BONK": 3,
    "FLOKI": 4,
    "LUNC": 4,
    "DOGE": 6,
}
LISTED_AT = 1668225600000


def value_scale(currency: str) -> int:
    """Decimals of a currency's integers; 8 for most, fewer for coins that come by the billion."""
    if currency in _SCALES:
        return _SCALES[currency]
    return 6 if sum(currency.encode()) % 7 == 0 else 8


def spot_row(base: str, quote: str, price: Worth, *, code: int = 1001, status: str = "Listed") -> Instrument:
    """One spot row; the wire has integers: prices times 10^8, sizes times 10^valueScale of the base."""
    scale = value_scale(base)
    tick = 10 ** max(0, price.exponent - (3 if base == "BTC" else 1) + 8)
    size_digits = lot_digits(price, min(6, scale))
    lot = 10 ** (scale - size_digits)
    row = {
        "symbol": f"s{base}{quote}",
        "code": code,
        "type": "Spot",
        "displaySymbol": f"{base} / {quote}",
        "baseCurrency": base,
        "quoteCurrency": quote,
        "priceScale": 8,
        "ratioScale": 8,
        "baseTickSize": f"{trimmed(lot, scale)} {base}",
        "baseTickSizeEv": lot,
        "quoteTickSize": f"{trimmed(tick, 8)} {quote}",
        "quoteTickSizeEv": tick,
        "pricePrecision": len(trimmed(tick, 8).partition(".")[2]),
        "baseQtyPrecision": size_digits,
        "status": status,
        "listTime": LISTED_AT,
        "minOrderValue": f"1 {quote}",
        "minOrderValueEv": 100000000,
        "tipOrderQty": 20,
    }
    paid = max(tick, price.units(8) // tick * tick)
    name, typical = f"s{base}{quote}", typical_lots(price, size_digits)
    made = Instrument(name, base, quote, row, paid, tick, 0, lot, 0, typical, group=code % FAMILY)
    made.price_scale, made.quantity_scale = 8, scale
    return made


def _base(name: str) -> str:
    """The currency of a contract's name: `1000 PEPE` of u1000PEPE."""
    bare = name.removeprefix("u")
    factor = next((number for number in ("1000000", "10000", "1000") if bare.startswith(number)), "")
    return f"{factor} {bare[len(factor) :]}" if factor else bare


def perpetual_row(
    name: str, quote: str, price: Worth, *, code: int = 41541, status: str = "Listed", kind: str = "Normal"
) -> Instrument:
    """One perpetual; the wire has plain decimals without trailing zeros."""
    fine = price.exponent - (2 if name == "BTC" else 1)
    digits = min(8, max(0, -fine))
    tick = 10 ** max(0, fine + digits)
    size_digits = lot_digits(price, 3)
    base = _base(name)
    row = {
        "symbol": name + quote,
        "code": code,
        "type": "PerpetualV2",
        "perpProductSubType": kind,
        "displaySymbol": f"{base} / {quote}",
        "baseCurrency": base,
        "quoteCurrency": quote,
        "settleCurrency": quote,
        "contractUnderlyingAssets": base,
        "indexSymbol": f".{name}{quote}",
        "markSymbol": f".M{name}{quote}",
        "tickSize": trimmed(tick, digits),
        "priceScale": 0,
        "ratioScale": 0,
        "pricePrecision": digits,
        "qtyPrecision": size_digits,
        "qtyStepSize": fixed(1, size_digits),
        "status": status,
        "listTime": LISTED_AT,
        "fundingInterval": 28800,
    }
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(price, size_digits)
    made = Instrument(name + quote, base, quote, row, paid, tick, digits, 1, size_digits, typical, group=code % FAMILY)
    made.trim = True
    return made


def _plain(seed: int) -> list[str]:
    return [*(coin for coin in COINS if coin not in _IN_ODD), *islice(invented(seed), 900)]


class SpotLister:
    """177 listed spot pairs, some in USDC, and delisted ones."""

    def universe(self, seed: int) -> list[Instrument]:
        pairs = [(base, "USDT", "Listed") for base in COINS[: SPOT_LISTED - 12]]
        pairs += [(base, "USDC", "Listed") for base in COINS[:12]]
        pairs += [(base, "USDT", "Delisted") for base in _plain(seed)[300:340]]
        return [
            spot_row(base, quote, worth(base, quote, seed), code=1001 + 10 * index, status=status)
            for index, (base, quote, status) in enumerate(pairs)
        ]

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        listed = instrument.row["status"] == "Listed"
        return listed, listed and instrument.quote == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return spot_row(base, quote, given(price), code=9001)

    def retire(self, instrument: Instrument) -> None:
        instrument.row["status"] = "Delisted"


class PerpetualLister:
    """116 listed USDT perpetuals, 765 delisted rows, and those of other kinds."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:phemex.futures")
        plain = _plain(seed)
        names = [*plain[:9], *_ODD, *plain[9 : PERPETUALS - len(_ODD)]]
        rows = [(name, "USDT", "Listed", "Normal") for name in names[:PERPETUALS]]
        rows += [(name, "USDC", "Listed", "Normal") for name in plain[:6]]
        rows += [(name, "USDT", "Listed", "TradFi") for name in ("XAU", "XAG", "TSLA", "NVDA", "AAPL")]
        rows += [(name, "USDT", "Listed", "PreMarket") for name in plain[1000:1002]]
        rows += [(name, "USDT", "Delisted", "Normal") for name in plain[110 : 110 + DELISTED + 6] if name not in names][
            :DELISTED
        ]
        return [
            perpetual_row(
                name,
                quote,
                worth(name.removeprefix("u"), quote, seed),
                code=41541 + rng.randrange(9) + 10 * index,
                status=status,
                kind=kind,
            )
            for index, (name, quote, status, kind) in enumerate(rows)
        ]

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        row = instrument.row
        listed = row["status"] == "Listed"
        return listed, listed and row["settleCurrency"] == "USDT" and row["perpProductSubType"] == "Normal"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return perpetual_row(base, quote, given(price), code=99001)

    def retire(self, instrument: Instrument) -> None:
        instrument.row["status"] = "Delisted"


def inverse_rows() -> list[dict[str, Any]]:
    """Old inverse contracts, which stand among the spot rows in `data.products`; they are listed but not simulated."""
    return [
        {
            "symbol": f"{coin}USD",
            "code": index,
            "type": "Perpetual",
            "displaySymbol": f"{coin} / USD",
            "indexSymbol": f".{coin}",
            "contractUnderlyingAssets": "USD",
            "settleCurrency": coin,
            "quoteCurrency": "USD",
            "contractSize": 1.0,
            "lotSize": 1,
            "tickSize": 0.5,
            "priceScale": 4,
            "ratioScale": 8,
            "pricePrecision": 1,
            "status": "Listed" if index < 3 else "Delisted",
        }
        for index, coin in enumerate(("BTC", "ETH", "XRP", "LINK", "ADA", "DOT"), 1)
    ]


def currencies(names: list[str]) -> list[dict[str, Any]]:
    """The currencies of all spot rows with their scales."""
    return [
        {
            "currency": name,
            "name": name.title(),
            "code": code,
            "valueScale": value_scale(name),
            "minValueEv": 1,
            "needAddrTag": 0,
        }
        for code, name in enumerate(dict.fromkeys(["BTC", "USD", "USDT", "USDC", *names]), 1)
    ]
