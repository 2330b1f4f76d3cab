"""The instrument lists of Gate: currency pairs (reference 7.1) and USDT-settled contracts (7.2)."""

from __future__ import annotations

import random
import time
from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, fixed, trimmed
from tests.simulator.venues.gate.wire import FIRST_ID
from tests.simulator.venues.names import COINS, Worth, given, invented, lot_digits, typical_lots, worth

SPOT_ROWS = 2300
FUTURES_ROWS = 983
WIRE_DIGITS = 10
"""Decimals of price and amount on the spot wire."""
AHEAD = 2000000000
"""A start of trading that lies ahead (May 2033), in seconds."""
GONE = 1780000000
_QUOTES = (("ETH", 110), ("USDC", 90), ("BTC", 60), ("TRY", 25), ("EUR", 10), ("BRL", 5), ("TRX", 3))
_LEVERAGED = ("BTC3L", "BTC3S", "BTC5L", "BTC5S", "ETH3L", "ETH3S", "SOL3L", "SOL3S", "XRP5L", "XRP5S", "QTUM3S")
_ODD = ("币安人生", "我踏马来了")
_STOCKS = ("TSLAX", "NVDAX", "AAPLX", "AMZNX", "METAX", "MSTRX", "COINX", "HOODX", "PLTRX", "GOOGLX")
_GROUPS = {"stocks": _STOCKS, "metals": ("XAU", "XAG", "XPT"), "indices": ("NAS100", "SPX500", "HK50")}
DECIMAL = (1, 2, 4, 5, 6, 9, 12, 17, 23, 31, 44, 58, 71, 90)
"""The places, in the order of trading, of the contracts whose sizes may have decimals."""


