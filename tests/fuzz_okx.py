"""OKX's frames for the mutator (:mod:`tests.fuzz`)."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.wire.instrument import Instrument
from tests.damage import (
    CONTAINERS,
    DECIMALS,
    INTEGERS,
    KINDS,
    NAMES,
    NUMBERS_OF_NO_SENSE,
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

COUNTS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, 1.5, "", "-1", "+5", "007", "5.0", "1e3", "٣", " 5", "12_0")
COUNTS += (str(1 << 63), "9" * 400, Raw('"\\ud800"'))
NO_OBJECTS = [value for value in WORDS if not render(value).startswith("{")]
NO_ROWS = [value for value in WORDS if not render(value).startswith("[")]
FILL: dict[str, Sequence[Any]] = {"instId": NAMES, "tradeId": COUNTS, "px": DECIMALS, "sz": DECIMALS}
FILL |= {"side": WORDS, "ts": COUNTS}
# Without these it is a row of older times.
OLDER: dict[str, Sequence[Any]] = {"count": (*COUNTS, "0"), "source": KINDS}


class Okx:
    """Fills and joined fills, mostly one row a frame."""

    def __init__(self, market: str, random: Random) -> None:
        self.random, self.instruments = random, _okx_instruments(market)

    def connect(self) -> None:
        """Nothing that counts here is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage some of its rows, or its envelope."""
        random, name = self.random, self.random.choice(list(self.instruments))
        channel = random.choice(["trades-all", "trades"])
        made = [self._row(name, channel) for _ in range(random.choice([1, 1, 1, 2, 5]))]
        native, rows = [row for row, _ in made], [row for _, row in made]
        argument: dict[str, Any] = {"channel": channel, "instId": name}
        message: dict[str, Any] = {"arg": argument, "data": native}
        choice = random.random()
        if choice < 0.15:
            return wreck(encoded(message), random)
        if choice < 0.2:
            what = damage(message, {"arg": NO_OBJECTS, "data": NO_ROWS}, random)
            return Case(encoded(message), (), what)
        if choice < 0.25:
            what = damage(argument, {"channel": NAMES, "instId": NAMES}, random)
            return Case(encoded(message), (), what)
        damaged = {place for place in range(len(native)) if choice < 0.9 and random.random() < 0.5}
        what = ""
        for place in damaged:
            native[place], what = self._damaged(native[place])
        healthy = [row for place, row in enumerate(rows) if place not in damaged]
        return Case(encoded(message), sorted(healthy, key=lambda row: int(row.id.removeprefix("agg:"))), what)

    def _row(self, name: str, channel: str) -> tuple[dict[str, Any], Row]:
        random, instrument = self.random, self.instruments[name]
        price, size = f"{random.randrange(1, 10**9) / 1000:.8f}", f"{random.randrange(1, 10**6) / 100:.3f}"
        number, time = random.randrange(10, 1 << 63), random.randrange(1_500_000_000_000, 2_000_000_000_000)
        row: dict[str, Any] = {"instId": name, "tradeId": str(number), "px": price, "sz": size}
        row |= {"side": random.choice(["buy", "sell"]), "ts": str(time), "source": random.choice("01")}
        count = 1
        if channel == "trades":
            count = random.choice([1, 2, 9])
            row |= {"count": str(count), "seqId": random.choice(INTEGERS)}
        coins = Decimal(size) * Decimal(instrument.multiplier or 1)
        return row, Row(
            id=str(number) if count == 1 else f"agg:{number}",
            price=plain(Decimal(price)),
            quantity=plain(coins),
            side=row["side"],
            time=time * 1_000_000,
            sent=None,
        )

    def _damaged(self, row: dict[str, Any]) -> tuple[Any, str]:
        random = self.random
        if random.random() < 0.1:
            return random.choice(NO_OBJECTS), "a row of another type"
        if random.random() < 0.2:
            name = random.choice(list(OLDER))
            row = row | {name: random.choice(OLDER[name])}
            return row, f"{name} is {str(row[name])[:40]}"
        row = dict(row)
        return row, damage(row, FILL, random)


def _okx_instruments(market: str) -> dict[str, Instrument]:
    found = [Instrument("okx", market, "BTC-USDT", "BTC", "USDT"), Instrument("okx", market, "X-USDC", "X", "USDC")]
    if market == "futures":
        found = [Instrument("okx", market, "BTC-USDT-SWAP", "BTC", "USDT", multiplier="0.01")]
        found += [Instrument("okx", market, "PEPE-USDT-SWAP", "PEPE", "USDT", multiplier="10000000")]
    return {instrument.name: instrument for instrument in found}
