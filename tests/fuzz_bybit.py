"""Bybit's frames for the mutator (:mod:`tests.fuzz`)."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from metdc_collector.wire.instrument import Instrument
from tests.damage import (
    CONTAINERS,
    DECIMALS,
    INTEGERS,
    NAMES,
    NUMBERS_OF_NO_SENSE,
    TIMES,
    TRUTHS,
    WORDS,
    Case,
    Raw,
    Row,
    damage,
    encoded,
    plain,
    render,
    wreck,
)

IDS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, "", "a b", "a\nb", "é", "x" * 121, Raw('"\\ud800"'))
TOPICS = (*NAMES, *WORDS, "publicTrade", "publicTrade.", "publicTrade.A B", "publicTrade.A\nB", ".", "tickers.", "5.A")
NO_ROWS = [value for value in WORDS if not render(value).startswith("[")]
FIELDS: dict[str, Sequence[Any]] = {
    "s": (*NAMES, "ETHUSDT", "btcusdt"),
    "i": IDS,
    "p": DECIMALS,
    "v": DECIMALS,
    "S": WORDS,
    "T": TIMES,
    "BT": TRUTHS,
}
YOUNGER: dict[str, Sequence[Any]] = {"seq": INTEGERS, "RPI": TRUTHS}


class Bybit:
    """Frames of a few rows, some of them damaged."""

    def __init__(self, market: str, random: Random) -> None:
        self.spot, self.random = market == "spot", random
        found = [Instrument("bybit", market, "BTCUSDT", "BTC", "USDT")]
        found += [Instrument("bybit", market, "SHIB1000USDT", "SHIB", "USDT", unit_factor="1000")]
        self.instruments = {instrument.name: instrument for instrument in found}

    def connect(self) -> None:
        """Nothing is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage some of its rows, or its envelope."""
        random, name = self.random, self.random.choice(list(self.instruments))
        native: list[Any] = [self._native(name) for _ in range(random.randrange(1, 7))]
        ts = native[-1]["T"] + 2
        message: dict[str, Any] = {"topic": f"publicTrade.{name}", "type": "snapshot", "ts": ts, "data": native}
        choice = random.random()
        if choice < 0.15:
            return wreck(encoded(message), random)
        if choice < 0.25:
            what = damage(message, {"topic": TOPICS, "data": NO_ROWS}, random)
            return Case(encoded(message), (), what)
        what, sent = "", ts * 1_000_000
        if choice < 0.3:
            what, sent = damage(message, {"ts": TIMES}, random), None
        damaged = {place for place in range(len(native)) if choice < 0.9 and random.random() < 0.4}
        rows = [self._expected(row, sent) for place, row in enumerate(native) if place not in damaged]
        for place, row in enumerate(native):
            if place in damaged:
                native[place], what = self._damaged(row)
            elif random.random() < 0.2:
                row |= {"new": random.choice(CONTAINERS), "L": random.choice(WORDS)}
                row.pop(random.choice(list(YOUNGER)))
        message["type"] = random.choice(WORDS)
        return Case(encoded(message), rows, what)

    def _native(self, name: str) -> dict[str, Any]:
        random = self.random
        number = str(random.randrange(1 << 63)) if self.spot else str(UUID(int=random.getrandbits(128)))
        return {
            "i": number,
            "T": random.randrange(1_500_000_000_000, 2_000_000_000_000),
            "p": f"{random.randrange(1, 10**9) / 1000:.4f}",
            "v": f"{random.randrange(1, 10**6) / 100:.3f}",
            "S": random.choice(["Buy", "Sell"]),
            "seq": random.randrange(1 << 63),
            "s": name,
            "BT": random.random() < 0.1,
            "RPI": random.random() < 0.1,
        }

    def _expected(self, row: dict[str, Any], sent: int | None) -> Row:
        factor = Decimal(self.instruments[row["s"]].unit_factor or 1)
        return Row(
            id=row["i"],
            price=plain(Decimal(row["p"]) / factor),
            quantity=plain(Decimal(row["v"]) * factor),
            side=row["S"].lower(),
            time=row["T"] * 1_000_000,
            sent=sent,
        )

    def _damaged(self, row: dict[str, Any]) -> tuple[Any, str]:
        random = self.random
        if random.random() < 0.1:
            return random.choice(WORDS), "a row of another type"
        if random.random() < 0.2:  # a row of older times lacks these, so they are never dropped here
            name = random.choice(list(YOUNGER))
            return row | {name: random.choice(YOUNGER[name])}, f"{name} of another type"
        return row, damage(row, FIELDS, random)
