"""The instrument lists of Bybit: spot, and linear contracts with perpetuals and dated ones (reference 4.1)."""

from __future__ import annotations

from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, fixed
from tests.simulator.venues.names import COINS, Worth, given, invented, lot_digits, typical_lots, worth

SPOT_USDT = 520
PERPETUALS = 650
"""Plain USDT perpetuals that trade: with the other rows more than one page of 500."""
CRYPTO = ("", "innovation", "adventure")
"""`symbolType` of coins; the others are stocks, currencies and goods."""
LIVING = ("Trading", "PreLaunch", "Delivering")
"""`status` of rows whose topics the sockets know."""
LAUNCHED, DAY = 1584230400000, 86_400_000
"""Start of the first contract, and a day, in ms."""
LISTED_NOW = 1790000000000
_SPOT_QUOTES = (("USDC", 70), ("EUR", 25), ("BTC", 12), ("ETH", 6), ("BRL", 8), ("TRY", 8), ("PLN", 4))
_XSTOCKS = ("TSLAX", "NVDAX", "AAPLX", "METAX", "COINX", "HOODX", "MSTRX", "GOOGLX")
_ODD = (
    "1000PEPE",
    "SHIB1000",
    "1000BONK",
    "1000FLOKI",
    "1000LUNC",
    "1000XEC",
    "10000SATS",
    "1000000MOG",
    "1000000BABYDOGE",
    "1000000CHEEMS",
)
_BARE_OF_ODD = {"PEPE", "SHIB", "BONK", "FLOKI", "LUNC"}
_OTHER_GOODS = (
    ("TSLA", "stock"),
    ("NVDA", "stock"),
    ("AAPL", "stock"),
    ("MSTR", "stock"),
    ("CRCLX", "xstocks"),
    ("QQQX", "xstocks"),
    ("XAU", "commodity"),
    ("XAG", "commodity"),
    ("EUR", "forex"),
    ("JPY", "forex"),
)
_DATES = (
    ("27NOV26", 1795766400000),
    ("25DEC26", 1798185600000),
    ("26MAR27", 1806048000000),
    ("25JUN27", 1813910400000),
)


def _kind(index: int) -> str:
    """Every fortieth coin is an innovation, the one behind it an adventure."""
    return {38: "innovation", 39: "adventure"}.get(index % 40, "")


def spot_row(base: str, quote: str, price: Worth, *, status: str = "Trading", kind: str = "") -> Instrument:
    """One spot row; the wire leaves trailing zeros out."""
    fine = price.exponent - (3 if base == "BTC" else 1)
    digits = max(0, -fine)
    tick = 10 ** max(0, fine + digits)
    size_digits = lot_digits(price, 6)
    lot = fixed(1, size_digits)
    row = {
        "symbol": base + quote,
        "baseCoin": base,
        "quoteCoin": quote,
        "innovation": "1" if kind == "innovation" else "0",
        "status": status,
        "marginTrading": "utaOnly" if base in COINS[:120] else "none",
        "stTag": "1" if kind == "adventure" else "0",
        "symbolType": kind,
        "lotSizeFilter": {
            "basePrecision": lot,
            "quotePrecision": "0.00000001",
            "minOrderQty": lot,
            "minOrderAmt": "5",
        },
        "priceFilter": {"tickSize": fixed(tick, digits)},
    }
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(price, size_digits)
    return Instrument(base + quote, base, quote, row, paid, tick, digits, 1, size_digits, typical, trim=True)


