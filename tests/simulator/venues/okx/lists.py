"""The instrument lists of OKX: spot and swaps as `public/instruments` shows them, all values texts (reference 5.1)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from tests.simulator.core.model import Instrument, fixed, trimmed
from tests.simulator.venues.names import COINS, Worth, given, invented, lot_digits, typical_lots, worth

SPOT_USDT = 300
SWAP_USDT = 270
LISTED_AT = 1611907686000
LISTED_LATER = 1893456000000
"""Of what is announced: in 2030."""
_QUOTES = (
    ("USDC", 170),
    ("USD", 90),
    ("EUR", 60),
    ("BTC", 40),
    ("TRY", 30),
    ("ETH", 20),
    ("AUD", 20),
    ("BRL", 12),
    ("AED", 10),
    ("SGD", 10),
)
_SPOT_STATES = (("suspend", 6), ("test", 2), ("preopen", 2))
_SWAP_STATES = (("suspend", 3), ("preopen", 2), ("settling", 1), ("post_only", 1), ("rebase", 1), ("test", 1))
_CATEGORIES = (
    ("3", ("TSLA", "NVDA", "AAPL", "AMZN", "META", "MSTR", "COIN", "HOOD", "PLTR", "INTC", "GOOGL", "CRCL")),
    ("4", ("XAU", "XAG", "CL")),
    ("5", ("EURUSD", "GBPUSD")),
    ("6", ("US10Y",)),
)
_RULES = (("pre_market", 3), ("rebase_contract", 1), ("xperp", 2))
_INVERSE = 40
_USDC = 30
_CONTRACTS = {"BTC": -2, "ETH": -1}
"""Powers of ten of a contract's coins where they are well known; others are worth 10 to 100 of the quote."""
_FIELDS = (
    "instType",
    "instId",
    "uly",
    "instFamily",
    "baseCcy",
    "quoteCcy",
    "settleCcy",
    "ctVal",
    "ctMult",
    "ctValCcy",
    "ctType",
    "tickSz",
    "lotSz",
    "minSz",
    "listTime",
    "contTdSwTime",
    "openType",
    "expTime",
    "state",
    "ruleType",
    "instCategory",
)
_SPOT_ONLY = ("contTdSwTime", "openType")


def _power(exponent: int) -> str:
    """`10**exponent` as a decimal text."""
    return trimmed(1, -exponent) if exponent < 0 else str(10**exponent)


def _row(**known: str) -> dict[str, Any]:
    """A row with all fields of its type, `""` where nothing is known."""
    fields = [field for field in _FIELDS if known["instType"] == "SPOT" or field not in _SPOT_ONLY]
    return {field: known.get(field, "") for field in fields}


def announced(row: dict[str, Any]) -> None:
    """Empties a row down to what a fresh announcement has: `instId`, `listTime` and `state`."""
    for field in row:
        if field not in {"instId", "listTime", "state"}:
            row[field] = ""
    row["state"], row["listTime"] = "preopen", str(LISTED_LATER)


def _steps(base: str, price: Worth) -> tuple[int, int]:
    """Decimals of a price, and its tick in units of the last of them."""
    fine = price.exponent - (2 if base in _CONTRACTS else 1)
    return max(0, -fine), 10 ** max(0, fine)


def spot_row(base: str, quote: str, price: Worth, *, state: str = "live", first_id: int = 1) -> Instrument:
    """One spot pair; sizes are coins."""
    digits, tick = _steps(base, price)
    size_digits = lot_digits(price, 8)
    row = _row(
        instType="SPOT",
        instId=f"{base}-{quote}",
        baseCcy=base,
        quoteCcy=quote,
        tickSz=trimmed(tick, digits),
        lotSz=fixed(1, size_digits),
        minSz=fixed(1, size_digits),
        listTime=str(LISTED_LATER if state == "preopen" else LISTED_AT),
        state=state,
        ruleType="normal",
        instCategory="1",
    )
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(price, size_digits)
    made = Instrument(row["instId"], base, quote, row, paid, tick, digits, 1, size_digits, typical, next_id=first_id)
    made.trim = True
    return made


