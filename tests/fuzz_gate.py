"""Gate's frames for the mutator (:mod:`tests.fuzz`)."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.wire.instrument import Instrument
from tests.damage import (
    DECIMALS,
    INTEGERS,
    NAMES,
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

# Sizes have a sign, which says nothing of a price.
SIZES = tuple(value for value in DECIMALS if value not in (5, 80227.01, "-1")) + (0, "-0", "--1", "-", "-+1", "- 1")
SIZES += (Raw("0.0"), Raw("-0e5"), 1 << 63, -(1 << 63), Raw("1e-70"))
INSTANTS = (*TIMES, "1790001515463.", "1790001515463.x", "179000151546", "17900015154630", " 1790001515463")
INSTANTS += ("-1790001515463", "9790001515463.5", "1790001515.463", Raw("1790001515.463"), Raw("-1790001515463.5"))
NO_OBJECTS = [value for value in WORDS if not render(value).startswith("{")]
NO_ARRAYS = [value for value in WORDS if not render(value).startswith("[")]


class Gate:
    """One trade a frame on spot, several on futures."""

    def __init__(self, market: str, random: Random) -> None:
        self.spot, self.random, self.instruments = market == "spot", random, _instruments(market)

    def connect(self) -> None:
        """Nothing is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage some of its rows, or its envelope."""
        random = self.random
        sent = random.randrange(1_500_000_000_000, 2_000_000_000_000)
        made = [self._row(sent) for _ in range(1 if self.spot else random.choice([1, 1, 2, 5]))]
        native: list[Any] = [row for row, _ in made]
        message: dict[str, Any] = {"time": sent // 1000, "time_ms": sent, "event": "update"}
        message["channel"] = "spot.trades" if self.spot else "futures.trades"
        message["result"] = native[0] if self.spot else native
        choice = random.random()
        if choice < 0.15:
            return wreck(encoded(message), random)
        if choice < 0.25:
            what = damage(
                message, {"channel": NAMES, "event": WORDS, "result": NO_OBJECTS if self.spot else NO_ARRAYS}, random
            )
            return Case(encoded(message), (), what)
        damaged = {place for place in range(len(native)) if choice < 0.9 and random.random() < 0.6}
        rows = [row for place, (_, row) in enumerate(made) if place not in damaged]
        what = ""
        for place in damaged:
            native[place], what = self._damaged(native[place])
        if self.spot:
            message["result"] = native[0]
        if random.random() < 0.1:
            what, message["time_ms"] = "time_ms", random.choice(TIMES)
            rows = [row._replace(sent=None) for row in rows]
        return Case(encoded(message), sorted(rows, key=lambda row: int(row.id)), what)

    def _row(self, sent: int) -> tuple[dict[str, Any], Row]:
        random, name = self.random, self.random.choice(list(self.instruments))
        instrument, number = self.instruments[name], random.randrange(1 << 63)
        price = f"{random.randrange(1, 10**9) / 1000:.8f}"
        size = Decimal(random.randrange(1, 10**6)).scaleb(random.choice([0, -2]))
        side, fraction = random.choice(["buy", "sell"]), random.choice(["", ".5", ".116", ".4578", ".000001"])
        row: dict[str, Any] = {"id": number, "create_time": sent // 1000, "price": price}
        time: Any = f"{sent - 3}{fraction}"
        if self.spot:
            row |= {"currency_pair": name, "side": side, "amount": f"{size:f}", "create_time_ms": time}
            row |= random.choice([{}, {"id_market": random.randrange(1 << 40), "range": random.choice(WORDS)}])
        else:
            written = f"{size:f}" if side == "buy" else f"-{size:f}"
            row |= {"contract": name, "size": random.choice([written, Raw(written)]), "create_time_ms": Raw(time)}
            row |= random.choice([{}, {"is_internal": True}])
        factor, multiplier = Decimal(instrument.unit_factor or 1), Decimal(instrument.multiplier or 1)
        return row, Row(
            id=str(number),
            price=plain(Decimal(price) / factor),
            quantity=plain(size * multiplier * factor),
            side=side,
            time=int(Decimal(time).scaleb(6)),
            sent=sent * 1_000_000,
        )

    def _damaged(self, row: dict[str, Any]) -> tuple[Any, str]:
        random = self.random
        if not self.spot and random.random() < 0.1:
            return random.choice(NO_OBJECTS), "a row is no object"
        fields: dict[str, Sequence[Any]] = {"id": INTEGERS, "create_time_ms": INSTANTS, "price": DECIMALS}
        fields |= {"currency_pair": NAMES, "side": WORDS, "amount": DECIMALS} if self.spot else {"contract": NAMES}
        fields |= {} if self.spot else {"size": SIZES}
        if random.random() < 0.2:  # without these it is a row all the same
            name, values = ("id_market", INTEGERS) if self.spot else ("is_internal", TRUTHS)
            return row | {name: random.choice(values)}, name
        row = dict(row)
        return row, damage(row, fields, random)


def _instruments(market: str) -> dict[str, Instrument]:
    multipliers = (None, None) if market == "spot" else ("0.0001", "10")
    found = [Instrument("gate", market, "BTC_USDT", "BTC", "USDT", multiplier=multipliers[0])]
    found += [Instrument("gate", market, "1000X_USDT", "X", "USDT", multiplier=multipliers[1], unit_factor="1000")]
    return {instrument.name: instrument for instrument in found}