def linear_row(
    name: str,
    base: str,
    quote: str,
    price: Worth,
    *,
    status: str = "Trading",
    kind: str = "",
    contract: str = "LinearPerpetual",
    number: int = 9001,
    delivery: int = 0,
    launched: int = LISTED_NOW,
) -> Instrument:
    """One linear row; the wire has as many decimals as `priceScale` and `qtyStep` say."""
    fine = price.exponent - (2 if base == "BTC" else 1)
    scale = max(2 if base == "BTC" else 0, -fine)
    tick = 10 ** max(0, fine + scale)
    size_digits = lot_digits(price, 3)
    step = fixed(tick, scale)
    early = status == "PreLaunch"
    row = {
        "symbol": name,
        "symbolId": number,
        "contractType": contract,
        "status": status,
        "baseCoin": base,
        "quoteCoin": quote,
        "settleCoin": quote,
        "symbolType": kind,
        "launchTime": str(launched),
        "deliveryTime": str(delivery),
        "priceScale": str(scale),
        "isPreListing": early,
        "preListingInfo": {"curAuctionPhase": "NotStarted"} if early else None,
        "fundingInterval": 480 if contract == "LinearPerpetual" else 0,
        "displayName": "",
        "priceFilter": {"minPrice": step, "maxPrice": fixed(tick * 19999998, scale), "tickSize": step},
        "lotSizeFilter": _lots(size_digits),
    }
    paid, typical = max(tick, price.units(scale) // tick * tick), typical_lots(price, size_digits)
    return Instrument(name, base, quote, row, paid, tick, scale, 1, size_digits, typical)


def _lots(digits: int) -> dict[str, str]:
    lot = fixed(1, digits)
    return {"minOrderQty": lot, "maxOrderQty": fixed(1_190_000, digits), "qtyStep": lot, "minNotionalValue": "5"}


def _plain(seed: int) -> list[str]:
    return [*COINS, *islice(invented(seed), 700)]


class SpotLister:
    """About 670 rows of many quotes, some of stocks, some that do not trade."""

    def universe(self, seed: int) -> list[Instrument]:
        coins = _plain(seed)
        rows = [(base, "USDT", "Trading", _kind(index)) for index, base in enumerate(coins[:SPOT_USDT])]
        rows += [(base, "USDT", "Trading", "xstocks") for base in _XSTOCKS]
        rows += [
            (base, quote, "Trading", "") for quote, count in _SPOT_QUOTES for base in coins[:count] if base != quote
        ]
        rows += [(base, "USDT", "PreLaunch", "") for base in coins[SPOT_USDT : SPOT_USDT + 2]]
        rows += [(base, "USDT", "Closed", "") for base in coins[SPOT_USDT + 2 : SPOT_USDT + 10]]
        return [
            spot_row(base, quote, worth(base, quote, seed), status=status, kind=kind)
            for base, quote, status, kind in rows
        ]

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        row = instrument.row
        trading = row["status"] == "Trading"
        return trading, trading and row["quoteCoin"] == "USDT" and row["symbolType"] in CRYPTO

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return spot_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["status"] = "Closed"


class LinearLister:
    """About 740 trading rows (perpetuals in USDT and USDC, dated ones, other goods), and rows before and after."""

    def universe(self, seed: int) -> list[Instrument]:
        coins = [name for name in _plain(seed) if name not in _BARE_OF_ODD]
        ours = [*coins[:9], *_ODD, *coins[9 : PERPETUALS - len(_ODD)]]
        wishes: list[tuple[str, str, str, dict[str, Any]]] = [
            (f"{base}USDT", base, "USDT", {"kind": _kind(index)}) for index, base in enumerate(ours)
        ]
        wishes += [(f"{base}USDT", base, "USDT", {"kind": kind}) for base, kind in _OTHER_GOODS]
        wishes += [(f"{base}PERP", base, "USDC", {}) for base in coins[:40]]
        for suffix, delivery in _DATES:
            dated = {"contract": "LinearFutures", "delivery": delivery}
            wishes += [(f"{base}USDT-{suffix}", base, "USDT", dated) for base in coins[:3]]
            wishes += [(f"{base}-{suffix}", base, "USDC", dated) for base in coins[:3]]
        rest = coins[PERPETUALS:]
        for status, names in (("PreLaunch", rest[:3]), ("Delivering", rest[3:5]), ("Closed", rest[5:205])):
            wishes += [(f"{base}USDT", base, "USDT", {"status": status}) for base in names]
        return [
            linear_row(name, base, quote, _worth(base, quote, seed), number=5 + index, launched=_day(index), **fields)
            for index, (name, base, quote, fields) in enumerate(wishes)
        ]

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        row = instrument.row
        trading = row["status"] == "Trading"
        plain = row["contractType"] == "LinearPerpetual" and row["symbolType"] in CRYPTO
        return trading, trading and plain and row["settleCoin"] == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return linear_row(f"{base}{quote}", base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["status"] = "Closed"


def _worth(base: str, quote: str, seed: int) -> Worth:
    """The price of a base whose factor may stand behind its name."""
    return worth(f"1000{base[:-4]}" if base.endswith("1000") else base, quote, seed)


def _day(index: int) -> int:
    return LAUNCHED + index * 2 * DAY