def swap_row(
    base: str,
    quote: str,
    price: Worth,
    *,
    state: str = "live",
    rule: str = "normal",
    category: str = "1",
    times: int = 0,
    first_id: int = 1,
) -> Instrument:
    """One perpetual swap, linear unless its quote is USD; sizes are contracts, `10**times` is `ctMult`."""
    inverse = quote == "USD"
    digits, tick = _steps(base, price)
    size_digits = 2 if base in COINS[:20] else 1 if base in COINS[:60] else 0
    coins = _CONTRACTS.get(base, -(price.exponent + 2))
    row = _row(
        instType="SWAP",
        instId=f"{base}-{quote}-SWAP",
        uly=f"{base}-{quote}",
        instFamily=f"{base}-{quote}",
        settleCcy=base if inverse else quote,
        ctVal="100" if inverse else _power(coins - times),
        ctMult=_power(times),
        ctValCcy="USD" if inverse else base,
        ctType="inverse" if inverse else "linear",
        tickSz=trimmed(tick, digits),
        lotSz=fixed(1, size_digits),
        minSz=fixed(1, size_digits),
        listTime=str(LISTED_LATER if state == "preopen" else LISTED_AT),
        state=state,
        ruleType=rule,
        instCategory=category,
    )
    one = Worth(1000, -1) if inverse else Worth(price.mantissa, price.exponent + coins)
    paid, typical = max(tick, price.units(digits) // tick * tick), typical_lots(one, size_digits)
    made = Instrument(row["instId"], base, quote, row, paid, tick, digits, 1, size_digits, typical, next_id=first_id)
    made.trim = True
    return made


def multiplier(row: dict[str, Any]) -> str | None:
    """`ctVal` times `ctMult`, exactly; None where a row doesn't tell."""
    if not row["ctVal"] or not row["ctMult"]:
        return None
    text = format(Decimal(row["ctVal"]) * Decimal(row["ctMult"]), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _first(rng: random.Random) -> int:
    return rng.randrange(10**3, 10**9)


class SpotLister:
    """About 760 pairs of eleven quotes, a few of them suspended, announced or for tests."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:okx.spot")
        new = invented(seed)
        pairs = [(base, "USDT", "live") for base in COINS[:SPOT_USDT]]
        for quote, count in _QUOTES:
            pairs += [(base, quote, "live") for base in COINS[:count] if base != quote]
        pairs += [("USDC", "USDT", "live"), ("USDT", "USD", "live"), ("USDT", "EUR", "live")]
        for state, count in _SPOT_STATES:
            pairs += [(base, "USDT", state) for base in islice(new, count)]
        rows = [
            spot_row(base, quote, worth(base, quote, seed), state=state, first_id=_first(rng))
            for base, quote, state in pairs
        ]
        rows[0].next_id = 130639474
        for base in islice(new, 2):
            rows.append(spot_row(base, "USDT", worth(base, "USDT", seed), state="preopen"))
            announced(rows[-1].row)
        return rows

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        live = instrument.row["state"] == "live"
        return live, live and instrument.quote == "USDT"

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return spot_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["state"] = "suspend"


class SwapLister:
    """270 linear crypto swaps in USDT, and those of other margins, categories, rules and states."""

    def universe(self, seed: int) -> list[Instrument]:
        rng = random.Random(f"{seed}:okx.futures")
        rows = list(self._rows(seed, rng))
        rows[0].next_id = 1987654321
        return rows

    @staticmethod
    def _rows(seed: int, rng: random.Random) -> Iterator[Instrument]:
        new = invented(seed)
        next(islice(new, 40, 40), None)

        def made(base: str, quote: str, **more: Any) -> Instrument:
            return swap_row(base, quote, worth(base, quote, seed), first_id=_first(rng), **more)

        for place, base in enumerate(COINS[:SWAP_USDT]):
            yield made(base, "USDT", times=1 if place % 40 == 39 else 0)
        for quote, count in (("USDC", _USDC), ("USD", _INVERSE)):
            yield from (made(base, quote) for base in COINS[:count])
        for category, names in _CATEGORIES:
            yield from (made(base, "USDT", category=category) for base in names)
        for rule, count in _RULES:
            yield from (made(base, "USDT", rule=rule) for base in islice(new, count))
        for state, count in _SWAP_STATES:
            yield from (made(base, "USDT", state=state) for base in islice(new, count))
        for base in islice(new, 2):
            row = made(base, "USDT", state="preopen")
            announced(row.row)
            yield row

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        """A row that tells the size of a contract, at first or anew, sets the instrument's multiplier too."""
        row = instrument.row
        instrument.multiplier = multiplier(row) or instrument.multiplier
        live = row["state"] == "live"
        plain = (row["ctType"], row["settleCcy"], row["instCategory"], row["ruleType"])
        return live, live and plain == ("linear", "USDT", "1", "normal")

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        return swap_row(base, quote, given(price))

    def retire(self, instrument: Instrument) -> None:
        instrument.row["state"] = "suspend"
