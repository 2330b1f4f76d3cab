"""The instrument lists of both Binance markets: rows as `exchangeInfo` shows them."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, fixed
from tests.simulator.venues.names import COINS, Worth, given, invented, lot_digits, typical_lots, worth

SPOT_ROWS = 3000
SPOT_USDT = 440
FUTURES_USDT = 505
FOREVER = 4133404800000
_QUOTES = (
    ("USDC", 230),
    ("FDUSD", 60),
    ("TRY", 260),
    ("BTC", 180),
    ("EUR", 60),
    ("BNB", 50),
    ("ETH", 45),
    ("BRL", 30),
    ("JPY", 30),
    ("ARS", 8),
    ("MXN", 8),
    ("PLN", 6),
    ("ZAR", 4),
    ("UAH", 6),
    ("IDR", 4),
    ("TRX", 3),
    ("XRP", 2),
    ("DOGE", 1),
)
_GONE = ("BUSD", "TUSD", "BTC", "ETH", "BNB", "USDT", "AUD", "GBP", "RUB", "NGN", "BIDR", "VAI", "EUR", "USDC")
_ODD_SPOT = ("1000SATS", "1MBABYDOGE", "1000CAT", "1000CHEEMS")
_ODD_FUTURES = (
    "1000PEPE",
    "1000SHIB",
    "1000BONK",
    "1000FLOKI",
    "1000SATS",
    "1000LUNC",
    "1000XEC",
    "1000CAT",
    "1000RATS",
    "RATS",
    "1000WHY",
    "1000000MOG",
    "1000000BOB",
    "1MBABYDOGE",
    "币安人生",
    "我踏马来了",
)
_STOCKS = ("TSLA", "NVDA", "AAPL", "AMZN", "META", "MSTR", "COIN", "HOOD", "PLTR", "INTC", "GOOGL", "XAU", "XAG")


def _filters(tick: str, lot: str) -> list[dict[str, Any]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "900000000.00000000", "stepSize": lot},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
    ]


def spot_row(base: str, quote: str, price: Worth, *, status: str = "TRADING", first_id: int = 1) -> Instrument:
    """One row of the spot list; prices and sizes have eight decimals on the wire."""
    tick = 10 ** max(0, price.exponent - (3 if base == "BTC" else 1) + 8)
    size_digits = lot_digits(price, 5)
    lot = 10 ** (8 - size_digits)
    row = {
        "symbol": base + quote,
        "status": status,
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "isSpotTradingAllowed": status == "TRADING",
        "isMarginTradingAllowed": base in COINS[:120],
        "filters": _filters(fixed(tick, 8), fixed(lot, 8)),
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"] if base in COINS[:120] else ["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }
    return Instrument(
        base + quote,
        base,
        quote,
        row,
        price.units(8) // tick * tick or tick,
        tick,
        8,
        lot,
        8,
        typical_lots(price, size_digits),
        next_id=first_id,
    )


class SpotLister:
    """About 3,000 rows, half of them `BREAK`."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:binance.spot")
        new = invented(seed)
        pairs = [(base, "USDT", "TRADING") for base in [*COINS, *_ODD_SPOT, *islice(new, SPOT_USDT)][:SPOT_USDT]]
        pairs.insert(300, ("LUNA2", "USDT", "HALT"))
        for quote, count in _QUOTES:
            pairs += [(base, quote, "TRADING") for base in COINS[:count] if base != quote]
        dead = list(islice(new, 700))
        for index in range(max(0, SPOT_ROWS - len(pairs))):
            quote = _GONE[(index % len(dead) + index // len(dead) * 5) % len(_GONE)]
            pairs.append((dead[index % len(dead)], quote, "BREAK"))
        rows: dict[str, Instrument] = {}
        for base, quote, status in pairs:
            first = rng.randrange(10**3, 10**9)
            rows.setdefault(
                base + quote, spot_row(base, quote, worth(base, quote, seed), status=status, first_id=first)
            )
        rows["BTCUSDT"].next_id = 5312345678
        return list(rows.values())

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        trading = instrument.row["status"] == "TRADING"
        return trading, trading and instrument.quote == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return spot_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row.update(status="BREAK", isSpotTradingAllowed=False)


_FUTURES_ALIKE: dict[str, Any] = {
    "onboardDate": 1569398400000,
    "maintMarginPercent": "2.5000",
    "requiredMarginPercent": "5.0000",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "underlyingSubType": [],
    "triggerProtect": "0.0500",
    "liquidationFee": "0.012500",
    "marketTakeBound": "0.05",
    "maxMoveOrderLimit": 10000,
    "orderTypes": ["LIMIT", "MARKET", "STOP"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
}


def _futures_filters(tick: str, lot: str) -> list[dict[str, Any]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "809484", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "10000000", "stepSize": lot},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ]


def futures_row(
    base: str, quote: str, price: Worth, *, suffix: str = "", kind: str = "PERPETUAL", first_id: int = 1, **fields: Any
) -> Instrument:
    """One row of the futures list. The price text has `pricePrecision` decimals, often one more than the tick."""
    tick_digits = min(7, max(0, -(price.exponent - (2 if base == "BTC" else 1))))
    precision = tick_digits + (1 if tick_digits < 7 and len(base) % 2 else 0)
    tick: int = 10 ** (precision - tick_digits)
    size_digits = lot_digits(price, 3)
    row = {
        "symbol": base + quote + suffix,
        "pair": base + quote,
        "contractType": kind,
        "deliveryDate": FOREVER,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": precision,
        "quantityPrecision": size_digits,
        "underlyingType": "EQUITY" if kind == "TRADIFI_PERPETUAL" else "COIN",
        "filters": _futures_filters(fixed(tick, precision), fixed(1, size_digits)),
        **_FUTURES_ALIKE,
        **fields,
    }
    paid = max(tick, price.units(precision) // tick * tick)
    sizes = (1, size_digits, typical_lots(price, size_digits))
    return Instrument(base + quote + suffix, base, quote, row, paid, tick, precision, *sizes, next_id=first_id)


class FuturesLister:
    """About 600 rows: perpetuals in USDT and USDC, dated contracts, stocks, rows before and after trading."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:binance.futures")
        coins = [name for name in COINS if name not in {"PEPE", "SHIB", "BONK", "FLOKI", "LUNC"}]
        coins[30:30] = _ODD_FUTURES
        coins += islice(invented(seed), FUTURES_USDT)
        rows = [self._row(base, "USDT", rng, seed) for base in coins[:FUTURES_USDT]]
        rows += [self._row(base, "USDC", rng, seed) for base in coins[:35]]
        for suffix, kind, delivery in (
            ("_261225", "CURRENT_QUARTER", 1798185600000),
            ("_270326", "NEXT_QUARTER", 1806048000000),
        ):
            rows += [
                self._row(base, "USDT", rng, seed, suffix=suffix, kind=kind, deliveryDate=delivery)
                for base in ("BTC", "ETH")
            ]
        rows += [self._row(base, "USDT", rng, seed, kind="TRADIFI_PERPETUAL") for base in _STOCKS]
        leftover = coins[FUTURES_USDT : FUTURES_USDT + 44]
        rows += [
            self._row(base, "USDT", rng, seed, status="SETTLING", deliveryDate=1789000000000) for base in leftover[:40]
        ]
        rows += [self._row(base, "USDT", rng, seed, status="PENDING_TRADING") for base in leftover[40:43]]
        rows += [self._row(base, "USDT", rng, seed, kind="", status="PENDING_TRADING") for base in leftover[43:]]
        unique = {row.name: row for row in rows}
        unique["BTCUSDT"].next_id = 8097313955
        return list(unique.values())

    def _row(self, base: str, quote: str, rng: random.Random, seed: int, **options: Any) -> Instrument:
        return futures_row(base, quote, worth(base, quote, seed), first_id=rng.randrange(10**5, 10**10), **options)

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        row = instrument.row
        trading = row["status"] == "TRADING"
        return trading, trading and row["contractType"] == "PERPETUAL" and row["quoteAsset"] == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return futures_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row.update(status="SETTLING", deliveryDate=1789000000000)
