"""Upbit's frames for the mutator (:mod:`tests.fuzz`)."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.wire.instrument import Instrument
from tests.damage import (
    CONTAINERS,
    INTEGERS,
    NAMES,
    NUMBERS_OF_NO_SENSE,
    TIMES,
    WORDS,
    Case,
    Raw,
    Row,
    damage,
    encoded,
    plain,
    wreck,
)

SHORT = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "trade_timestamp": "ttms",
    "trade_price": "tp",
    "trade_volume": "tv",
    "ask_bid": "ab",
    "sequential_id": "sid",
    "stream_type": "st",
}
NUMBERS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, False, "", "12", "1.5", "abc", -1, 0, Raw("-0.5"), Raw("0.000"))
NUMBERS += (Raw("0E-8"), Raw("1E61"), Raw("1E-61"), Raw("1" * 61), Raw('"\\ud800"'))
FIELDS: dict[str, Sequence[Any]] = {
    "type": NAMES,
    "code": NAMES,
    "timestamp": TIMES,
    "trade_timestamp": TIMES,
    "trade_price": NUMBERS,
    "trade_volume": NUMBERS,
    "ask_bid": (*WORDS, "ask", "SELL"),
    "sequential_id": INTEGERS,
    "stream_type": (*WORDS, "realtime"),
}


class Upbit:
    """Rows with long or short names, one a frame or several in an array, some of them damaged."""

    def __init__(self, market: str, random: Random) -> None:
        self.random = random
        found = [Instrument("upbit", market, "KRW-BTC", "BTC", "KRW")]
        found += [Instrument("upbit", market, "BTC-1000PEPE", "PEPE", "BTC", unit_factor="1000")]
        self.instruments = {instrument.name: instrument for instrument in found}

    def connect(self) -> None:
        """Nothing is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage some of its rows."""
        random = self.random
        in_array, short, choice = random.random() < 0.4, random.random() < 0.5, random.random()
        native, rows, what = [], [], ""
        for _ in range(random.randrange(1, 6) if in_array else 1):
            row, expected = self._row()
            if 0.15 <= choice < 0.9 and random.random() < 0.5:
                what = damage(row, FIELDS, random)
            else:
                row |= {"new": random.choice(CONTAINERS), "prev_closing_price": random.choice(NUMBERS_OF_NO_SENSE[:4])}
                rows.append(expected)
            native.append({SHORT.get(name, name): value for name, value in row.items()} if short else row)
        frame = encoded(native if in_array else native[0])
        return wreck(frame, random) if choice < 0.15 else Case(frame, rows, what)

    def _row(self) -> tuple[dict[str, Any], Row]:
        random, name = self.random, self.random.choice(list(self.instruments))
        price, volume = self._number(), self._number()
        number, time = random.randrange(1 << 63), random.randrange(1_500_000_000_000, 2_000_000_000_000)
        side = random.choice(["ASK", "BID"])
        row: dict[str, Any] = {
            "type": "trade",
            "code": name,
            "timestamp": time + 7,
            "trade_timestamp": time,
            "trade_price": price,
            "trade_volume": volume,
            "ask_bid": side,
            "sequential_id": number,
            "stream_type": random.choice(["SNAPSHOT", "REALTIME", "REALTIME"]),
        }
        factor = Decimal(self.instruments[name].unit_factor or 1)
        return row, Row(
            id=str(number),
            price=plain(Decimal(price) / factor),
            quantity=plain(Decimal(volume) * factor),
            side="sell" if side == "ASK" else "buy",
            time=time * 1_000_000,
            sent=(time + 7) * 1_000_000,
        )

    def _number(self) -> Raw:
        """A number as the venue may write it: whole, with a fraction too long for a float, with an exponent."""
        random = self.random
        digits = random.randrange(1, 10**17)
        return Raw(random.choice([f"{digits}", f"{digits}.0", f"0.{digits:017}", f"1.{digits}E8", f"{digits}E-8"]))
