"""How each market writes its REST replies with past trades, for the mutator (:mod:`tests.fuzz_history`)."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.wire.instrument import Instrument
from tests.damage import DECIMALS, INTEGERS, NAMES, TIMES, TRUTHS, WORDS, Raw, Row, damage, plain
from tests.fuzz_gate import INSTANTS, NO_ARRAYS, SIZES
from tests.fuzz_history import Form, Members
from tests.fuzz_kucoin import COUNTS, EXECUTION, MATCH

START = 1_700_000_000_000  # ms


def _row(instrument: Instrument, number: str, price: str, units: Decimal, more: tuple[str, int]) -> Row:
    """What must come of a row; ``more`` are its side and its time in ns."""
    factor, multiplier = Decimal(instrument.unit_factor or 1), Decimal(instrument.multiplier or 1)
    return Row(number, plain(Decimal(price) / factor), plain(units * multiplier * factor), *more, None)


def _amounts(random: Random) -> tuple[str, str]:
    return f"{random.randrange(1, 10**9) / 1000:.8f}", f"{random.randrange(1, 10**6) / 100:.3f}"


def _gate_spot(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, amount = _amounts(random)
    time, side = (
        f"{START + random.randrange(10**9)}{random.choice(['', '.5', '.4578'])}",
        random.choice(["buy", "sell"]),
    )
    number, own = random.randrange(10**6, 1 << 62), True
    if random.random() < 0.2:  # a row of a time before the market's ids
        number, own = random.randrange(10**6), False
    row = {"id": str(number), "create_time_ms": time, "currency_pair": instrument.name, "side": side}
    row |= {"amount": amount, "price": price} | ({"sequence_id": str(number)} if own else {})
    return row, _row(instrument, str(number), price, Decimal(amount), (side, int(Decimal(time).scaleb(6))))


def _gate_futures(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, size = _amounts(random)
    time, side = START + random.randrange(10**9), random.choice(["buy", "sell"])
    signed = size if side == "buy" else f"-{size}"
    row: Members = {"id": random.randrange(1 << 62), "contract": instrument.name, "price": price}
    row |= {"size": random.choice([signed, Raw(signed)]), "create_time": random.choice(WORDS)}
    row |= {"create_time_ms": random.choice([time, Raw(f"{time}.0"), Raw(f"{time // 1000}.{time % 1000:03}")])}
    return row, _row(instrument, str(row["id"]), price, Decimal(size), (side, time * 1_000_000))


def _kucoin_spot(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, size = _amounts(random)
    number, side = str(random.randrange(1, 1 << 62)), random.choice(["buy", "sell"])
    time = START * 1_000_000 + random.randrange(10**15)
    row = {"sequence": number, "price": price, "size": size, "side": side, "time": time}
    return row, _row(instrument, number, price, Decimal(size), (side, time))


def _kucoin_futures(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, lots = _amounts(random)[0], str(random.randrange(1, 10**9)) + random.choice(["", "", ".25"])
    number, side = random.randrange(1 << 62), random.choice(["buy", "sell"])
    time = START * 1_000_000 + random.randrange(10**15)
    row: Members = {"sequence": number, "price": price, "size": Raw(lots), "side": side, "ts": time}
    return row, _row(instrument, str(number), price, Decimal(lots), (side, time))


def _kucoin(rows: list[Any], name: str) -> Members:
    return {"code": "200000", "data": rows}


def _spoil_kucoin(message: Members, random: Random) -> str:
    return damage(message, {"code": WORDS, "data": NO_ARRAYS}, random)


def _phemex_row(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    """Of few times and amounts, so that there are equal ones; the id lacks the number."""
    spot, side = instrument.market == "spot", random.choice(["Buy", "Sell"])
    time = START * 1_000_000 + random.randrange(5) * 1_000_000_000
    price, quantity = random.choice([769100000, 12]), random.choice([168200000, 1])
    row: Members = {"time": time, "side": side, "price": price, "quantity": quantity}
    scales = (-8, -(instrument.quantity_scale or 0)) if spot else (-4, -4)
    real, units = Decimal(price).scaleb(scales[0]), Decimal(quantity).scaleb(scales[1])
    if not spot:
        row |= {"price": plain(real), "quantity": plain(units)}
    found = _row(instrument, "", plain(real), units, (side.lower(), time))
    return row, found._replace(id=f"{time}-{side[0]}-{found.price}-{found.quantity}")


def _phemex_elements(row: Members) -> list[Any]:
    return list(row.values())


def _numbered(rows: Sequence[Row], full: bool) -> list[Row]:
    """Oldest first, equal rows counted, without those of the oldest time where the reply is full."""
    seen: Counter[str] = Counter()
    found = []
    for row in reversed(rows):
        found.append(row._replace(id=f"{row.id}-{seen[row.id]}"))
        seen[row.id] += 1
    return [row for row in found if not full or row.time > found[0].time]


def _phemex(key: str, amounts: Sequence[Any]) -> Form:
    def wrap(rows: list[Any], name: str) -> Members:
        return {"error": None, "id": 0, "result": {"sequence": 5, "symbol": name, key: rows, "type": "snapshot"}}

    def spoil(message: Members, random: Random) -> str:
        if random.random() < 0.3:
            message["error"] = random.choice([{"code": 6001, "message": "invalid argument"}, {}, [], 5, True, "", "x"])
            return "error"
        if random.random() < 0.3:
            return damage(message, {"result": WORDS}, random)
        return damage(message["result"], {"symbol": NAMES, key: NO_ARRAYS}, random)

    fields = {"time": TIMES, "side": WORDS, "price": amounts, "quantity": amounts}
    return Form(
        row=_phemex_row,
        fields=fields,
        full=200,
        wrap=wrap,
        spoil=spoil,
        written=_phemex_elements,
        order=lambda row: -row.time,
        expected=_numbered,
    )


_NUMBERS = [value for value in COUNTS if value != "0"]
_GATE: dict[str, Sequence[Any]] = {"price": DECIMALS, "create_time_ms": INSTANTS}
_PAIR = _GATE | {"id": _NUMBERS, "currency_pair": NAMES, "side": WORDS, "amount": DECIMALS}
_CONTRACT = _GATE | {"id": INTEGERS, "contract": NAMES, "size": SIZES}
# Of a contract these are times in seconds.
_CONTRACT |= {"create_time_ms": [value for value in INSTANTS if value not in (1790001515, "1790001515.463")]}
_MATCH = {name: values for name, values in MATCH.items() if name != "symbol"} | {"time": TIMES}
_EXECUTION = {name: values for name, values in EXECUTION.items() if name != "symbol"}

FORMS: dict[str, Form] = {
    "gate.spot": Form(row=_gate_spot, fields=_PAIR, spare={"sequence_id": _NUMBERS}, full=1000),
    "gate.futures": Form(row=_gate_futures, fields=_CONTRACT, spare={"is_internal": TRUTHS}, full=1000),
    "kucoin.spot": Form(row=_kucoin_spot, fields=_MATCH, full=100, wrap=_kucoin, spoil=_spoil_kucoin),
    "kucoin.futures": Form(row=_kucoin_futures, fields=_EXECUTION, full=100, wrap=_kucoin, spoil=_spoil_kucoin),
    "phemex.spot": _phemex("trades", (*INTEGERS, 0)),
    "phemex.futures": _phemex("trades_p", DECIMALS),
}
"""How past trades are written, by market."""