def spot_row(base: str, quote: str, price: Worth, **fields: Any) -> Instrument:
    """One currency pair; the wire has ten decimals for price and amount, whatever the precision of the pair."""
    digits = min(WIRE_DIGITS, max(0, -(price.exponent - (3 if base == "BTC" else 1))))
    size_digits = lot_digits(price, 6)
    row = {
        "id": f"{base}_{quote}",
        "base": base,
        "base_name": base.title(),
        "quote": quote,
        "quote_name": quote.title(),
        "fee": "0.2",
        "min_base_amount": trimmed(1, size_digits),
        "min_quote_amount": "3",
        "amount_precision": size_digits,
        "precision": digits,
        "trade_status": "tradable",
        "sell_start": 0,
        "buy_start": 0,
        "delisting_time": 0,
        "type": "normal",
        "st_tag": False,
        **fields,
    }
    tick: int = 10 ** (WIRE_DIGITS - digits)
    lot: int = 10 ** (WIRE_DIGITS - size_digits)
    paid = max(tick, price.units(WIRE_DIGITS) // tick * tick)
    typical = typical_lots(price, size_digits)
    return Instrument(f"{base}_{quote}", base, quote, row, paid, tick, WIRE_DIGITS, lot, WIRE_DIGITS, typical)


class SpotLister:
    """2,300 pairs, most of them in USDT; some can't be traded, or only bought, or not yet."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:gate.spot")
        new = invented(seed)
        pairs: list[tuple[str, str, dict[str, Any]]] = [(base, "USDT", {}) for base in COINS[:40]]
        pairs += [(base, "USDT", {}) for base in (*_ODD, *COINS[40:], *_LEVERAGED)]
        for quote, count in _QUOTES:
            pairs += [(base, quote, {}) for base in COINS[:count] if base != quote]
        pairs += [(base, "USDT", fields) for fields, count in _exceptions() for base in islice(new, count)]
        pairs += [(base, "USDT", {}) for base in islice(new, SPOT_ROWS - len(pairs))]
        rows = []
        for base, quote, fields in pairs:
            started = {} if fields or rng.random() < 0.5 else {"buy_start": rng.randrange(1500000000, 1770000000)}
            made = spot_row(base, quote, worth(base, quote, seed), **{**started, **fields})
            made.next_id = rng.randrange(10**3, 10**8)
            rows.append(made)
        return rows

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        row = instrument.row
        open_ = row["trade_status"] != "untradable" and max(row["buy_start"], row["sell_start"]) <= time.time()
        plain = row["trade_status"] == "tradable" and row["type"] == "normal"
        return open_, open_ and plain and instrument.quote == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        made = spot_row(base, quote, given(price), buy_start=int(time.time()), sell_start=int(time.time()))
        made.next_id = 1
        return made

    def retire(self, instrument: Instrument) -> None:
        instrument.row.update(trade_status="untradable", delisting_time=int(time.time()))


def _exceptions() -> list[tuple[dict[str, Any], int]]:
    """Fields of pairs that are not plainly tradable, and how many of each there are."""
    return [
        ({"trade_status": "untradable"}, 40),
        ({"trade_status": "untradable", "delisting_time": GONE}, 20),
        ({"trade_status": "sellable", "delisting_time": GONE}, 8),
        ({"trade_status": "buyable"}, 4),
        ({"trade_status": "untradable", "buy_start": AHEAD, "sell_start": AHEAD}, 3),
        ({"buy_start": AHEAD, "sell_start": AHEAD + 600}, 2),
        ({"type": "premarket"}, 3),
        ({"st_tag": True}, 30),
    ]


def futures_row(base: str, quote: str, price: Worth, *, decimal: bool = False, **fields: Any) -> Instrument:
    """One contract, worth between one and ten units of the quote coin; sizes count contracts."""
    digits = min(10, max(0, -(price.exponent - (2 if base == "BTC" else 1))))
    power = -(price.exponent + 3)
    multiplier = fixed(1, -power) if power < 0 else str(10**power)
    tick = 10 ** max(0, price.exponent - 1 + digits) if not digits else 1
    row = {
        "name": f"{base}_{quote}",
        "type": "direct",
        "quanto_multiplier": multiplier,
        "order_price_round": trimmed(tick, digits),
        "mark_price_round": trimmed(tick, digits),
        "order_size_min": 1,
        "order_size_max": 1000000,
        "status": "trading",
        "in_delisting": False,
        "is_pre_market": False,
        "enable_decimal": decimal,
        "create_time": 1546905600,
        "launch_time": 1546905600,
        "trade_id": 0,
        "funding_interval": 28800,
        "contract_type": "",
        **fields,
    }
    paid = max(tick, price.units(digits) // tick * tick)
    size_digits = 1 if decimal else 0
    typical: int = 40 * 1000 * 10**size_digits // price.mantissa
    made = Instrument(f"{base}_{quote}", base, quote, row, paid, tick, digits, 1, size_digits, typical)
    made.trim, made.multiplier = True, multiplier
    return made


class FuturesLister:
    """983 contracts: most are crypto perpetuals; stocks and the like, and rows before and after trading."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:gate.futures")
        new = invented(seed)
        coins = [*COINS[:30], *_ODD, *COINS[30:]]
        others: list[tuple[str, dict[str, Any]]] = [
            (base, {"contract_type": group}) for group, names in _GROUPS.items() for base in names
        ]
        others += [(base, fields) for fields, count in _stages() for base in islice(new, count)]
        coins += islice(new, FUTURES_ROWS - len(coins) - len(others))
        rows: list[tuple[str, dict[str, Any]]] = [(base, {}) for base in coins]
        made = []
        for index, (base, fields) in enumerate([*rows, *others]):
            launched = rng.randrange(1546905600, 1780000000)
            begun = {"launch_time": launched, "create_time": launched - 3600, "trade_id": rng.randrange(FIRST_ID)}
            decimal = index in DECIMAL
            made.append(futures_row(base, "USDT", worth(base, "USDT", seed), decimal=decimal, **{**begun, **fields}))
        return made

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        """Also takes over a multiplier that was changed in the row."""
        row = instrument.row
        instrument.multiplier = row["quanto_multiplier"]
        trading = row["status"] == "trading"
        plain = row["type"] == "direct" and not row["contract_type"] and not row["is_pre_market"]
        return trading, trading and plain and not row["in_delisting"]

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        now = int(time.time())
        return futures_row(base, quote, given(price), create_time=now, launch_time=now)

    def retire(self, instrument: Instrument) -> None:
        instrument.row.update(status="delisted", in_delisting=True)


def _stages() -> list[tuple[dict[str, Any], int]]:
    """Fields of contracts before, beside and after plain trading, and how many of each there are."""
    return [
        ({"in_delisting": True}, 12),
        ({"in_delisting": True, "status": "delisting"}, 4),
        ({"in_delisting": True, "status": "delisted"}, 6),
        ({"status": "prelaunch", "launch_time": AHEAD}, 3),
        ({"status": "prelaunch", "is_pre_market": True, "launch_time": AHEAD}, 1),
        ({"is_pre_market": True}, 3),
        ({"status": "circuit_breaker"}, 2),
    ]
